import { intAttribute, int64s, intsAttribute } from "@flotilla/runtime/ir";
import type { ChannelRule } from "./rule.ts";
import { axesOf, fromFront, hasChannelsBeside } from "./rule.ts";

/** Works on each channel of an image by itself. */
const pool: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  if (hasChannelsBeside(labels, [0, 1])) return "it moves over an axis of channels";
  if (node.outputs.slice(1).some((name) => flow.index.consumers(name).length > 0 || flow.index.isGraphOutput(name))) return "it also gives positions";
  flow.set(node.outputs[0], labels);
  return null;
};

const pad: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const pads = intsAttribute(node, "pads") ?? intsAttribute(node, "paddings") ?? flow.integers(node.inputs[1]);
  const axes = axesOf(node, flow, null, 3, labels.length);
  if (pads === null || axes === null) return "its padding is computed while the model runs";
  const padded = axes.length === 0 ? labels.map((_, axis) => axis) : axes;
  for (const [at, axis] of padded.entries()) {
    if ((labels[axis] ?? null) !== null && (pads[at] !== 0 || pads[at + padded.length] !== 0)) return "it pads an axis of channels";
  }
  flow.set(node.outputs[0], labels);
  return null;
};

const resize: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const [before, after] = [flow.shape(node.inputs[0]), flow.shape(node.outputs[0])];
  if (before === null || after === null) return "shapes around it are not known";
  if (labels.some((entry, axis) => entry !== null && before[axis] !== after[axis])) return "it resizes an axis of channels";
  const isNewForm = flow.opset >= 11 && node.opType === "Resize";
  const sizesName = isNewForm ? (node.inputs[3] ?? "") : "";
  const axes = axesOf(node, flow, intsAttribute(node, "axes"), node.inputs.length, labels.length);
  if (sizesName !== "") {
    const sizes = flow.integers(sizesName);
    if (sizes === null || axes === null) return "its sizes are computed while the model runs";
    flow.onCut(labels, (cut) => {
      const places = axes.length === 0 ? labels.map((_, axis) => axis) : axes;
      const kept = sizes.map((size, at) => {
        const entry = labels[places[at] ?? at] ?? null;
        return entry === null ? size : cut.count(entry);
      });
      node.inputs[3] = cut.addConstant(`${node.outputs[0] ?? ""}_sizes`, int64s("", [kept.length], kept));
    });
  }
  flow.set(node.outputs[0], labels);
  return null;
};

const reduce: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const axes = axesOf(node, flow, intsAttribute(node, "axes"), 1, labels.length);
  if (axes === null) return "its axes are computed while the model runs";
  const isNothing = axes.length === 0 && intAttribute(node, "noop_with_empty_axes", 0) !== 0;
  const reduced = axes.length === 0 && !isNothing ? labels.map((_, axis) => axis) : axes;
  if (reduced.some((axis) => (labels[axis] ?? null) !== null)) return "it sums up or compares channels";
  flow.set(node.outputs[0], intAttribute(node, "keepdims", 1) === 0 ? labels.filter((_, axis) => !reduced.includes(axis)) : labels);
  return null;
};

/** SpaceToDepth: every place of a block becomes a channel of its own, after its channel was one of `blocksize²`. */
const spaceToDepth: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  if (hasChannelsBeside(labels, [1])) return "it moves over an axis of channels";
  const channels = labels[1] ?? null;
  const block = intAttribute(node, "blocksize", 1) ** 2;
  if (channels !== null) flow.set(node.outputs[0], [null, Int32Array.from({ length: channels.length * block }, (_, at) => channels[at % channels.length] ?? 0), null, null]);
  return null;
};

const argExtreme: ChannelRule = (node, flow) => {
  const labels = flow.labels(node.inputs[0]);
  if (labels === null) return null;
  const axis = fromFront(intAttribute(node, "axis", 0), labels.length);
  if ((labels[axis] ?? null) !== null) return "it compares channels";
  flow.set(node.outputs[0], intAttribute(node, "keepdims", 1) === 0 ? labels.filter((_, at) => at !== axis) : labels);
  return null;
};

const POOLS = ["MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"];
const REDUCTIONS = ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"];

export const SPATIAL_RULES: Readonly<Record<string, ChannelRule>> = {
  ...Object.fromEntries(POOLS.map((opType) => [opType, pool])),
  ...Object.fromEntries(REDUCTIONS.map((opType) => [opType, reduce])),
  Pad: pad,
  Resize: resize,
  Upsample: resize,
  SpaceToDepth: spaceToDepth,
  ArgMax: argExtreme,
  ArgMin: argExtreme,
};
