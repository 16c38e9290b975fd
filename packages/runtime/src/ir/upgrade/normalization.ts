import { attribute, intAttribute, setAttribute } from "../attributes.ts";
import { rawTensor } from "../tensors.ts";
import type { OnnxTensor } from "../types.ts";
import type { Step } from "./step.ts";
import { refusal } from "./step.ts";

/** BatchNormalization-7 could normalise each position by itself. */
export const batchNormalizationSpatial: Step = (node) => {
  if (intAttribute(node, "spatial", 1) === 0) throw refusal(node, "it normalises each position by itself (spatial=0), which version 9 dropped");
  if (attribute(node, "spatial") === null) return null;
  setAttribute(node, "spatial", null);
  return { nodes: [node], what: "lost the attribute spatial" };
};

/** The statistics of training, which version 14 reordered; exporters list them although nobody reads them. */
export const batchNormalizationOutputs: Step = (node, context) => {
  if (node.outputs.length === 1) return null;
  if (node.outputs.slice(1).some((name) => context.isUsed(name))) throw refusal(node, "its statistics of training are read");
  node.outputs.length = 1;
  return { nodes: [node], what: "lost outputs that nobody reads" };
};

/** GroupNormalization-18 had one scale and bias per group, -21 has one per channel. */
export const groupNormalizationChannels: Step = (node, context) => {
  const channels = context.typeOf(node.inputs[0])?.shape?.[1];
  const groups = intAttribute(node, "num_groups", 0);
  if (typeof channels !== "number" || groups <= 0 || channels % groups !== 0) throw refusal(node, "its number of channels is not known");
  for (const index of [1, 2]) {
    const perGroup = context.constant(node.inputs[index]);
    if (perGroup === null || Array.isArray(perGroup.data)) throw refusal(node, "its scale or bias is computed while the model runs");
    node.inputs[index] = context.tensor(node, index === 1 ? "scale" : "bias", repeated(perGroup, channels / groups));
  }
  return { nodes: [node], what: "scale and bias became per channel" };
};

/** Each element `times` times. */
function repeated(tensor: OnnxTensor, times: number): OnnxTensor {
  const data = tensor.data as Uint8Array;
  const count = tensor.dims[0] ?? 1;
  const width = data.byteLength / count;
  const out = new Uint8Array(data.byteLength * times);
  for (let at = 0; at < count * times; at += 1) {
    const from = Math.floor(at / times) * width;
    out.set(data.subarray(from, from + width), at * width);
  }
  return rawTensor(tensor.name, tensor.elementType, [count * times], out);
}

/** MeanVarianceNormalization was experimental before version 9, with other attributes. */
export const meanVarianceNormalization: Step = (node) => {
  if (attribute(node, "across_channels") !== null || attribute(node, "normalize_variance") !== null) {
    throw refusal(node, "it has the attributes it had while it was experimental");
  }
  return null;
};
