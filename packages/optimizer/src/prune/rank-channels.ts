import type { AxisLabels } from "./channel-classes.ts";
import { FIXED } from "./channel-classes.ts";
import type { ChannelFlow, Taker } from "./channel-flow.ts";
import type { ChannelGroup } from "./channel-groups.ts";
import type { ChannelMoments } from "./channel-moments.ts";
import { precisionOf } from "./explain-channels.ts";
import { weightPlaces } from "./weight-places.ts";

/** One product that reads channels of a group: what it would lose with each of them, given what the others tell. */
type Reader = {
  /** Inverse of the covariances of the channels that are left, [channels, channels]. */
  readonly precision: Float64Array;
  /** Σ w² of each channel, as a share of the variance of what the product gives. */
  readonly worth: Float64Array;
  /** Class → its positions. */
  readonly positions: ReadonlyMap<number, readonly number[]>;
};

/**
 * The groups with scores by what products lose: of the variance of what each gives, the share that goes with a channel and that the
 * channels that are left do not tell (the saliency of B. Hassibi and D. Stork, "Optimal Brain Surgeon", 1993, for a channel instead of
 * a weight). One channel after the other is thought away, so that of two that say the same one stays. Scores stay as they are where a
 * product was not measured: two kinds of scores do not compare.
 */
export function rankedGroups(groups: readonly ChannelGroup[], flow: ChannelFlow, moments: ReadonlyMap<string, ChannelMoments>): readonly ChannelGroup[] {
  const ranked = groups.map((group) => {
    const own = new Set(group.classes);
    const reads = ({ labels }: { readonly labels: AxisLabels }) => labels.some((atom) => atom !== FIXED && own.has(flow.classes.find(atom)));
    const readers = flow.takers.filter(reads).map((taker) => readerOf(taker, own, flow, moments.get(taker.input))).filter((reader) => reader !== null);
    const isWhole = readers.length > 0 && readers.length === flow.weights.filter((weights) => weights.role === "takes" && reads(weights)).length;
    return isWhole ? { ...group, scores: lossesInTurn(group.classes, readers) } : null;
  });
  return ranked.some((group) => group === null) ? groups : ranked.filter((group) => group !== null);
}

function readerOf(taker: Taker, own: ReadonlySet<number>, flow: ChannelFlow, moments: ChannelMoments | undefined): Reader | null {
  const weights = flow.numbers(taker.node.inputs[1] ?? "");
  const places = weightPlaces(taker, flow);
  const all = [...taker.labels.keys()];
  const precision = moments === undefined || moments.rows === 0 || !moments.isFinite || !moments.hasCovariances ? null : precisionOf(moments, all);
  if (weights === null || places === null || precision === null || moments === undefined) return null;
  const norms = all.map((position) => places.squares(weights, position));
  const given = all.reduce((sum, position) => sum + (norms[position] ?? 0) * moments.covariance(position, position), 0);
  const positions = new Map<number, number[]>();
  for (const [position, atom] of taker.labels.entries()) {
    const found = atom === FIXED ? null : flow.classes.find(atom);
    if (found !== null && own.has(found)) positions.set(found, [...(positions.get(found) ?? []), position]);
  }
  return { precision, positions, worth: Float64Array.from(norms, (norm) => (given > 0 ? norm / given : 0)) };
}

/** What each class costs when it goes in its turn, the cheapest first; never less than the one before, so that the scores keep the order. */
function lossesInTurn(classes: readonly number[], readers: readonly Reader[]): number[] {
  const losses = new Map<number, number>();
  const left = new Set(classes);
  let last = 0;
  while (left.size > 0) {
    let [cheapest, least] = [-1, Infinity];
    for (const each of left) {
      const loss = readers.reduce((sum, reader) => sum + lossOf(reader, each), 0);
      if (loss < least || cheapest < 0) [cheapest, least] = [each, loss];
    }
    last = Math.max(last, least);
    losses.set(cheapest, last);
    left.delete(cheapest);
    for (const reader of readers) for (const position of reader.positions.get(cheapest) ?? []) takeOut(reader, position);
  }
  return classes.map((each) => losses.get(each) ?? 0);
}

function lossOf({ precision, worth, positions }: Reader, own: number): number {
  return (positions.get(own) ?? []).reduce((sum, at) => sum + (worth[at] ?? 0) / (precision[at * worth.length + at] ?? 1), 0);
}

/** The inverse without a channel: P − P[:, c] · P[c, :] / P[c, c]. */
function takeOut({ precision, worth: { length } }: Reader, channel: number): void {
  const pivot = precision[channel * length + channel] ?? 0;
  if (!(pivot > 0)) return;
  const row = precision.slice(channel * length, (channel + 1) * length);
  for (let i = 0; i < length; i += 1) {
    const factor = (row[i] ?? 0) / pivot;
    if (factor !== 0 && i !== channel) for (let j = 0; j < length; j += 1) precision[i * length + j] = (precision[i * length + j] ?? 0) - factor * (row[j] ?? 0);
  }
}
