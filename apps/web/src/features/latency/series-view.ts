import type { LatencyAnswer, LatencyPoint, LatencySeries } from "@flotilla/fleet";

export const percentiles = ["p50", "p90", "p95", "p99"] as const;
export type Percentile = (typeof percentiles)[number];

/** Colour and dash of each percentile; dashes differ so that colour is not needed. */
export const percentileStyle: Record<Percentile, { color: string; dash?: readonly number[]; width: number }> = {
  p50: { color: "--chart-p50", width: 1.5 },
  p90: { color: "--chart-p90", dash: [2, 3], width: 1.5 },
  p95: { color: "--chart-p95", width: 2.25 },
  p99: { color: "--chart-p99", dash: [6, 3], width: 1.5 },
};

/** Colours of split series in the order of the answer; more than eight repeat with another dash. */
export function seriesStyle(index: number): { color: string; dash?: readonly number[] } {
  const dashes = [undefined, [6, 3], [2, 3]] as const;
  const dash = dashes[Math.floor(index / 8) % 3];
  return { color: `--chart-${(index % 8) + 1}`, ...(dash === undefined ? {} : { dash }) };
}

export function isSimulated(mode: string): boolean {
  return mode === "simulated";
}

/** What is printed for a series: its label, marked when its numbers are simulated. */
export function seriesLabel(series: Pick<LatencySeries, "label" | "mode">, showMode: boolean): string {
  if (isSimulated(series.mode)) return `${series.label} (simulated)`;
  return showMode ? `${series.label} (${series.mode.replaceAll("_", " ")})` : series.label;
}

/** The series with most samples first; a chart shows the first eight and says how many it leaves out. */
export function ranked(series: readonly LatencySeries[], limit: number): { shown: LatencySeries[]; hidden: number } {
  const sorted = series.toSorted((a, b) => b.total.count - a.total.count || a.key.localeCompare(b.key));
  return { shown: sorted.slice(0, limit), hidden: Math.max(0, sorted.length - limit) };
}

export function valueOf(point: LatencyPoint, percentile: Percentile): number | null {
  return point.count === 0 ? null : point[percentile];
}

/** Which of the nothings it is, and what to do. */
export function emptyText(answer: Pick<LatencyAnswer, "emptyReason" | "lastSampleAt">): { title: string; hint: string; nobody: boolean } | null {
  switch (answer.emptyReason) {
    case "none": return null;
    case "no_samples":
      return {
        title: "No inferences reported in this range", nobody: false,
        hint: answer.lastSampleAt === null ? "No device of this selection has ever reported one." : "The newest one is older than this range.",
      };
    case "no_reporting_device": return { title: "No device can report", nobody: true, hint: "No device of this selection runs a model and reports now: there is nothing to measure, which is not the same as fast." };
  }
}

/** Samples later than this behind the end of a live range make it stale: devices report each minute, once it is over. */
const STALE_AFTER_MS = 4 * 60_000;

/** Where the hatched area of a live chart begins (ms): the end of the last step with samples; null while data is fresh. */
export function silentFrom(answer: Pick<LatencyAnswer, "lastSampleAt" | "stepSeconds">, range: { toMs: number; live: boolean }): number | null {
  if (answer.lastSampleAt === null || !range.live) return null;
  const last = Date.parse(answer.lastSampleAt);
  const allowed = Math.max(STALE_AFTER_MS, 2 * answer.stepSeconds * 1000);
  return range.toMs - last > allowed ? last + answer.stepSeconds * 1000 : null;
}

/** B against A in the same hours: ratio of a percentile; null when one of them has too few samples to say anything. */
export function comparison(a: LatencyPoint, b: LatencyPoint, percentile: Percentile): { changePercent: number } | { tooFew: true } {
  const [va, vb] = [valueOf(a, percentile), valueOf(b, percentile)];
  if (va === null || vb === null || va === 0 || a.count < MIN_COMPARED || b.count < MIN_COMPARED) return { tooFew: true };
  return { changePercent: (vb / va - 1) * 100 };
}

/** Samples on each side below which a comparison says nothing. */
export const MIN_COMPARED = 50;
