import type { OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute, tensorNumbers } from "@flotilla/runtime/ir";
import type { Constants, DotLayer, Filters, Finish, PatchLayout } from "../dot-layer.ts";
import { constantNumbers, inputParams, isPairedOn, NotEmulated, packFilters, quantisedFinish } from "../dot-layer.ts";

/** QGemm (com.microsoft): with or without a quantised output; the bias is int32 and joins the sum. */
export function qgemm(node: OnnxNode, constants: Constants): DotLayer {
  const [a = "", aScale, aZero, b, bScale, bZero, bias, yScale = "", yZero] = node.inputs;
  if (floatAttribute(node, "alpha", 1) !== 1) throw new NotEmulated("its alpha is not 1");
  if (intAttribute(node, "transA", 0) !== 0) throw new NotEmulated("its activations are transposed");
  const matrix = matrixOf(constants, b, intAttribute(node, "transB", 0) !== 0);
  const scales = constantNumbers(constants, bScale, "its weights' scale");
  return matrixLayer(node, {
    activations: a,
    input: inputParams(constants, aScale, aZero),
    ranged: null,
    filters: matrixFilters(matrix, constants, bZero, bias),
    finish: yScale === "" ? floatFinish(scales, null) : quantisedFinish(constants, { scale: yScale, zero: yZero }, scales),
    isPaired: isPairedOn(constants, aZero, b),
  });
}

/** QLinearMatMul (ONNX opset 10) with a constant matrix on the right. */
export function qlinearMatMul(node: OnnxNode, constants: Constants): DotLayer {
  const [a = "", aScale, aZero, b, bScale, bZero, yScale, yZero] = node.inputs;
  const matrix = matrixOf(constants, b, false);
  return matrixLayer(node, {
    activations: a,
    input: inputParams(constants, aScale, aZero),
    ranged: null,
    filters: matrixFilters(matrix, constants, bZero, ""),
    finish: quantisedFinish(constants, { scale: yScale, zero: yZero }, constantNumbers(constants, bScale, "its weights' scale")),
    isPaired: isPairedOn(constants, aZero, b),
  });
}

/** MatMulIntegerToFloat (com.microsoft) with a constant matrix on the right; its activations may be ranged at run time. */
export function matMulIntegerToFloat(node: OnnxNode, constants: Constants): DotLayer {
  const [a = "", b, aScale = "", bScale, aZero = "", bZero, bias = ""] = node.inputs;
  const matrix = matrixOf(constants, b, false);
  const isRanged = constants(aScale) === null;
  const floatBias = bias === "" ? null : Float32Array.from(constantNumbers(constants, bias, "its bias"));
  return matrixLayer(node, {
    activations: a,
    input: isRanged ? null : inputParams(constants, aScale, aZero),
    ranged: isRanged ? { scale: aScale, zero: aZero } : null,
    filters: matrixFilters(matrix, constants, bZero, ""),
    finish: floatFinish(constantNumbers(constants, bScale, "its weights' scale"), floatBias),
    isPaired: isPairedOn(constants, isRanged ? undefined : aZero, b),
  });
}

function floatFinish(weightScales: Float64Array, floatBias: Float32Array | null): Finish {
  return { weightScales, outputScale: null, elementType: "float32", zero: 0, floatBias };
}

type Matrix = { readonly depth: number; readonly columns: number; weight(column: number, k: number): number };

function matrixOf(constants: Constants, name: string | undefined, isTransposed: boolean): Matrix {
  const tensor: OnnxTensor | null = name === undefined ? null : constants(name);
  if (tensor === null) throw new NotEmulated("its weights are not constant");
  const [rows = 0, columns = 0] = tensor.dims;
  if (tensor.dims.length !== 2) throw new NotEmulated(`its weights have rank ${tensor.dims.length}`);
  const values = tensorNumbers(tensor);
  return isTransposed
    ? { depth: columns, columns: rows, weight: (column, k) => values[column * columns + k] ?? 0 }
    : { depth: rows, columns, weight: (column, k) => values[k * columns + column] ?? 0 };
}

function matrixFilters(matrix: Matrix, constants: Constants, zero: string | undefined, bias: string | undefined): Filters {
  return packFilters({
    groups: 1,
    columns: matrix.columns,
    depth: matrix.depth,
    zeros: zero === undefined || zero === "" ? Float64Array.of(0) : constantNumbers(constants, zero, "its weights' zero point"),
    bias: bias === undefined || bias === "" ? null : broadcast(constantNumbers(constants, bias, "its bias"), matrix.columns),
    weight: (filter, k) => matrix.weight(filter, k),
  });
}

function broadcast(bias: Float64Array, columns: number): Float64Array {
  if (bias.length !== 1 && bias.length !== columns) throw new NotEmulated("its bias differs from row to row");
  return bias.length === columns ? bias : new Float64Array(columns).fill(bias[0] ?? 0);
}

function matrixLayer(node: OnnxNode, parts: Pick<DotLayer, "activations" | "input" | "ranged" | "filters" | "finish" | "isPaired">): DotLayer {
  const { depth, paddedDepth, columns } = parts.filters;
  return {
    ...parts,
    node,
    opType: node.opType,
    output: node.outputs[0] ?? "",
    layOut: (shape): PatchLayout => ({
      outputShape: [...shape.slice(0, -1), columns],
      rows: shape.slice(0, -1).reduce((all, dim) => all * dim, 1),
      spatial: 1,
      fill(data, _group, firstRow, rowCount, into) {
        for (let row = 0; row < rowCount; row += 1) {
          const from = (firstRow + row) * depth;
          const at = row * paddedDepth;
          for (let k = 0; k < depth; k += 1) into[at + k] = data[from + k] ?? 0;
          into.fill(0, at + depth, at + paddedDepth);
        }
      },
    }),
  };
}
