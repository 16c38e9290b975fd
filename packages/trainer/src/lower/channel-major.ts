import { elementsIn, type GraphMath } from "../autodiff/graph-math.ts";

/**
 * The order that puts channels before examples (and back). Each channel then lies in one piece: convolutions of 1 × 1 are one product for the whole batch, statistics of a channel are sums of neighbours,
 * and what works on each channel by itself sees a batch of them.
 */
export const channelMajor = (rank: number): number[] => [1, 0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2)];

export const isChannelMajor = (math: GraphMath, x: string): boolean => math.isTransposed(x, channelMajor(math.dims(x).length));

/** A value as [channels, n, …]. */
export const channelsOf = (math: GraphMath, x: string): string => math.transpose(x, channelMajor(math.dims(x).length));

/** A value as the matrix [channels, places of all examples]. */
export function channelRows(math: GraphMath, x: string): string {
  const [n = 1, channels = 1, ...places] = math.dims(x);
  return math.reshape(channelsOf(math, x), [channels, n * elementsIn(places)]);
}

/** A value [channels, n, …] as one of [n, channels, …], from whatever other shape it has. */
export function examplesOf(math: GraphMath, channels: string, dims: readonly number[]): string {
  const order = channelMajor(dims.length);
  return math.transpose(math.reshape(channels, order.map((axis) => dims[axis] ?? 1)), order);
}

/** What an operator per channel is given in place of a value that lies channel by channel: one example with all places of all examples. Any other value as it is. */
export function inChannelRows(math: GraphMath, x: string): string {
  return isChannelMajor(math, x) ? math.reshape(channelRows(math, x), [1, ...math.dims(channelRows(math, x))]) : x;
}
