import type { OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute, tensorNumbers } from "@flotilla/runtime/ir";
import type { Constants, DotLayer, Filters, Finish, PatchLayout } from "../dot-layer.ts";
import { constantNumbers, isPairedOn, multipliers, NotEmulated, packFilters, quantisedFinish } from "../dot-layer.ts";

/** QGemm (com.microsoft): with or without a quantised output; the bias is int32 and joins the sum. */
export function qgemm(node: OnnxNode, constants: Constants): DotLayer {
  const [a = "", aScale, aZero, b, bScale, bZero, bias, yScale, yZero] = node.inputs;
  if (floatAttribute(node, "alpha", 1) !== 1) throw new NotEmulated("its alpha is not 1");
  if (intAttribute(node, "transA", 0) !== 0) throw new NotEmulated("its activations are transposed");
  const scale = constantNumbers(constants, aScale, "its scale")[0] ?? 0;
  const matrix = matrixOf(constants, b, intAttribute(node, "transB", 0) !== 0);
  const filters = matrixFilters(matrix, constants, { aZero, bZero, bias });
  const weightScales = constantNumbers(constants, bScale, "its weights' scale");
  const finish =
    yScale === undefined || yScale === ""
      ? floatFinish(multipliers(scale, weightScales, null, matrix.columns), null)
      : quantisedFinish(constants, yZero, multipliers(scale, weightScales, constantNumbers(constants, yScale, "its output's scale")[0] ?? 0, matrix.columns));
  return matrixLayer(node, a, filters, finish, isPairedOn(constants, aZero, b));
}

/** QLinearMatMul (ONNX opset 10) with a constant matrix on the right. */
export function qlinearMatMul(node: OnnxNode, constants: Constants): DotLayer {
  const [a = "", aScale, aZero, b, bScale, bZero, yScale, yZero] = node.inputs;
  const scale = constantNumbers(constants, aScale, "its scale")[0] ?? 0;
  const matrix = matrixOf(constants, b, false);
  const filters = matrixFilters(matrix, constants, { aZero, bZero, bias: "" });
  const output = constantNumbers(constants, yScale, "its output's scale")[0] ?? 0;
  const finish = quantisedFinish(constants, yZero, multipliers(scale, constantNumbers(constants, bScale, "its weights' scale"), output, matrix.columns));
  return matrixLayer(node, a, filters, finish, isPairedOn(constants, aZero, b));
}

/** MatMulIntegerToFloat (com.microsoft) with a constant matrix on the right and constant scales. */
export function matMulIntegerToFloat(node: OnnxNode, constants: Constants): DotLayer {
  const [a = "", b, aScale, bScale, aZero, bZero, bias] = node.inputs;
  const scale = constantNumbers(constants, aScale, "its scale")[0] ?? 0;
  const matrix = matrixOf(constants, b, false);
  const filters = matrixFilters(matrix, constants, { aZero, bZero, bias: "" });
  const factors = multipliers(scale, constantNumbers(constants, bScale, "its weights' scale"), null, matrix.columns);
  const floatBias = bias === undefined || bias === "" ? null : Float32Array.from(constantNumbers(constants, bias, "its bias"));
  return matrixLayer(node, a, filters, floatFinish(factors, floatBias), isPairedOn(constants, aZero, b));
}

function floatFinish(factors: Float32Array, floatBias: Float32Array | null): Finish {
  return { multipliers: factors, elementType: "float32", zero: 0, floatBias };
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

type Sides = { readonly aZero: string | undefined; readonly bZero: string | undefined; readonly bias: string | undefined };

function matrixFilters(matrix: Matrix, constants: Constants, { aZero, bZero, bias }: Sides): Filters {
  const optional = (name: string | undefined, what: string) => (name === undefined || name === "" ? Float64Array.of(0) : constantNumbers(constants, name, what));
  return packFilters({
    groups: 1,
    columns: matrix.columns,
    depth: matrix.depth,
    zeros: optional(bZero, "its weights' zero point"),
    activationZero: optional(aZero, "its zero point")[0] ?? 0,
    bias: bias === undefined || bias === "" ? null : broadcast(constantNumbers(constants, bias, "its bias"), matrix.columns),
    weight: (filter, k) => matrix.weight(filter, k),
  });
}

function broadcast(bias: Float64Array, columns: number): Float64Array {
  if (bias.length !== 1 && bias.length !== columns) throw new NotEmulated("its bias differs from row to row");
  return bias.length === columns ? bias : new Float64Array(columns).fill(bias[0] ?? 0);
}

function matrixLayer(node: OnnxNode, activations: string, filters: Filters, finish: Finish, isPaired: boolean): DotLayer {
  const { depth, paddedDepth, columns } = filters;
  return {
    node,
    opType: node.opType,
    activations,
    output: node.outputs[0] ?? "",
    filters,
    finish,
    isPaired,
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
