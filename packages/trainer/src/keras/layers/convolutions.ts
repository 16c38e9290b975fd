import type { KerasValue } from "../emit/keras-value.ts";
import { KerasRefusal } from "../keras-refusal.ts";
import { activate } from "./activations.ts";
import { channelsOf, nameOf, onlyInput, takeWeights, transposed, type LayerConverter, type LayerUse } from "./layer-use.ts";
import { slide, windowOf } from "./windows.ts";

/** Axes of a kernel: Keras has them in front of its channels, ONNX behind. */
const kernelAxes = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

function convolution(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const channels = channelsOf(use, input);
    const { config, writer } = use;
    const [filters, groups, window, hasBias] = [config.count("filters"), config.count("groups", 1), windowOf(use, rank, "kernel_size"), config.flag("use_bias", true)];
    if (channels % groups !== 0 || filters % groups !== 0) config.unsupported("groups");
    const dims = [...window.kernel, channels / groups, filters];
    const weights = takeWeights(use, { kernel: dims, bias: hasBias ? [filters] : null });
    const perm = [rank + 1, rank, ...kernelAxes(rank)];
    const kernel = writer.parameter("kernel", perm.map((axis) => dims[axis] ?? 1), () => transposed(weights.kernel(), dims, perm));
    const bias = hasBias ? [writer.parameter("bias", [filters], weights.bias)] : [];
    const { sizes, attributes } = slide(use, input.shape.slice(0, -1), window);
    const made = writer.node("Conv", [writer.form(input, "first"), kernel, ...bias], groups === 1 ? attributes : { ...attributes, group: { int: groups } });
    return activate(use, writer.value([...sizes, filters], "first", made));
  };
}

/** `multiplier` outputs for each channel, in a row. */
function depthwise(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const filters = channelsOf(use, input) * use.config.count("depth_multiplier", 1);
    const hasBias = use.config.flag("use_bias", true);
    const window = windowOf(use, rank, "kernel_size");
    const weights = takeWeights(use, { depthwise_kernel: depthwiseDims(use, input, window.kernel), bias: hasBias ? [filters] : null });
    const bias = hasBias ? [use.writer.parameter("bias", [filters], weights.bias)] : [];
    return activate(use, writeDepthwise(use, input, weights.depthwise_kernel, window, bias));
  };
}

/** A depthwise convolution and one of 1 × 1 behind it. */
function separable(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const { config, writer } = use;
    const [filters, hasBias, window] = [config.count("filters"), config.flag("use_bias", true), windowOf(use, rank, "kernel_size")];
    const between = channelsOf(use, input) * config.count("depth_multiplier", 1);
    const ones = window.kernel.map(() => 1);
    const weights = takeWeights(use, { depthwise_kernel: depthwiseDims(use, input, window.kernel), pointwise_kernel: [...ones, between, filters], bias: hasBias ? [filters] : null });
    const middle = writeDepthwise(use, input, weights.depthwise_kernel, window, []);
    const pointwise = writer.parameter("pointwise_kernel", [filters, between, ...ones], () => transposed(weights.pointwise_kernel(), [between, filters], [1, 0]));
    const bias = hasBias ? [writer.parameter("bias", [filters], weights.bias)] : [];
    const made = writer.node("Conv", [writer.form(middle, "first"), pointwise, ...bias], { kernel_shape: { ints: ones } });
    return activate(use, writer.value([...middle.shape.slice(0, -1), filters], "first", made));
  };
}

function depthwiseDims(use: LayerUse, input: KerasValue, kernel: readonly number[]): number[] {
  return [...kernel, channelsOf(use, input), use.config.count("depth_multiplier", 1)];
}

function writeDepthwise(use: LayerUse, input: KerasValue, values: () => Float32Array, window: ReturnType<typeof windowOf>, bias: readonly string[]): KerasValue {
  const { writer } = use;
  // Keras 2 wrote it here too; a depthwise layer has as many groups as channels whatever it says.
  use.config.raw("groups");
  const rank = window.kernel.length;
  const [channels, multiplier] = [channelsOf(use, input), use.config.count("depth_multiplier", 1)];
  const dims = depthwiseDims(use, input, window.kernel);
  const perm = [rank, rank + 1, ...kernelAxes(rank)];
  const kernel = writer.parameter("depthwise_kernel", [channels * multiplier, 1, ...window.kernel], () => transposed(values(), dims, perm));
  const { sizes, attributes } = slide(use, input.shape.slice(0, -1), window);
  const made = writer.node("Conv", [writer.form(input, "first"), kernel, ...bias], { ...attributes, group: { int: channels } });
  return writer.value([...sizes, channels * multiplier], "first", made);
}

/**
 * The gradient of a convolution as a layer. "valid": (size − 1) stride + kernel, at least size × stride; "same": size × stride, with what lies over cut off where
 * the convolution would have padded.
 */
function transposedConvolution(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const channels = channelsOf(use, input);
    const { config, writer } = use;
    const [filters, hasBias, { kernel, strides, dilations, padding }] = [config.count("filters"), config.flag("use_bias", true), windowOf(use, rank, "kernel_size")];
    if (dilations.some((dilation) => dilation !== 1)) config.unsupported("dilation_rate");
    if (padding === "causal") config.unsupported("padding");
    if (config.count("groups", 1) !== 1) config.unsupported("groups");
    if (config.raw("output_padding") !== null) config.unsupported("output_padding");
    const dims = [...kernel, filters, channels];
    const weights = takeWeights(use, { kernel: dims, bias: hasBias ? [filters] : null });
    const perm = [rank + 1, rank, ...kernelAxes(rank)];
    const values = writer.parameter("kernel", perm.map((axis) => dims[axis] ?? 1), () => transposed(weights.kernel(), dims, perm));
    const axes = kernel.map((extent, axis) => ({ over: extent - (strides[axis] ?? 1), stride: strides[axis] ?? 1, size: input.shape[axis] ?? null }));
    const before = axes.map(({ over }) => (padding === "same" ? Math.floor(Math.max(over, 0) / 2) : 0));
    const behind = axes.map(({ over }, axis) => (padding === "same" ? Math.max(over, 0) - (before[axis] ?? 0) : 0));
    const missing = axes.map(({ over }) => Math.max(-over, 0));
    if (axes.some(({ stride }, axis) => (missing[axis] ?? 0) >= stride && stride > 1)) throw new KerasRefusal("keras_option_unsupported", `the strides of ${nameOf(use)} leave gaps that are not supported`);
    const made = writer.node("ConvTranspose", [writer.form(input, "first"), values, ...(hasBias ? [writer.parameter("bias", [filters], weights.bias)] : [])], {
      kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: [...before, ...behind] }, output_padding: { ints: missing },
    });
    const sizes = axes.map(({ size, stride, over }) => (size === null ? null : size * stride + (padding === "same" ? 0 : Math.max(over, 0))));
    return activate(use, writer.value([...sizes, filters], "first", made));
  };
}

export const CONVOLUTION_LAYERS: Readonly<Record<string, LayerConverter>> = {
  Conv1D: convolution(1), Convolution1D: convolution(1), Conv2D: convolution(2), Convolution2D: convolution(2),
  DepthwiseConv1D: depthwise(1), DepthwiseConv2D: depthwise(2),
  SeparableConv1D: separable(1), SeparableConv2D: separable(2),
  Conv1DTranspose: transposedConvolution(1), Conv2DTranspose: transposedConvolution(2),
};
