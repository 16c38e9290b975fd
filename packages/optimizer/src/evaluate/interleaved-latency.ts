import type { LatencySummary, OpenModel, Tensors } from "@flotilla/runtime";
import { summarizeLatency } from "@flotilla/runtime";
import { fitFeeds } from "./evaluate-variant.ts";

export type InterleavedOptions = {
  /** Pairs of untimed runs first. Default 20. */
  readonly warmup?: number;
  /** Default 200. */
  readonly pairsMin?: number;
  /** Measures at least this long, unless `durationMsMax` is reached. Default 2,000. */
  readonly durationMsMin?: number;
  /** Default 20,000. */
  readonly durationMsMax?: number;
  readonly signal?: AbortSignal;
};

export type InterleavedLatency = {
  readonly parentMs: LatencySummary;
  readonly variantMs: LatencySummary;
  readonly ratio: LatencyRatio;
};

/** Variant over parent: below 1 is faster. */
export type LatencyRatio = {
  /** Median over the pairs. */
  readonly median: number;
  /** 95 % interval of the median from the order of the ratios (binomial; no assumption about their distribution). */
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
};

const PAIRS_MAX = 100_000;

/**
 * Times two open models in turns (A B, B A, A B, …) on the same feeds: what else happens on the machine falls on both, and who goes
 * first changes each time. A device has one model, whose weights its last run left in the caches; here that of the other model has put
 * them out. So an untimed run of the same model comes before each timed one. Sessions must have been opened with the same settings.
 * Throws the signal's reason when aborted.
 */
export async function measureInterleaved(parent: OpenModel, variant: OpenModel, feeds: Tensors, options: InterleavedOptions = {}): Promise<InterleavedLatency> {
  const { warmup = 20, pairsMin = 200, durationMsMin = 2_000, durationMsMax = 20_000, signal } = options;
  const sides = [
    { model: parent, feeds: fitFeeds(parent.inputs, feeds), samples: [] as number[] },
    { model: variant, feeds: fitFeeds(variant.inputs, feeds), samples: [] as number[] },
  ] as const;
  const begunAt = performance.now();
  const elapsed = () => performance.now() - begunAt;
  let warmups = 0;
  for (; warmups < warmup && elapsed() < durationMsMax / 4; warmups += 1) for (const side of sides) await side.model.run(side.feeds);
  const startedAt = performance.now();
  const isEnough = (pairs: number) => pairs >= pairsMin && performance.now() - startedAt >= durationMsMin;
  for (let pair = 0; pair === 0 || (!isEnough(pair) && elapsed() < durationMsMax && pair < PAIRS_MAX); pair += 1) {
    signal?.throwIfAborted();
    for (const side of pair % 2 === 0 ? sides : [sides[1], sides[0]]) {
      await side.model.run(side.feeds);
      const from = performance.now();
      await side.model.run(side.feeds);
      side.samples.push(performance.now() - from);
    }
  }
  const method = `in turns with the other model (A B, B A), each behind an untimed run of its own, same input, ${warmups} warm-up runs discarded`;
  const [before, after] = sides;
  return {
    parentMs: summarizeLatency(before.samples, method),
    variantMs: summarizeLatency(after.samples, method),
    ratio: medianRatio(after.samples, before.samples),
  };
}

/** Two-sided 95 % point of the normal distribution. */
const Z = 1.959_963_984_540_054;

/** Median of the ratios of paired samples, and its interval: the ranks between which a binomial(n, ½) count lies 95 times in 100. */
export function medianRatio(numerators: readonly number[], denominators: readonly number[]): LatencyRatio {
  const ratios = numerators.map((value, index) => value / (denominators[index] ?? Number.NaN)).sort((a, b) => a - b);
  const n = ratios.length;
  if (n === 0) throw new RangeError("a ratio needs at least one pair");
  const at = (rank: number) => ratios[Math.max(0, Math.min(n - 1, rank))] ?? Number.NaN;
  const reach = (Z * Math.sqrt(n)) / 2;
  const middle = (at(Math.floor((n - 1) / 2)) + at(Math.ceil((n - 1) / 2))) / 2;
  return { median: middle, low: at(Math.floor(n / 2 - reach) - 1), high: at(Math.ceil(n / 2 + reach)), pairs: n };
}
