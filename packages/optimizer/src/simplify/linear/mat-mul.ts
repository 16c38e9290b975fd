import type { OnnxNode } from "@flotilla/runtime/ir";
import { perChannel } from "../channel-affine.ts";
import type { ChannelAffine } from "../channel-affine.ts";
import type { GraphView } from "../graph-view.ts";
import { gemmNode, isZero, readWeights, scaled, withParameters } from "./linear-operator.ts";
import type { LinearOperator, Weights } from "./linear-operator.ts";

/** A·B with a constant matrix B. A matrix plus a shift becomes a Gemm; with more dimensions only a factor can be taken in. */
export const matMul: LinearOperator = {
  absorbAfter(node, affine, view) {
    const matrix = readMatrix(node, affine, view);
    const columns = matrix?.weights.dims[1] ?? 0;
    const scale = perChannel(affine.scale, columns);
    const shift = perChannel(affine.shift, columns);
    if (matrix === null || scale === null || shift === null) return null;
    const values = scaled(matrix.weights, (index) => scale[index % columns] ?? 1);
    return rebuilt(node, view, matrix, values, shift);
  },

  absorbBefore(node, affine, view) {
    const matrix = readMatrix(node, affine, view);
    const [rows = 0, columns = 0] = matrix?.weights.dims ?? [];
    const scale = perChannel(affine.scale, rows);
    const shift = perChannel(affine.shift, rows);
    if (matrix === null || scale === null || shift === null) return null;
    const bias = new Float64Array(columns);
    for (const [index, value] of matrix.weights.values.entries()) {
      const column = index % columns;
      bias[column] = (bias[column] ?? 0) + value * (shift[Math.floor(index / columns)] ?? 0);
    }
    return rebuilt(node, view, matrix, scaled(matrix.weights, (index) => scale[Math.floor(index / columns)] ?? 1), bias);
  },
};

type Matrix = { readonly weights: Weights; readonly rank: number };

function readMatrix(node: OnnxNode, affine: ChannelAffine, view: GraphView): Matrix | null {
  const weights = readWeights(node.inputs[1], view);
  const rank = view.shape(node.inputs[0])?.length ?? 0;
  if (weights === null || weights.dims.length !== 2 || rank < 2) return null;
  return affine.axis === null || affine.axis === rank - 1 ? { weights, rank } : null;
}

function rebuilt(node: OnnxNode, view: GraphView, { weights, rank }: Matrix, values: Float64Array, bias: Float64Array): OnnxNode | null {
  if (isZero(bias)) return withParameters(node, view, { ...weights, values }, bias);
  return rank === 2 ? gemmNode(node, view, { ...weights, values }, bias) : null;
}
