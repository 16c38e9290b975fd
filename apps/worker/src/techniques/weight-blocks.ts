import type { Technique } from "@flotilla/fleet";
import { blockWeights, compensateBlockWeights } from "@flotilla/optimizer";
import { byPass } from "./by-pass.ts";
import { TechniqueRefusal, type Maker } from "./maker.ts";
import { groundwork } from "./simplified.ts";

type WeightBlocks = Extract<Technique, { kind: "weight_blocks" }>;

/** Compensated weights lie on the grids that are best without: measured, they end nearer than on those of "nearest". Recipes from before there was a choice have no rounding, and get those. */
const GRIDS = { nearest: "nearest", least_squares: "least-squares", half_quadratic: "half-quadratic", compensated: "least-squares" } as const;

const optionsOf = ({ bits, blockSize, symmetric, rounding }: WeightBlocks) => ({ bits, blockSize, symmetric, scales: GRIDS[rounding] });

const makeAlone = byPass((technique: WeightBlocks) => blockWeights(optionsOf(technique)));

/** Matrices in blocks: by their weights alone or, with examples, rounded so that what the products give changes least. */
export const makeWeightBlocks: Maker<WeightBlocks> = async (model, technique, context) => {
  if (technique.rounding !== "compensated") return makeAlone(model, technique, context);
  if (context.examples === null || context.examples.count < 2) throw new TechniqueRefusal("rounding that looks at outputs needs at least two examples in the calibration split");
  const ground = await groundwork(model, context, "float");
  const options = optionsOf(technique);
  const pass = blockWeights(options);
  const why = pass.appliesTo(ground.model, {});
  if (why !== null) throw new TechniqueRefusal(why);
  const { model: made, changes, products } = await compensateBlockWeights(ground.model, options, context.examples);
  const ratios = products.flatMap(({ isCompensated, errorRatio }) => (isCompensated && errorRatio !== null ? [errorRatio] : [])).sort((a, b) => a - b);
  const median = ratios[Math.floor(ratios.length / 2)];
  const gain = median === undefined ? "" : `, with ${Math.round(median * 100)} % of the squared error of rounding alone on examples that were held out (median)`;
  const effect = `${pass.expectedEffect}; ${ratios.length} of ${products.length} products keep their outputs better${gain}`;
  return { ...ground, model: made, passes: [...ground.passes, { name: pass.name, title: pass.title, changes: changes.length, effect }] };
};
