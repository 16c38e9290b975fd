import { formatClock, formatCount, formatMs, formatNoun, formatPercent } from "../../lib/format.ts";
import { extent } from "./axis.ts";
import { lastIndex } from "./series-grid.ts";

/**
 * What a line chart shows, in one sentence: the newest value, the range it moved in, and whether the second half is
 * clearly above or below the first. Read out as the chart's name and printed under it.
 */
export function lineFinding(input: {
  name: string;
  xs: readonly number[];
  values: readonly (number | null)[];
  samples: number;
  timeZone?: string;
  format?: (value: number) => string;
}): string {
  const format = input.format ?? formatMs;
  const last = lastIndex(input.values);
  const range = extent(input.values);
  const newest = input.values[last];
  const at = input.xs[last];
  if (range === null || newest == null || at === undefined) return `${input.name}: no samples in this range.`;
  const clock = formatClock(at * 1000, { seconds: false, timeZone: input.timeZone });
  const moved = range.min === range.max ? "unchanged" : `between ${format(range.min)} and ${format(range.max)}`;
  return `${input.name} is ${format(newest)} at ${clock}, ${moved}${trend(input.values)}; ${formatNoun(input.samples, "sample")}.`;
}

/** A change of a tenth between the halves' medians is worth a word; less is noise of small steps. */
const TREND_THRESHOLD = 0.1;

function trend(values: readonly (number | null)[]): string {
  const present = values.filter((value) => value !== null);
  if (present.length < 6) return "";
  const half = Math.floor(present.length / 2);
  const before = median(present.slice(0, half));
  const after = median(present.slice(half));
  if (before === 0) return "";
  const change = after / before - 1;
  if (Math.abs(change) < TREND_THRESHOLD) return ", steady";
  return change > 0 ? `, rising by ${formatPercent(change * 100)}` : `, falling by ${formatPercent(-change * 100)}`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** "16 of 24 devices healthy, 6 waiting, 2 failed." Parts of 0 are left out; the first part is always told. */
export function partsFinding(parts: readonly { label: string; count: number }[], noun = "device"): string {
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  if (total === 0) return `No ${noun}s.`;
  const [first, ...rest] = parts;
  const told = rest.filter((part) => part.count > 0).map((part) => `${formatCount(part.count)} ${part.label}`);
  const head = `${formatCount(first?.count ?? 0)} of ${formatNoun(total, noun)} ${first?.label ?? ""}`;
  return `${[head, ...told].join(", ")}.`;
}

/** What a heatmap shows: how many samples, where most lie, how slow the slowest. */
export function heatmapFinding(input: { total: number; fullest: { lowMs: number; highMs: number } | null; slowestMs: number | null }): string {
  if (input.total === 0 || input.fullest === null) return "No samples in this range.";
  return `${formatNoun(input.total, "sample")}; most take ${formatMs(input.fullest.lowMs)} to ${formatMs(input.fullest.highMs)}, the slowest about ${formatMs(input.slowestMs)}.`;
}
