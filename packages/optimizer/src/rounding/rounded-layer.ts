import type { GraphIndex, OnnxNode } from "@flotilla/runtime/ir";
import { tensorNumbers } from "@flotilla/runtime/ir";
import type { QuantisedWeights } from "../quantize/weight-quantisation.ts";
import type { WriteOptions } from "../quantize/write-qdq.ts";
import { quantisedProduct } from "../quantize/write-qdq.ts";
import type { Bounds } from "./activation-bounds.ts";
import { activationBounds } from "./activation-bounds.ts";
import type { LayerProblem } from "./layer-fitter.ts";
import type { MatrixLayer } from "./matrix-layer.ts";
import { matrixLayer } from "./matrix-layer.ts";

/** A quantised layer as a problem of rounding. Levels are integers without the zero point, `[groups, depth, columns]`. */
export type RoundedLayer = {
  readonly matrix: MatrixLayer;
  readonly bounds: Bounds;
  readonly problem: LayerProblem;
  readonly nearestLevels: Float32Array;
  /** The weights of the layer at other levels, in their own order. */
  withLevels(levels: Float32Array): QuantisedWeights;
};

/** Null for nodes that multiply with no constant float32 weights, and for attributes that make a product of another kind. */
export function roundedLayer(node: OnnxNode, index: GraphIndex, plan: WriteOptions): RoundedLayer | null {
  const constant = index.constantValue(node.inputs[1] ?? "");
  if (constant?.elementType !== "float32") return null;
  const matrix = matrixLayer(node, constant.dims);
  if (matrix === null) return null;
  const { weights, layoutAxis, bias } = quantisedProduct(node, index, plan);
  const { groups, depth, columns, factor } = matrix;
  const perColumn = (values: ArrayLike<number>, column: number) => values[values.length === 1 ? 0 : column] ?? 0;
  const outputs = groups * columns;
  const scaleOf = (column: number) => perColumn(weights.scales, layoutAxis === null ? 0 : column);
  const real = tensorNumbers(constant);
  const [floor, fraction, nearestLevels] = [new Float32Array(real.length), new Float32Array(real.length), new Float32Array(real.length)];
  const [lowest, highest] = [weights.format.lowest - weights.zeroPoint, weights.format.highest - weights.zeroPoint];
  const order = new Int32Array(real.length);
  for (let at = 0; at < real.length; at += 1) {
    const group = Math.floor(at / (depth * columns));
    const column = at % columns;
    const source = matrix.weightIndex(group, Math.floor(at / columns) % depth, column);
    const level = Math.fround((real[source] ?? 0) / scaleOf(group * columns + column));
    const below = Math.max(lowest, Math.min(highest - 1, Math.floor(level)));
    order[at] = source;
    floor[at] = below;
    fraction[at] = Math.max(0, Math.min(1, level - below));
    nearestLevels[at] = (weights.values[source] ?? 0) - weights.zeroPoint;
  }
  const problem: LayerProblem = {
    groups,
    depth,
    columns,
    floor,
    fraction,
    scale: Float32Array.from({ length: outputs }, (_, column) => factor * scaleOf(column)),
    bias: Float32Array.from({ length: outputs }, (_, column) => (bias === null ? 0 : (bias.values[column] ?? 0) * perColumn(bias.scales, column))),
    bounds: activationBounds(node, index),
  };
  const withLevels = (levels: Float32Array): QuantisedWeights => {
    const values = new Int32Array(levels.length);
    levels.forEach((level, at) => {
      values[order[at] ?? 0] = level + weights.zeroPoint;
    });
    return { ...weights, values };
  };
  return { matrix, bounds: problem.bounds, problem, nearestLevels, withLevels };
}
