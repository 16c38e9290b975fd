import type { NumberFormat, Quantisation } from "./number-formats.ts";
import { limitsOf, quantisationFor, rint } from "./number-formats.ts";

/** Weights as one channel axis sees them: `outer × channels × inner`, row-major. Per tensor is one channel. */
type ChannelLayout = { readonly outer: number; readonly channels: number; readonly inner: number };

export type QuantisedWeights = {
  /** Integers in the order of the weights; int8 and int4 signed, uint8 unsigned. */
  readonly values: Int32Array;
  /** One per channel. */
  readonly scales: Float32Array;
  readonly zeroPoint: number;
  readonly format: NumberFormat;
};

/** Splits a shape at `axis`; a null axis is one channel for the whole tensor. */
export function channelLayout(dims: readonly number[], axis: number | null): ChannelLayout {
  const product = (part: readonly number[]) => part.reduce((all, dim) => all * dim, 1);
  if (axis === null) return { outer: 1, channels: 1, inner: product(dims) };
  const channels = dims[axis];
  if (channels === undefined) throw new RangeError(`a tensor of rank ${dims.length} has no axis ${axis}`);
  return { outer: product(dims.slice(0, axis)), channels, inner: product(dims.slice(axis + 1)) };
}

/** Calls `visit(index, channel)` for each weight in order. */
export function forEachWeight({ outer, channels, inner }: ChannelLayout, visit: (index: number, channel: number) => void): void {
  let index = 0;
  for (let block = 0; block < outer; block += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const end = index + inner;
      for (; index < end; index += 1) visit(index, channel);
    }
  }
}

/**
 * One quantisation per channel. `format` is symmetric whenever there is more than one channel: the integer kernels take one zero
 * point for all of them. A not finite weight throws RangeError.
 */
export function weightScales(weights: ArrayLike<number>, layout: ChannelLayout, format: NumberFormat): Quantisation[] {
  if (layout.channels > 1 && !format.symmetric) throw new RangeError("weights with a scale per channel need a symmetric format");
  const low = new Float64Array(layout.channels);
  const high = new Float64Array(layout.channels);
  forEachWeight(layout, (index, channel) => {
    const weight = weights[index] ?? 0;
    if (!Number.isFinite(weight)) throw new RangeError(`weight ${index} is ${weight}`);
    if (weight < (low[channel] ?? 0)) low[channel] = weight;
    if (weight > (high[channel] ?? 0)) high[channel] = weight;
  });
  return Array.from(low, (min, channel) => quantisationFor(format, { min, max: high[channel] ?? 0 }));
}

/** Rounds each weight to the nearest level of its channel. */
export function quantiseWeights(weights: ArrayLike<number>, layout: ChannelLayout, scales: readonly Quantisation[]): QuantisedWeights {
  const first = scales[0];
  if (first === undefined) throw new RangeError("weights without a channel cannot be quantised");
  const { format, zeroPoint } = first;
  const scaleOf = Float32Array.from(scales, ({ scale }) => scale);
  const [lowest, highest] = limitsOf(format.elementType);
  const values = new Int32Array(weights.length);
  forEachWeight(layout, (index, channel) => {
    const q = rint(Math.fround((weights[index] ?? 0) / (scaleOf[channel] ?? 1))) + zeroPoint;
    values[index] = q < lowest ? lowest : q > highest ? highest : q;
  });
  return { values, scales: scaleOf, zeroPoint, format };
}

/** Scale of a bias: the product that the kernel's accumulator has, computed in float32 as the kernel computes it. */
export function biasScale(inputScale: number, weightScale: number): number {
  return Math.fround(Math.fround(inputScale) * Math.fround(weightScale));
}

const INT32_MAX = 2 ** 31 - 1;

/**
 * Weight scales enlarged where a channel's bias would not fit int32 otherwise (a large bias beside tiny weights): the weights of that
 * channel get coarser, the bias stays whole. Margin 1.0001 for the roundings to float32.
 */
export function scalesThatHoldBias(scales: readonly Quantisation[], bias: ArrayLike<number>, inputScale: number): Quantisation[] {
  return Array.from({ length: Math.max(scales.length, 1) }, (_, channel) => {
    const quantisation = scales[channel];
    if (quantisation === undefined) throw new RangeError("a bias needs the scales of its weights");
    const largest = scales.length === 1 ? Math.max(...Array.from(bias, Math.abs), 0) : Math.abs(bias[channel] ?? 0);
    const least = (1.0001 * largest) / INT32_MAX;
    const scale = biasScale(inputScale, quantisation.scale);
    return scale >= least ? quantisation : { ...quantisation, scale: Math.fround((least / Math.fround(inputScale)) * (1 + 2 ** -22)) };
  });
}

/** A bias as int32 with zero point 0. `scales` has one entry, or one per bias. */
export function quantiseBias(bias: ArrayLike<number>, scales: ArrayLike<number>): Int32Array {
  return Int32Array.from({ length: bias.length }, (_, channel) => {
    const q = rint((bias[channel] ?? 0) / (scales[scales.length === 1 ? 0 : channel] ?? 1));
    return Math.max(-INT32_MAX - 1, Math.min(INT32_MAX, q));
  });
}
