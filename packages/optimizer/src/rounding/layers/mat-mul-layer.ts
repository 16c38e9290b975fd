import type { OnnxNode } from "@flotilla/runtime/ir";
import type { MatrixLayer, RowReader } from "../matrix-layer.ts";

/** MatMul (ONNX opset 13) with a constant matrix on the right; all axes but the last of its input count rows. */
export function matMulLayer(_node: OnnxNode, weightDims: readonly number[]): MatrixLayer | null {
  const [depth, columns] = weightDims;
  if (weightDims.length !== 2 || depth === undefined || columns === undefined) return null;
  return { groups: 1, depth, columns, factor: 1, weightIndex: (_group, k, column) => k * columns + column, rowsOf: (shape) => plainRows(shape, depth, columns) };
}

/** Rows that lie one behind the other, in the input and in the output. */
export function plainRows(shape: readonly number[], depth: number, columns: number): RowReader {
  return {
    rows: shape.slice(0, -1).reduce((all, dim) => all * dim, 1),
    read(data, row, _group, into, at) {
      into.set(data.subarray(row * depth, (row + 1) * depth), at);
    },
    outputIndex: (row, _group, column) => row * columns + column,
  };
}
