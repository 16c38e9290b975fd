import type { LatencyAnswer, LatencySeries } from "@flotilla/fleet";
import type { ChartLine } from "../../components/charts/line-options.ts";
import type { ChartMarker } from "../../components/charts/markers.tsx";
import { onGrid } from "../../components/charts/series-grid.ts";
import { percentiles, percentileStyle, seriesLabel, seriesStyle, valueOf, type Percentile } from "./series-view.ts";

/** What one line chart needs: a common time axis, its lines, and the samples behind each step. */
export type LatencyChartData = { xs: number[]; lines: ChartLine[]; counts: (number | null)[]; errors: (number | null)[]; samples: number };

/** The measuring modes of an answer in a fixed order: each gets a chart of its own, because modes are never mixed. */
export function modesOf(answer: Pick<LatencyAnswer, "series" | "heatmap">): string[] {
  const present = new Set([...answer.series.map((series) => series.mode), ...answer.heatmap.map((map) => map.mode)]);
  return ["field", "scheduled", "back_to_back", "simulated"].filter((mode) => present.has(mode)).concat([...present].filter((mode) => !["field", "scheduled", "back_to_back", "simulated"].includes(mode)).sort());
}

function rangeOf(answer: LatencyAnswer): { fromMs: number; toMs: number; stepMs: number } {
  return { fromMs: Date.parse(answer.from), toMs: Date.parse(answer.to), stepMs: answer.stepSeconds * 1000 };
}

/** One series as its four percentiles. */
export function percentileLines(answer: LatencyAnswer, series: LatencySeries): LatencyChartData {
  const range = rangeOf(answer);
  const grids = percentiles.map((percentile) => onGrid([series], range, (point) => valueOf(point, percentile)));
  const lines = percentiles.map((percentile, i): ChartLine => ({ key: percentile, label: percentile, values: grids[i]?.lines[0]?.values ?? [], ...percentileStyle[percentile] }));
  return { xs: grids[0]?.xs ?? [], lines, ...samplesOf(answer, [series]) };
}

/** Several series by one percentile. Colours follow `order` (keys), so that hiding one does not repaint the others. */
export function splitLines(answer: LatencyAnswer, shown: readonly LatencySeries[], percentile: Percentile, order: readonly string[]): LatencyChartData {
  const { xs, lines } = onGrid(shown.map((series) => ({ key: keyOf(series), points: series.points })), rangeOf(answer), (point) => valueOf(point, percentile));
  const styled = shown.map((series, i): ChartLine => ({
    key: keyOf(series), label: seriesLabel(series, true), values: lines[i]?.values ?? [], ...seriesStyle(Math.max(0, order.indexOf(keyOf(series)))),
  }));
  return { xs, lines: styled, ...samplesOf(answer, shown) };
}

export function keyOf(series: Pick<LatencySeries, "key" | "mode">): string {
  return `${series.key}@${series.mode}`;
}

function samplesOf(answer: LatencyAnswer, shown: readonly LatencySeries[]): { counts: (number | null)[]; errors: (number | null)[]; samples: number } {
  const range = rangeOf(answer);
  const count = onGrid(shown.map((series) => ({ key: keyOf(series), points: series.points })), range, (point) => point.count);
  const error = onGrid(shown.map((series) => ({ key: keyOf(series), points: series.points })), range, (point) => point.errors);
  return { counts: added(count.lines, count.xs.length), errors: added(error.lines, error.xs.length), samples: shown.reduce((sum, series) => sum + series.total.count, 0) };
}

function added(lines: readonly { values: readonly (number | null)[] }[], length: number): (number | null)[] {
  return Array.from({ length }, (_, i) => lines.reduce<number | null>((sum, line) => (line.values[i] == null ? sum : (sum ?? 0) + (line.values[i] ?? 0)), null));
}

/** Steps that follow from another by themselves: they would bury the ones that may explain something. */
const MINOR = new Set(["create", "members.planned", "wave.soaking", "wave.passed"]);

export function chartMarkers(answer: Pick<LatencyAnswer, "markers">): ChartMarker[] {
  return answer.markers
    .filter((marker) => !MINOR.has(marker.kind))
    .map((marker) => ({ atMs: Date.parse(marker.t), kind: marker.kind, label: marker.label, href: `/rollouts/${marker.rolloutId}` }))
    .toSorted((a, b) => a.atMs - b.atMs);
}
