import { LatencyHistogram } from "@flotilla/protocol";
import type { LatencyPlan } from "./latency-plan.ts";
import type { PackedRow } from "./latency-rows-store.ts";
import type { LatencyAnswer, LatencyPoint, LatencySeries } from "./types.ts";

type Sum = { histogram: LatencyHistogram; errors: number };
type OpenSeries = { group: string; mode: string; points: Map<number, Sum> };

/** Rows decoded once: sums by series, mode and step. */
export type MergedRows = readonly OpenSeries[];

/** Merges rows into series by group and mode: decoding is what an answer's time goes into, so it is done once. */
export function mergeRows(rows: readonly PackedRow[]): MergedRows {
  const open = new Map<string, OpenSeries>();
  for (const row of rows) {
    const name = `${row.series} ${row.mode}`;
    let series = open.get(name);
    if (series === undefined) open.set(name, (series = { group: row.series, mode: row.mode, points: new Map() }));
    addRow(sumAt(series.points, row.t), row);
  }
  return [...open.values()];
}

/** Series, largest first. Modes are never merged; steps without rows are points without samples. */
export function seriesOf(plan: LatencyPlan, merged: MergedRows, labelOf: (group: string) => { key: string; label: string }): LatencySeries[] {
  return merged
    .map((series) => ({ series, total: totalOf(series.points.values()) }))
    .toSorted((a, b) => b.total.histogram.count - a.total.histogram.count)
    .map(({ series, total }) => ({
      ...labelOf(series.group),
      mode: series.mode,
      points: stepsOf(plan).map((t) => pointOf(t, series.points.get(t) ?? emptySum())),
      total: pointOf(plan.fromMs, total),
    }));
}

/** Counts by time and slot, all series of one mode together; steps without samples have no buckets. */
export function heatmapOf(plan: LatencyPlan, merged: MergedRows): LatencyAnswer["heatmap"] {
  return [...Map.groupBy(merged, (series) => series.mode)].map(([mode, list]) => ({
    mode,
    points: stepsOf(plan).map((t) => {
      const sums = list.flatMap((series) => series.points.get(t) ?? []);
      const [only] = sums;
      const sum = sums.length === 1 && only ? only : totalOf(sums);
      return { t: new Date(t).toISOString(), buckets: sum.histogram.toSparse() };
    }),
  }));
}

function totalOf(sums: Iterable<Sum>): Sum {
  const total = emptySum();
  for (const { histogram, errors } of sums) {
    const { sumMs, minMs, maxMs, count } = histogram;
    total.histogram.addSparse(histogram.toSparse(), { sumMs, minMs: count > 0 ? minMs : null, maxMs: count > 0 ? maxMs : null });
    total.errors += errors;
  }
  return total;
}

function stepsOf(plan: LatencyPlan): number[] {
  return Array.from({ length: (plan.toMs - plan.fromMs) / plan.stepMs }, (_, i) => plan.fromMs + i * plan.stepMs);
}

function emptySum(): Sum {
  return { histogram: new LatencyHistogram(), errors: 0 };
}

function sumAt(points: Map<number, Sum>, t: number): Sum {
  let sum = points.get(t);
  if (sum === undefined) points.set(t, (sum = emptySum()));
  return sum;
}

const nothing = { sumMs: 0, minMs: null, maxMs: null };

function addRow(sum: Sum, row: PackedRow): void {
  const view = new DataView(row.packed.buffer, row.packed.byteOffset, row.packed.byteLength);
  for (let at = 0; at < row.packed.length; ) {
    const length = view.getInt32(at);
    sum.histogram.addEncoded(row.packed.subarray(at + 4, at + 4 + length), nothing);
    at += 4 + length;
  }
  sum.histogram.addSparse([], { sumMs: row.sum_ms, minMs: row.min_ms, maxMs: row.max_ms });
  sum.errors += Number(row.errors);
}

function pointOf(t: number, { histogram, errors }: Sum): LatencyPoint {
  const hasSamples = histogram.count > 0;
  return {
    t: new Date(t).toISOString(),
    count: histogram.count,
    errors,
    p50: histogram.quantile(0.5),
    p90: histogram.quantile(0.9),
    p95: histogram.quantile(0.95),
    p99: histogram.quantile(0.99),
    max: hasSamples ? histogram.maxMs : null,
    mean: histogram.meanMs,
  };
}
