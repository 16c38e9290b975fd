import type { LatencySummary } from "./types.ts";

/** Exact nearest-rank percentiles of at least one sample; the samples stay as they are. */
export function summarizeLatency(samplesMs: ArrayLike<number>, method: string): LatencySummary {
  const sorted = Float64Array.from(samplesMs).sort();
  const n = sorted.length;
  if (n === 0) throw new RangeError("a latency summary needs at least one sample");
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * n) - 1)] ?? Number.NaN;
  const sum = sorted.reduce((total, value) => total + value, 0);
  return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), min: at(0), max: at(1), mean: sum / n, n, method };
}

/** Lower median of at least one number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
