import type { OnnxNode } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute } from "@flotilla/runtime/ir";
import type { MatrixLayer } from "../matrix-layer.ts";
import { plainRows } from "./mat-mul-layer.ts";

/** Gemm (ONNX opset 13) with a constant matrix B and activations that are not transposed; its beta is 1 wherever it has a bias. */
export function gemmLayer(node: OnnxNode, weightDims: readonly number[]): MatrixLayer | null {
  if (weightDims.length !== 2 || intAttribute(node, "transA", 0) !== 0) return null;
  const isTransposed = intAttribute(node, "transB", 0) !== 0;
  const [first = 0, second = 0] = weightDims;
  const [depth, columns] = isTransposed ? [second, first] : [first, second];
  const weightIndex = isTransposed ? (_group: number, k: number, column: number) => column * depth + k : (_group: number, k: number, column: number) => k * columns + column;
  return { groups: 1, depth, columns, factor: floatAttribute(node, "alpha", 1), weightIndex, rowsOf: (shape) => plainRows(shape, depth, columns) };
}
