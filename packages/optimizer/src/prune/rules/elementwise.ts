import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute } from "@flotilla/runtime/ir";
import type { AxisLabels } from "../channel-classes.ts";
import type { ChannelFlow } from "../channel-flow.ts";
import type { ChannelRule } from "./rule.ts";
import { fromFront } from "./rule.ts";

/** Element by element, with broadcasting: what stands at the same place goes together. */
const elementwise: ChannelRule = (node, flow) => {
  const output = flow.shape(node.outputs[0]);
  if (!node.inputs.some((name) => flow.labels(name) !== null)) return null;
  if (output === null || node.inputs.some((name) => name !== "" && flow.shape(name) === null)) return "shapes around it are not known";
  const joined: (AxisLabels | null)[] = output.map(() => null);
  for (const [axis, size] of output.entries()) {
    const there = node.inputs.flatMap((name) => (name === "" || flow.isConstant(name) ? [] : [axisThere(flow, name, axis, output.length, size)]));
    if (there.includes("stretched")) return "it stretches a channel over an axis";
    const entries = there.filter((entry) => entry !== "absent" && entry !== "stretched");
    if (entries.every((entry) => entry === null)) continue;
    joined[axis] = entries.reduce((all, entry) => flow.classes.unite(all, entry, `${node.opType} ${node.name} ties it to values that stay`), entries[0] ?? null);
  }
  bindConstants(node, flow, joined, output);
  flow.set(node.outputs[0], joined);
  return null;
};

/** Labels of an input along an axis of the output; "absent" where it is broadcast. */
function axisThere(flow: ChannelFlow, name: string, axis: number, rank: number, size: number | string | null): AxisLabels | null | "absent" | "stretched" {
  const shape = flow.shape(name) ?? [];
  const own = axis - (rank - shape.length);
  if (own < 0) return "absent";
  const entry = flow.axis(name, own);
  if (shape[own] === 1 && size !== 1) return entry === null ? "absent" : "stretched";
  return entry;
}

function bindConstants(node: OnnxNode, flow: ChannelFlow, joined: readonly (AxisLabels | null)[], output: readonly (number | string | null)[]): void {
  for (const [input, name] of node.inputs.entries()) {
    if (name === "" || !flow.isConstant(name)) continue;
    const shape = flow.shape(name) ?? [];
    const offset = output.length - shape.length;
    flow.bind(node, input, shape.map((size, axis) => (size === 1 && output[axis + offset] !== 1 ? null : (joined[axis + offset] ?? null))));
  }
}

const passThrough: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  if (node.inputs.slice(1).some((name) => name !== "" && flow.labels(name) !== null)) return "its arguments are computed from channels";
  flow.set(node.outputs[0], labels);
  return null;
};

const dropout: ChannelRule = (node, flow) => (node.outputs.slice(1).some((name) => flow.index.consumers(name).length > 0) ? "its mask is read" : passThrough(node, flow));

/** Positions along an axis that are weighed against each other all have to stay. */
function comparing(axesOf: (node: OnnxNode, rank: number, flow: ChannelFlow) => number[]): ChannelRule {
  return (node, flow) => {
    const labels = flow.labels(node.inputs[0]);
    if (labels === null) return null;
    for (const axis of axesOf(node, labels.length, flow)) flow.classes.freeze(labels[axis] ?? null, `${node.opType} ${node.name} compares channels with each other`);
    return passThrough(node, flow);
  };
}

const softmax = comparing((node, rank, flow) => {
  if (flow.opset >= 13) return [fromFront(intAttribute(node, "axis", -1), rank)];
  const first = fromFront(intAttribute(node, "axis", 1), rank);
  return Array.from({ length: rank - first }, (_, at) => first + at);
});

const layerNormalization: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const first = fromFront(intAttribute(node, "axis", -1), labels.length);
  if (labels.slice(first).some((entry) => entry !== null)) return "LayerNormalization compares channels with each other";
  flow.set(node.outputs[0], labels);
  return null;
};

/** Constants of one number a channel beside an image, each channel by itself. */
const channelNormalization: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  if (node.outputs.length > 1) return "it also gives statistics";
  if (node.inputs.slice(1).some((name) => !flow.isConstant(name))) return "its parameters are computed while the model runs";
  const channels = labels[1] ?? null;
  if (node.opType === "InstanceNormalization" && labels.some((entry, axis) => axis > 1 && entry !== null)) return "it compares channels with each other";
  for (let input = 1; input < node.inputs.length; input += 1) flow.bind(node, input, [channels], [input === 1 ? "scales" : "beside"]);
  flow.set(node.outputs[0], labels);
  return null;
};

const quantization: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const axis = fromFront(intAttribute(node, "axis", 1), labels.length);
  for (const input of [1, 2]) {
    const name = node.inputs[input] ?? "";
    if (name === "" || (flow.shape(name)?.length ?? 0) === 0) continue;
    if (!flow.isConstant(name)) return "its scales are computed while the model runs";
    flow.bind(node, input, [flow.shape(name)?.[0] === 1 ? null : (labels[axis] ?? null)]);
  }
  flow.set(node.outputs[0], labels);
  return null;
};

const BROADCASTING = ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mean", "Sum", "PRelu", "Where", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Mod"];
const UNARY = [
  "Abs", "Cast", "Ceil", "Celu", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Not",
  "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu",
];

export const ELEMENTWISE_RULES: Readonly<Record<string, ChannelRule>> = {
  ...Object.fromEntries(BROADCASTING.map((opType) => [opType, elementwise])),
  ...Object.fromEntries(UNARY.map((opType) => [opType, passThrough])),
  Clip: passThrough,
  Dropout: dropout,
  Softmax: softmax,
  LogSoftmax: softmax,
  LRN: comparing(() => [1]),
  LpNormalization: comparing((node, rank) => [fromFront(intAttribute(node, "axis", -1), rank)]),
  LayerNormalization: layerNormalization,
  BatchNormalization: channelNormalization,
  InstanceNormalization: channelNormalization,
  QuantizeLinear: quantization,
  DequantizeLinear: quantization,
};
