import type { AttributeInput } from "@flotilla/runtime/ir";
import type { Dimension } from "../emit/keras-value.ts";
import { KerasRefusal } from "../keras-refusal.ts";
import { nameOf, type LayerUse } from "./layer-use.ts";

/** How a kernel goes over the axes between batch and channels. */
export type Window = { readonly kernel: readonly number[]; readonly strides: readonly number[]; readonly dilations: readonly number[]; readonly padding: "valid" | "same" | "causal" };

type Attributes = Readonly<Record<string, AttributeInput>>;

/** Reads the options of a window over `rank` axes; `kernelKey` is what Keras calls its size here. */
export function windowOf({ config }: LayerUse, rank: number, kernelKey: "kernel_size" | "pool_size"): Window {
  const kernel = config.counts(kernelKey, rank);
  if (config.has("data_format")) config.oneOf("data_format", ["channels_last"]);
  const padding = config.oneOf("padding", rank === 1 && kernelKey === "kernel_size" ? ["valid", "same", "causal"] : ["valid", "same"], "valid");
  const defaults = kernelKey === "pool_size" && !config.has("strides") ? kernel : null;
  return { kernel, strides: defaults ?? config.counts("strides", rank, 1), dilations: config.counts("dilation_rate", rank, 1), padding };
}

/** Sizes that a window leaves, and ONNX' attributes for its paddings. */
export function slide(use: LayerUse, sizes: readonly Dimension[], window: Window): { readonly sizes: Dimension[]; readonly attributes: Attributes } {
  const { kernel, strides, dilations, padding } = window;
  const axes = sizes.map((size, axis) => {
    const [stride, extent] = [strides[axis] ?? 1, ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1];
    return { size, stride, extent, pads: padsOf(size, stride, extent, padding) };
  });
  const after = axes.map(({ size, stride, extent, pads }) => {
    if (size === null) return null;
    const left = padding === "same" ? Math.ceil(size / stride) : Math.floor((size + (pads?.[0] ?? 0) - extent) / stride) + 1;
    return left >= 1 ? left : tooSmall(use);
  });
  const common = { kernel_shape: { ints: kernel }, strides: { ints: strides }, ...(dilations.some((dilation) => dilation !== 1) ? { dilations: { ints: dilations } } : {}) };
  const known = axes.flatMap(({ pads }) => (pads === null ? [] : [pads]));
  if (known.length < axes.length) return { sizes: after, attributes: { ...common, auto_pad: { string: "SAME_UPPER" } } };
  const pads = [...known.map(([before]) => before), ...known.map(([, behind]) => behind)];
  return { sizes: after, attributes: pads.some((pad) => pad !== 0) ? { ...common, pads: { ints: pads } } : common };
}

/**
 * Zeros before and behind an axis. TensorFlow's "same" makes ⌈size / stride⌉ outputs and puts the odd zero behind, so it depends on the size
 * where the stride is above 1; null where that is not known, and ONNX' SAME_UPPER says the same.
 */
function padsOf(size: Dimension, stride: number, extent: number, padding: Window["padding"]): readonly [number, number] | null {
  if (padding === "valid") return [0, 0];
  if (padding === "causal") return [extent - 1, 0];
  if (size === null && stride !== 1) return null;
  const total = size === null ? extent - 1 : Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

function tooSmall(use: LayerUse): never {
  throw new KerasRefusal("keras_graph_invalid", `the window of ${nameOf(use)} is larger than what it goes over`);
}
