import type { GraphIndex, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute } from "@flotilla/runtime/ir";

/** float32 elements of a tensor, as a view where they are aligned. */
export function float32Values(tensor: OnnxTensor): Float32Array {
  if (tensor.elementType !== "float32" || Array.isArray(tensor.data)) throw new RangeError(`tensor ${tensor.name} is ${tensor.elementType}, not float32`);
  const { data } = tensor;
  const bytes = data.byteOffset % 4 === 0 ? data : Uint8Array.from(data);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** A node that multiplies what it reads with a constant matrix: `y = x · W (+ bias)`. */
export type MatrixProduct = {
  readonly node: OnnxNode;
  readonly matrix: OnnxTensor;
  /** Rows and columns of W as it is multiplied, whichever way it lies in the file. */
  readonly depth: number;
  readonly columns: number;
  readonly isTransposed: boolean;
  readonly bias: string | null;
};

/** MatMul, or Gemm without factors, by a constant float32 matrix; else null. */
export function matrixProduct(node: OnnxNode, index: GraphIndex): MatrixProduct | null {
  if (node.domain !== "" || (node.opType !== "MatMul" && node.opType !== "Gemm")) return null;
  const matrix = index.constantValue(node.inputs[1] ?? "");
  if (matrix === null || matrix.elementType !== "float32" || matrix.dims.length !== 2) return null;
  const isGemm = node.opType === "Gemm";
  const bias = isGemm && (node.inputs[2] ?? "") !== "" ? (node.inputs[2] ?? null) : null;
  if (isGemm && !isPlain(node, bias !== null)) return null;
  const isTransposed = isGemm && intAttribute(node, "transB", 0) !== 0;
  const [rows = 0, columns = 0] = matrix.dims;
  return { node, matrix, depth: isTransposed ? columns : rows, columns: isTransposed ? rows : columns, isTransposed, bias };
}

function isPlain(node: OnnxNode, hasBias: boolean): boolean {
  return floatAttribute(node, "alpha", 1) === 1 && (!hasBias || floatAttribute(node, "beta", 1) === 1) && intAttribute(node, "transA", 0) === 0;
}

/** W as [depth, columns], row-major. */
export function matrixValues({ matrix, depth, columns, isTransposed }: MatrixProduct): Float32Array {
  const values = float32Values(matrix);
  if (!isTransposed) return values;
  const turned = new Float32Array(values.length);
  for (let k = 0; k < depth; k += 1) for (let column = 0; column < columns; column += 1) turned[k * columns + column] = values[column * depth + k] ?? 0;
  return turned;
}
