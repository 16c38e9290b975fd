import type { OnnxNode } from "@flotilla/runtime/ir";
import { floatAttribute, intAttribute } from "@flotilla/runtime/ir";
import type { GraphView } from "./graph-view.ts";
import { isFloatType } from "./float-constant.ts";

/** y = scale[c] · x + shift[c] for channel c along `axis` of x; arrays of one element stand for every channel. */
export type ChannelAffine = {
  /** The value x. */
  readonly input: string;
  /** Null: the same for all channels, whatever the axis. */
  readonly axis: number | null;
  readonly scale: Float64Array;
  readonly shift: Float64Array;
  readonly what: string;
};

type Reader = (node: OnnxNode, view: GraphView) => ChannelAffine | null;

const READERS: Readonly<Record<string, Reader>> = {
  BatchNormalization: readBatchNorm,
  Mul: (node, view) => readBinary(node, view, (value) => [value, 0]),
  Add: (node, view) => readBinary(node, view, (value) => [1, value]),
  Div: (node, view) => readBinary(node, view, (value, isFirst) => (isFirst ? null : [1 / value, 0])),
  Sub: (node, view) => readBinary(node, view, (value, isFirst) => (isFirst ? [-1, value] : [1, -value])),
};

/** Operators that can be a multiplication and an addition per channel. */
export const AFFINE_OPERATORS = Object.keys(READERS);

/** What the node does, if it is such an operation with constants; null otherwise. */
export function readChannelAffine(node: OnnxNode, view: GraphView): ChannelAffine | null {
  if (node.domain !== "" || !Object.hasOwn(READERS, node.opType) || !isFloatType(view.elementType(node.inputs[0]))) return null;
  return READERS[node.opType]?.(node, view) ?? null;
}

/** Inference form of BatchNormalization: scale = γ / √(σ² + ε), shift = β - μ · scale (ONNX operator, training_mode = 0). */
function readBatchNorm(node: OnnxNode, view: GraphView): ChannelAffine | null {
  const isPerElement = view.opset < 9 && intAttribute(node, "spatial", 1) === 0;
  if (intAttribute(node, "training_mode", 0) !== 0 || isPerElement || node.outputs.slice(1).some((name) => view.isUsed(name))) return null;
  const [gamma, beta, mean, variance] = node.inputs.slice(1, 5).map((name) => view.numbers(name));
  if (gamma == null || beta == null || mean == null || variance == null) return null;
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const scale = gamma.map((value, channel) => value / Math.sqrt((variance[channel] ?? 0) + epsilon));
  const shift = scale.map((value, channel) => (beta[channel] ?? 0) - (mean[channel] ?? 0) * value);
  return { input: node.inputs[0] ?? "", axis: 1, scale, shift, what: node.opType };
}

/** A constant operand that is the same everywhere but along one axis, and does not enlarge the other operand. */
function readBinary(
  node: OnnxNode,
  view: GraphView,
  parts: (value: number, isConstantFirst: boolean) => readonly [scale: number, shift: number] | null,
): ChannelAffine | null {
  const [first = "", second = ""] = node.inputs;
  const isFirst = view.constant(first) !== null;
  const input = isFirst ? second : first;
  const values = view.numbers(isFirst ? first : second);
  const dims = view.constant(isFirst ? first : second)?.dims;
  if (values === null || dims === undefined || view.constant(input) !== null) return null;
  const axis = channelAxis(dims, view.shape(input)?.length ?? null);
  if (axis === undefined) return null;
  const pairs = Array.from(values, (value) => parts(value, isFirst));
  const known = pairs.filter((pair) => pair !== null);
  if (known.length < pairs.length) return null;
  return { input, axis, scale: Float64Array.from(known, ([scale]) => scale), shift: Float64Array.from(known, ([, shift]) => shift), what: node.opType };
}

/** Axis (from the front) of the only dimension that is not 1; null if all are 1; undefined if there are several or the rank would grow. */
function channelAxis(dims: readonly number[], rank: number | null): number | null | undefined {
  const wide = dims.flatMap((dim, axis) => (dim === 1 ? [] : [axis]));
  if (rank === null) return dims.length === 0 ? null : undefined;
  if (dims.length > rank || wide.length > 1 || dims.includes(0)) return undefined;
  const [only] = wide;
  return only === undefined ? null : only + rank - dims.length;
}

/** The numbers for `channels` channels, whether given once or for each; null if the counts differ. */
export function perChannel(values: Float64Array, channels: number): Float64Array | null {
  if (values.length === channels) return values;
  const [only] = values;
  return values.length === 1 && only !== undefined ? new Float64Array(channels).fill(only) : null;
}
