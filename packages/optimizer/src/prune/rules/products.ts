import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, setAttribute } from "@flotilla/runtime/ir";
import type { AxisLabels } from "../channel-classes.ts";
import { FIXED } from "../channel-classes.ts";
import type { ChannelFlow, Labels } from "../channel-flow.ts";
import type { ChannelRule } from "./rule.ts";
import { hasChannelsBeside, labelsAt } from "./rule.ts";

const COMPUTED = "its weights or bias are computed while the model runs";

/** Sizes of constant weights; null when they are computed. */
function constantDims(node: OnnxNode, flow: ChannelFlow): number[] | null {
  const name = node.inputs[1] ?? "";
  const bias = node.inputs[2] ?? "";
  const shape = flow.shape(name);
  if (!flow.isConstant(name) || (bias !== "" && !flow.isConstant(bias)) || shape === null) return null;
  return shape.map(Number);
}

const conv: ChannelRule = (node, flow) => {
  const source = node.inputs[0];
  const dims = constantDims(node, flow);
  if (dims === null) return COMPUTED;
  if (hasChannelsBeside(flow.labels(source), [1])) return "it moves over an axis of channels";
  const input = flow.axis(source, 1);
  const [outputs = 0, perGroup = 0] = dims;
  const group = intAttribute(node, "group", 1);
  if (group > 1 && perGroup === 1) return depthwise(node, flow, input, dims);
  const made = flow.root(node, outputs);
  let taken = input;
  if (group > 1) {
    tieGroups(made, group, flow);
    if (input !== null) tieGroups(input, group, flow);
    taken = input?.slice(0, perGroup) ?? null;
  }
  flow.bind(node, 1, [made, taken, ...dims.slice(2).map(() => null)], ["makes", "takes"]);
  bindBias(node, flow, made);
  if (input !== null) flow.takers.push({ node, input: source ?? "", labels: input, outputs: made });
  flow.set(node.outputs[0], labelsAt(dims.length, 1, made));
  return null;
};

/** A filter a channel: its channels come and go with those of the input. */
function depthwise(node: OnnxNode, flow: ChannelFlow, input: AxisLabels | null, dims: readonly number[]): null {
  if (input === null) return null;
  const multiplier = (dims[0] ?? 0) / input.length;
  const through = Int32Array.from({ length: dims[0] ?? 0 }, (_, at) => input[Math.floor(at / multiplier)] ?? FIXED);
  flow.bind(node, 1, labelsAt(dims.length, 0, through), ["scales"]);
  bindBias(node, flow, through);
  flow.onCut([input], (cut) => setAttribute(node, "group", { int: cut.count(input) }));
  flow.set(node.outputs[0], labelsAt(dims.length, 1, through));
  return null;
}

/** The same position goes from every group, so that groups stay of one size. */
function tieGroups(labels: AxisLabels, group: number, flow: ChannelFlow): void {
  const size = labels.length / group;
  for (const [position, atom] of labels.entries()) flow.classes.uniteAtoms(atom, labels[position % size] ?? FIXED, "a group of its convolution needs all of its channels");
}

function bindBias(node: OnnxNode, flow: ChannelFlow, made: AxisLabels): void {
  if ((node.inputs[2] ?? "") !== "") flow.bind(node, 2, [made]);
}

const convTranspose: ChannelRule = (node, flow) => {
  const source = node.inputs[0];
  const dims = constantDims(node, flow);
  if (dims === null) return COMPUTED;
  if (hasChannelsBeside(flow.labels(source), [1])) return "it moves over an axis of channels";
  if (intAttribute(node, "group", 1) !== 1) return "it is a transposed convolution in groups";
  const input = flow.axis(source, 1);
  const made = flow.root(node, dims[1] ?? 0);
  flow.bind(node, 1, [input, made, ...dims.slice(2).map(() => null)], ["takes", "makes"]);
  bindBias(node, flow, made);
  flow.set(node.outputs[0], labelsAt(dims.length, 1, made));
  return null;
};

const gemm: ChannelRule = (node, flow) => {
  const source = node.inputs[0];
  const dims = constantDims(node, flow);
  if (dims === null) return COMPUTED;
  if (hasChannelsBeside(flow.labels(source), [1]) || intAttribute(node, "transA", 0) !== 0) return "its channels are not those that it sums over";
  const isTransposed = intAttribute(node, "transB", 0) !== 0;
  const input = flow.axis(source, 1);
  const made = flow.root(node, dims[isTransposed ? 0 : 1] ?? 0);
  flow.bind(node, 1, isTransposed ? [made, input] : [input, made], isTransposed ? ["makes", "takes"] : ["takes", "makes"]);
  const bias = flow.shape(node.inputs[2]) ?? [];
  if ((node.inputs[2] ?? "") !== "") flow.bind(node, 2, bias.map((size, axis) => (axis === bias.length - 1 && size === made.length ? made : null)));
  if (input !== null) flow.takers.push({ node, input: source ?? "", labels: input, outputs: made });
  flow.set(node.outputs[0], [null, made]);
  return null;
};

const matMul: ChannelRule = (node, flow) => {
  const source = node.inputs[0];
  const dims = constantDims(node, flow);
  if (dims === null) return COMPUTED;
  const shape = flow.shape(source);
  if (dims.length !== 2 || shape === null || shape.length < 2) return "it multiplies more than a matrix";
  const input = flow.axis(source, shape.length - 1);
  const made = flow.root(node, dims[1] ?? 0);
  flow.bind(node, 1, [input, made], ["takes", "makes"]);
  const before: Labels = flow.labels(source) ?? shape.map(() => null);
  flow.set(node.outputs[0], [...before.slice(0, -1), made]);
  return null;
};

export const PRODUCT_RULES: Readonly<Record<string, ChannelRule>> = { Conv: conv, ConvTranspose: convTranspose, Gemm: gemm, MatMul: matMul };
