import type { ChannelMoments } from "./channel-moments.ts";

/** What removed channels were, told by those that stay: x[removed r] ≈ Σ factors[r][k] · x[kept k] + offsets[r]. */
export type Explained = { readonly kept: readonly number[]; readonly removed: readonly number[]; readonly factors: readonly Float64Array[] | null; readonly offsets: Float64Array };

/** Added to the variances of kept channels, as a share of their mean: channels that say the same make them singular. */
const DAMPING = 0.01;

/** Their means, whatever the kept channels say. */
export function meansOf(moments: ChannelMoments, kept: readonly number[], removed: readonly number[]): Explained {
  return { kept, removed, factors: null, offsets: Float64Array.from(removed, (channel) => moments.mean(channel)) };
}

/**
 * Ridge regression of the removed channels on the kept ones (as He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural
 * Networks", 2017, make up for channels, but channel by channel instead of by weight). Null where the kept ones do not vary.
 */
export function explainChannels(moments: ChannelMoments, kept: readonly number[], removed: readonly number[]): Explained | null {
  const root = lowerRoot(moments, kept);
  if (root === null) return null;
  const factors = removed.map((channel) => solve(root, Float64Array.from(kept, (other) => moments.covariance(channel, other))));
  const offsets = Float64Array.from(removed, (channel, r) => kept.reduce((left, other, k) => left - (factors[r]?.[k] ?? 0) * moments.mean(other), moments.mean(channel)));
  return { kept, removed, factors, offsets };
}

/** Σ over removed channels of the mean squared error, each weighed by `worth`. */
export function explanationError({ kept, removed, factors, offsets }: Explained, moments: ChannelMoments, worth: readonly number[]): number {
  return removed.reduce((sum, channel, r) => sum + (worth[r] ?? 0) * moments.squaredError(channel, factors === null ? [] : kept, factors?.[r] ?? [], offsets[r] ?? 0), 0);
}

/** Inverse of the damped covariances of channels, [channels, channels]; null where they do not vary. */
export function precisionOf(moments: ChannelMoments, channels: readonly number[]): Float64Array | null {
  const root = lowerRoot(moments, channels);
  if (root === null) return null;
  const size = channels.length;
  const inverse = new Float64Array(size * size);
  for (let at = 0; at < size; at += 1) inverse.set(solve(root, Float64Array.from({ length: size }, (_, each) => (each === at ? 1 : 0))), at * size);
  return inverse;
}

/** L with L·Lᵀ = covariances of the channels, damped (Cholesky); null where they are not positive definite. */
function lowerRoot(moments: ChannelMoments, channels: readonly number[]): Float64Array | null {
  const variance = channels.reduce((sum, channel) => sum + moments.covariance(channel, channel), 0) / channels.length;
  if (!(variance > 0)) return null;
  const [size, damping] = [channels.length, DAMPING * variance];
  const root = new Float64Array(size * size);
  for (const [i, channel] of channels.entries()) {
    for (let j = 0; j <= i; j += 1) {
      let sum = moments.covariance(channel, channels[j] ?? 0) + (i === j ? damping : 0);
      for (let k = 0; k < j; k += 1) sum -= (root[i * size + k] ?? 0) * (root[j * size + k] ?? 0);
      if (i === j && !(sum > 0)) return null;
      root[i * size + j] = i === j ? Math.sqrt(sum) : sum / (root[j * size + j] ?? 1);
    }
  }
  return root;
}

function solve(root: Float64Array, wanted: Float64Array): Float64Array {
  const size = wanted.length;
  const x = wanted.slice();
  for (let i = 0; i < size; i += 1) {
    for (let k = 0; k < i; k += 1) x[i] = (x[i] ?? 0) - (root[i * size + k] ?? 0) * (x[k] ?? 0);
    x[i] = (x[i] ?? 0) / (root[i * size + i] ?? 1);
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < size; k += 1) x[i] = (x[i] ?? 0) - (root[k * size + i] ?? 0) * (x[k] ?? 0);
    x[i] = (x[i] ?? 0) / (root[i * size + i] ?? 1);
  }
  return x;
}
