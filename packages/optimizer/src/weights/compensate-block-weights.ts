import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import type { PassChange } from "../pass.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import type { BlockWeights } from "./block-quantisation.ts";
import { quantiseBlocks } from "./block-quantisation.ts";
import type { BlockWeightOptions } from "./block-weights.ts";
import { blockProducts, blockWeights } from "./block-weights.ts";
import { compensatedBlocks, outputError } from "./compensated-blocks.ts";
import { matrixValues } from "./float-weights.ts";
import { inputMoments } from "./input-moments.ts";

/** What became of one product: its outputs' squared error on held-out examples over that of rounding to the nearest. */
export type CompensatedProduct = { readonly node: string; readonly isCompensated: boolean; readonly errorRatio: number | null };

/** A deeper product takes too long: the work grows with the cube. */
const DEPTH_MAX = 2_048;

/**
 * `blockWeights` with weights that are rounded so that the outputs on the examples change least. A product whose outputs are not nearer on
 * examples that were held out is rounded to the nearest, as are those deeper than 2,048. `model` stays untouched. The same model, examples
 * and options give the same bytes.
 */
export async function compensateBlockWeights(
  model: OnnxModel,
  options: BlockWeightOptions,
  examples: ExampleSource,
  context: CalibrationContext = {},
): Promise<{ readonly model: OnnxModel; readonly changes: readonly PassChange[]; readonly products: readonly CompensatedProduct[] }> {
  const index = new GraphIndex(model.graph);
  const products = blockProducts(model, options);
  const depths = new Map(products.filter(({ depth }) => depth <= DEPTH_MAX).map(({ node, depth }) => [node.inputs[0] ?? "", depth]));
  const moments = await inputMoments(model, depths, examples, context);
  const prepared = new Map<string, BlockWeights>();
  const reports = products.map((product): CompensatedProduct => {
    context.signal?.throwIfAborted();
    const { node, depth, columns } = product;
    const found = index.constantValue(node.inputs[0] ?? "") === null ? moments.get(node.inputs[0] ?? "") : undefined;
    const weights = matrixValues(product);
    const blocks = found === undefined || depth > DEPTH_MAX ? null : compensatedBlocks(weights, depth, columns, found.fitted, options);
    if (found === undefined || blocks === null) return { node: node.name, isCompensated: false, errorRatio: null };
    const [before, after] = [quantiseBlocks(weights, depth, columns, options), blocks].map((made) => outputError(weights, made, depth, columns, found.heldOut, options.blockSize));
    const errorRatio = before === undefined || after === undefined || !(before > 0) ? null : after / before;
    const isCompensated = errorRatio !== null && errorRatio < 1;
    if (isCompensated) prepared.set(node.outputs[0] ?? "", blocks);
    return { node: node.name, isCompensated, errorRatio };
  });
  const made = cloneModel(model);
  return { model: made, changes: await blockWeights({ ...options, prepared }).run(made, {}), products: reports };
}
