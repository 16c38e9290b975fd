import type { OnnxNode } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute } from "@flotilla/runtime/ir";
import type { ChannelAffine } from "../channel-affine.ts";
import { perChannel } from "../channel-affine.ts";
import type { GraphView } from "../graph-view.ts";
import { readWeights, scaled, withParameters } from "./linear-operator.ts";
import type { LinearOperator, Weights } from "./linear-operator.ts";

type Parts = {
  /** With alpha in them. */
  readonly weights: Weights;
  /** With beta in it, one number per column. */
  readonly bias: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly rowOf: (index: number) => number;
  readonly columnOf: (index: number) => number;
};

/** alpha · A·B + beta · C with constant B and C; C as one number or one per column. */
export const gemm: LinearOperator = {
  absorbAfter(node, affine, view) {
    const parts = readParts(node, view);
    const factors = parts === null ? null : onColumns(affine, parts.columns);
    if (parts === null || factors === null) return null;
    const { scale, shift } = factors;
    const values = scaled(parts.weights, (index) => scale[parts.columnOf(index)] ?? 1);
    const bias = parts.bias.map((value, column) => value * (scale[column] ?? 1) + (shift[column] ?? 0));
    return plainGemm(node, view, { ...parts.weights, values }, bias);
  },

  absorbBefore(node, affine, view) {
    const parts = readParts(node, view);
    const factors = parts === null ? null : onColumns(affine, parts.rows);
    if (parts === null || factors === null || intAttribute(node, "transA", 0) !== 0) return null;
    const { weights, rowOf, columnOf } = parts;
    const bias = Float64Array.from(parts.bias);
    for (const [index, value] of weights.values.entries()) {
      bias[columnOf(index)] = (bias[columnOf(index)] ?? 0) + value * (factors.shift[rowOf(index)] ?? 0);
    }
    return plainGemm(node, view, { ...weights, values: scaled(weights, (index) => factors.scale[rowOf(index)] ?? 1) }, bias);
  },
};

/** The same product with alpha = beta = 1: both multiplied into the constants. Null where they are 1 already or C is not constant. */
export function withoutAlphaBeta(node: OnnxNode, view: GraphView): OnnxNode | null {
  if (floatAttribute(node, "alpha", 1) === 1 && floatAttribute(node, "beta", 1) === 1) return null;
  const parts = readParts(node, view);
  return parts === null ? null : plainGemm(node, view, parts.weights, parts.bias);
}

function plainGemm(node: OnnxNode, view: GraphView, weights: Weights, bias: Float64Array): OnnxNode | null {
  const attributes = node.attributes.filter(({ name }) => name !== "alpha" && name !== "beta");
  return withParameters({ ...node, attributes }, view, weights, bias);
}

function readParts(node: OnnxNode, view: GraphView): Parts | null {
  const read = readWeights(node.inputs[1], view);
  if (read === null || read.dims.length !== 2) return null;
  const [outer = 0, inner = 0] = read.dims;
  const isTransposed = intAttribute(node, "transB", 0) !== 0;
  const [rows, columns] = isTransposed ? [inner, outer] : [outer, inner];
  const bias = readRowBias(node, view, columns);
  if (bias === null) return null;
  const alpha = floatAttribute(node, "alpha", 1);
  const beta = floatAttribute(node, "beta", 1);
  const major = (index: number) => Math.floor(index / inner);
  const minor = (index: number) => index % inner;
  return {
    weights: { ...read, values: read.values.map((value) => value * alpha) },
    bias: bias.map((value) => value * beta),
    rows,
    columns,
    rowOf: isTransposed ? minor : major,
    columnOf: isTransposed ? major : minor,
  };
}

/** C as one number per column, if it does not differ from row to row. */
function readRowBias(node: OnnxNode, view: GraphView, columns: number): Float64Array | null {
  const name = node.inputs[2] ?? "";
  if (name === "") return new Float64Array(columns);
  const values = view.numbers(name);
  const dims = view.constant(name)?.dims ?? [];
  const isRow = dims.length <= 1 || dims[0] === 1;
  return values !== null && isRow ? perChannel(values, columns) : null;
}

function onColumns(affine: ChannelAffine, channels: number): { scale: Float64Array; shift: Float64Array } | null {
  if (affine.axis !== null && affine.axis !== 1) return null;
  const scale = perChannel(affine.scale, channels);
  const shift = perChannel(affine.shift, channels);
  return scale === null || shift === null ? null : { scale, shift };
}
