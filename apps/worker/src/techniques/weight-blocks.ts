import type { Technique } from "@flotilla/fleet";
import { blockWeights, compensateBlockWeights } from "@flotilla/optimizer";
import { byPass } from "./by-pass.ts";
import { TechniqueRefusal, type Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

type WeightBlocks = Extract<Technique, { kind: "weight_blocks" }>;

const makeNearest = byPass(({ bits, blockSize, symmetric }: WeightBlocks) => blockWeights({ bits, blockSize, symmetric }));

/** Matrices in blocks: rounded to the nearest or, with examples, so that what the products give changes least. */
export const makeWeightBlocks: Maker<WeightBlocks> = async (model, technique, context) => {
  const { bits, blockSize, symmetric, rounding } = technique;
  // Recipes from before there was a choice have none.
  if (rounding !== "compensated") return makeNearest(model, technique, context);
  if (context.examples === null || context.examples.count < 2) throw new TechniqueRefusal("rounding that looks at outputs needs at least two examples in the calibration split");
  const ground = await groundwork(model, context, "float");
  const pass = blockWeights({ bits, blockSize, symmetric });
  const why = pass.appliesTo(ground.model, {});
  if (why !== null) throw new TechniqueRefusal(why);
  const { model: made, changes, products } = await compensateBlockWeights(ground.model, { bits, blockSize, symmetric }, context.examples);
  const ratios = products.flatMap(({ isCompensated, errorRatio }) => (isCompensated && errorRatio !== null ? [errorRatio] : [])).sort((a, b) => a - b);
  const median = ratios[Math.floor(ratios.length / 2)];
  const gain = median === undefined ? "" : `, with ${Math.round(median * 100)} % of the squared error of rounding to the nearest on examples that were held out (median)`;
  const effect = `${pass.expectedEffect}; ${ratios.length} of ${products.length} products keep their outputs better${gain}`;
  return { ...ground, model: made, passes: [...ground.passes, { name: pass.name, title: pass.title, changes: changes.length, effect }] };
};
