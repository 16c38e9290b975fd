import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";
import { channelRows, examplesOf, isChannelMajor } from "../lower/channel-major.ts";
import { areFewPlaces, inputOfProduct } from "../lower/dense-convolution.ts";
import { hasShortRows, inputOfMatrices, movedOver, weightOfMatrices, weightOfRows } from "../lower/depthwise-convolution.ts";
import { denseTaps, depthwiseTaps } from "../lower/image-columns.ts";
import type { Rule, RuleContext } from "./rule.ts";
import { attributesOf, isDepthwise, isPointwise, outputPadding, windowsOf, type Windows } from "./windows.ts";

/** Fewer channels than that, and moving them behind the pixels costs more than it saves. */
const COLUMN_CHANNELS = 4;
/** From so many products on one long one beats one per example. */
const FLAT_PRODUCT = 4_096;

type Convolution = { readonly x: string; readonly weight: string; readonly windows: Windows; readonly shape: readonly number[]; readonly kernel: readonly number[]; readonly out: readonly number[] };

function convolutionOf({ node, inputs: [x = "", weight = ""], outputs: [y = ""], dims }: Pick<RuleContext, "node" | "inputs" | "outputs" | "dims">): Convolution {
  const [shape, kernel, out] = [dims(x), dims(weight), dims(y)];
  return { x, weight, shape, kernel, out, windows: windowsOf(node, shape.slice(2), out.slice(2), kernel.slice(2)) };
}

/** What the forward form wrote down: `columns`, what the kernel sees; `matrix`, what stands for it. */
type Saved = RuleContext["saved"];

/** dX: where each output took from, it gives back to (a transposed convolution). */
function ofInput(math: GraphMath, conv: Convolution, gradient: string, { columns, matrix }: Saved): string {
  const { shape, kernel, out, windows, weight } = conv;
  const [n = 1, channels = 1] = shape;
  if (matrix !== undefined) return inputOfMatrices(math, matrix, gradient, conv);
  if (columns !== undefined && areFewPlaces(conv)) return inputOfProduct(math, weight, gradient, conv);
  if (isPointwise(windows)) {
    const square = math.reshape(weight, [kernel[0] ?? 1, channels]);
    if (isChannelMajor(math, gradient)) return examplesOf(math, math.matrixProduct(square, channelRows(math, gradient), { transposesA: true }), shape);
    const flat = math.reshape(gradient, [n, kernel[0] ?? 1, elementsIn(out.slice(2))]);
    return math.reshape(math.matrixProduct(square, flat, { transposesA: true }), shape);
  }
  const { kernel: size, strides, dilations, before, after } = windows;
  if (isDepthwise(windows, shape, kernel) && size.length === 2 && [...strides, ...dilations].every((s) => s === 1)) {
    // The kernel upside down, moved over the gradient: twice as quick as a transposed convolution with groups.
    const axes = size.map((_, i) => i + 2);
    const flipped = math.emit("Slice", [weight, math.builder.int64s(axes.map(() => -1)), math.builder.int64s(axes.map(() => -1 - Math.max(...size))), math.builder.int64s(axes), math.builder.int64s(axes.map(() => -1))], kernel);
    const pads = [...size.map((k, i) => k - 1 - (before[i] ?? 0)), ...size.map((k, i) => k - 1 - (after[i] ?? 0))];
    const turned = { ...windows, before: pads.slice(0, size.length), after: pads.slice(size.length) };
    if (pads.every((pad) => pad >= 0)) return movedOver(math, "Conv", gradient, flipped, { windows: turned }, shape);
  }
  const missing = outputPadding(windows, shape.slice(2), out.slice(2));
  if (isDepthwise(windows, shape, kernel)) return movedOver(math, "ConvTranspose", gradient, weight, { windows, outputPadding: missing }, shape);
  return math.emit("ConvTranspose", [gradient, weight], shape, { ...attributesOf(windows), output_padding: { ints: missing } });
}

/** dW: what the input gave, times what was wanted of it, summed over examples and places. */
function ofWeight(math: GraphMath, conv: Convolution, gradient: string, { columns, matrix }: Saved): string {
  const { shape, kernel, out, windows, x } = conv;
  const [n = 1, channels = 1] = shape;
  const [filters = 1] = kernel;
  const places = elementsIn(out.slice(2));
  if (isPointwise(windows)) {
    if (n * places < FLAT_PRODUCT && !(isChannelMajor(math, gradient) && isChannelMajor(math, x))) {
      const each = math.matrixProduct(math.reshape(gradient, [n, filters, places]), math.reshape(x, [n, channels, places]), { transposesB: true });
      return math.reshape(math.sum(each, [0]), kernel);
    }
    return math.reshape(math.matrixProduct(channelRows(math, gradient), channelRows(math, x), { transposesB: true }), kernel);
  }
  if (matrix !== undefined) return weightOfMatrices(math, x, gradient, conv);
  if (isDepthwise(windows, shape, kernel) && hasShortRows(conv)) return weightOfRows(math, x, gradient, conv);
  if (windows.kernel.length <= 2 && isDepthwise(windows, shape, kernel)) return depthwiseTaps(math, x, gradient, conv);
  if (windows.kernel.length <= 2 && windows.group === 1 && channels >= COLUMN_CHANNELS) {
    const rows = math.reshape(channelsLast(math, gradient), [n * places, filters]);
    if (columns === undefined) return denseTaps(math, x, rows, conv);
    const product = math.matrixProduct(rows, columns, { transposesA: true });
    const [height, width] = conv.windows.kernel.length === 1 ? [1, conv.windows.kernel[0] ?? 1] : [conv.windows.kernel[0] ?? 1, conv.windows.kernel[1] ?? 1];
    return math.reshape(math.transpose(math.reshape(product, [filters, height, width, channels]), [0, 3, 1, 2]), kernel);
  }
  return byConvolution(math, conv, gradient);
}

/** The weights' gradient as a convolution of the input with the gradient: examples and channels change places, so do strides and dilations. */
function byConvolution(math: GraphMath, { shape, kernel, out, windows, x }: Convolution, gradient: string): string {
  const { group, strides, dilations, before, after } = windows;
  const [n = 1, channels = 1, ...spatial] = shape;
  const [filters = 1, perGroup = 1, ...size] = kernel;
  const places = out.slice(2);
  const behind = spatial.map((_, i) => i + 3);
  const inputs = math.reshape(math.transpose(math.reshape(x, [n, group, channels / group, ...spatial]), [2, 1, 0, ...behind]), [perGroup, group * n, ...spatial]);
  const kernels = math.reshape(math.transpose(math.reshape(gradient, [n, group, filters / group, ...places]), [1, 2, 0, ...behind]), [filters, n, ...places]);
  const reached = spatial.map((length, i) => Math.floor((length + (before[i] ?? 0) + (after[i] ?? 0) - ((places[i] ?? 1) - 1) * (strides[i] ?? 1) - 1) / (dilations[i] ?? 1)) + 1);
  const all = math.emit("Conv", [inputs, kernels], [perGroup, filters, ...reached], { strides: { ints: dilations }, dilations: { ints: strides }, pads: { ints: [...before, ...after] }, group: { int: group } });
  const axes = size.map((_, i) => i + 2);
  const wanted = reached.every((length, i) => length === size[i]) ? all : math.slice(all, axes, size.map(() => 0), size);
  return math.transpose(wanted, [1, 0, ...axes]);
}

/** Pixels before channels. */
export function channelsLast(math: GraphMath, x: string): string {
  const rank = math.dims(x).length;
  return math.transpose(x, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]);
}

const convolution: Rule = (context) => {
  const { math, inputs, gradient, saved, needs, dims } = context;
  const conv = convolutionOf(context);
  const places = dims(gradient).map((_, axis) => axis).filter((axis) => axis !== 1);
  return [needs(0) ? ofInput(math, conv, gradient, saved) : null, needs(1) ? ofWeight(math, conv, gradient, saved) : null, (inputs[2] ?? "") !== "" && needs(2) ? math.sum(gradient, places) : null];
};

/** Y = transposed convolution of X: dX is the convolution of dY, and X plays the part that dY plays for a convolution. */
const transposedConvolution: Rule = (context) => {
  const { math, node, inputs: [x = "", weight = "", bias = ""], outputs: [y = ""], gradient, dims, needs } = context;
  const windows = windowsOf(node, dims(y).slice(2), dims(x).slice(2), dims(weight).slice(2));
  const conv: Convolution = { x: gradient, weight, windows, shape: dims(y), kernel: dims(weight), out: dims(x) };
  const places = dims(gradient).map((_, axis) => axis).filter((axis) => axis !== 1);
  return [
    needs(0) ? math.emit("Conv", [gradient, weight], dims(x), attributesOf(windows)) : null,
    needs(1) ? byConvolution(math, conv, x) : null,
    bias !== "" && needs(2) ? math.sum(gradient, places) : null,
  ];
};

export const CONVOLUTIONS: Readonly<Record<string, Rule>> = { Conv: convolution, ConvTranspose: transposedConvolution };
