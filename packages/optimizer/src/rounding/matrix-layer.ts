import type { OnnxNode } from "@flotilla/runtime/ir";
import { convLayer } from "./layers/conv-layer.ts";
import { gemmLayer } from "./layers/gemm-layer.ts";
import { matMulLayer } from "./layers/mat-mul-layer.ts";

/** How one input of a layer falls into rows: what a row reads, and where its results stand in the output. */
export type RowReader = {
  /** Rows of one input. */
  readonly rows: number;
  /** Writes the `depth` values that a group reads for a row to `into[at…]`. */
  read(data: Float32Array, row: number, group: number, into: Float32Array, at: number): void;
  /** Flat index in the output of the layer. */
  outputIndex(row: number, group: number, column: number): number;
};

/** A layer as products of rows with a constant matrix, `[rows, depth] · [depth, columns]` in each of its groups, plus a bias. */
export type MatrixLayer = {
  readonly groups: number;
  readonly depth: number;
  /** Columns of one group. */
  readonly columns: number;
  /** What the product is multiplied with before the bias is added. */
  readonly factor: number;
  /** Flat index in the weight tensor. */
  weightIndex(group: number, k: number, column: number): number;
  /** For an input of this shape. */
  rowsOf(shape: readonly number[]): RowReader;
};

const LAYERS: Readonly<Record<string, (node: OnnxNode, weightDims: readonly number[]) => MatrixLayer | null>> = {
  Conv: convLayer,
  Gemm: gemmLayer,
  MatMul: matMulLayer,
};

/** The node as a matrix product; null for operators and attributes that are none. */
export function matrixLayer(node: OnnxNode, weightDims: readonly number[]): MatrixLayer | null {
  return node.domain === "" ? (LAYERS[node.opType]?.(node, weightDims) ?? null) : null;
}
