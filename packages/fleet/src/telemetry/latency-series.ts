import type { LatencyPlan } from "./latency-plan.ts";
import { PointSum } from "./latency-points.ts";
import type { PackedRow } from "./latency-rows-store.ts";
import type { LatencyAnswer, LatencyPoint, LatencySeries } from "./types.ts";

type OpenSeries = { group: string; mode: string; points: Map<number, PointSum> };

/** Rows decoded once: sums by series, mode and step. */
export type MergedRows = readonly OpenSeries[];

/** Merges rows into series by group and mode: decoding is what an answer's time goes into, so it is done once. */
export function mergeRows(rows: readonly PackedRow[]): MergedRows {
  const open = new Map<string, OpenSeries>();
  for (const row of rows) {
    const name = `${row.series} ${row.mode}`;
    let series = open.get(name);
    if (series === undefined) open.set(name, (series = { group: row.series, mode: row.mode, points: new Map() }));
    const t = row.t.getTime();
    let sum = series.points.get(t);
    if (sum === undefined) series.points.set(t, (sum = new PointSum()));
    sum.addPacked(row.packed);
    sum.addExact({ sumMs: row.sum_ms, minMs: row.min_ms, maxMs: row.max_ms, errors: Number(row.errors) });
  }
  return [...open.values()];
}

/** Series, largest first. Modes are never merged; steps without rows are points without samples. */
export function seriesOf(plan: LatencyPlan, merged: MergedRows, labelOf: (group: string) => { key: string; label: string }): LatencySeries[] {
  const steps = stepsOf(plan);
  return merged
    .map((series) => ({ series, total: totalOf(series.points.values()) }))
    .toSorted((a, b) => b.total.count - a.total.count)
    .map(({ series, total }) => ({
      ...labelOf(series.group),
      mode: series.mode,
      points: steps.map(({ ms, iso }) => pointOf(iso, series.points.get(ms))),
      total: pointOf(new Date(plan.fromMs).toISOString(), total),
    }));
}

/** Counts by time and slot, all series of one mode together; steps without samples have no buckets. */
export function heatmapOf(plan: LatencyPlan, merged: MergedRows): LatencyAnswer["heatmap"] {
  const steps = stepsOf(plan);
  return [...Map.groupBy(merged, (series) => series.mode)].map(([mode, list]) => ({
    mode,
    points: steps.map(({ ms, iso }) => {
      const sums = list.flatMap((series) => series.points.get(ms) ?? []);
      const [only] = sums;
      if (only === undefined) return { t: iso, buckets: [] };
      return { t: iso, buckets: (sums.length === 1 ? only : totalOf(sums)).toSparse() };
    }),
  }));
}

function totalOf(sums: Iterable<PointSum>): PointSum {
  const total = new PointSum();
  for (const sum of sums) total.add(sum);
  return total;
}

function stepsOf(plan: LatencyPlan): { ms: number; iso: string }[] {
  return Array.from({ length: (plan.toMs - plan.fromMs) / plan.stepMs }, (_, i) => {
    const ms = plan.fromMs + i * plan.stepMs;
    return { ms, iso: new Date(ms).toISOString() };
  });
}

function pointOf(t: string, sum: PointSum | undefined): LatencyPoint {
  if (sum === undefined || sum.count === 0) return { t, count: 0, errors: sum?.errors ?? 0, p50: null, p90: null, p95: null, p99: null, max: null, mean: null };
  const [p50 = null, p90 = null, p95 = null, p99 = null] = sum.quantiles([0.5, 0.9, 0.95, 0.99]);
  return { t, count: sum.count, errors: sum.errors, p50, p90, p95, p99, max: sum.maxMs, mean: sum.sumMs / sum.count };
}
