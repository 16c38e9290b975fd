"use client";
import uPlot from "uplot";
import { formatClock, formatDay } from "../../lib/format.ts";
import { logTicks, timeTicks } from "./axis.ts";
import { cssColor } from "./css-color.ts";
import { drawMarkers, type ChartMarker } from "./markers.tsx";
import { isLonely } from "./series-grid.ts";
import type { UplotOptions } from "./uplot-canvas.tsx";

/** Left and right gutter in CSS pixels, the same in every chart so that stacked time axes line up. */
export const PLOT_LEFT = 58;
export const PLOT_RIGHT = 14;
const FONT = "11px Geist, system-ui, sans-serif";

export type ChartLine = {
  key: string; label: string;
  /** On `xs`; null is a gap. */
  values: readonly (number | null)[];
  /** Name of a CSS variable. */
  color: string;
  dash?: readonly number[];
  width?: number;
  /** Drawn pale: a comparison, not the subject. */
  faint?: boolean;
};

/** What lies over the lines and may change without a new plot. */
export type Overlay = {
  markers: readonly ChartMarker[]; silentFrom: number | null; limit: { value: number; label: string } | null;
  onZoom: ((range: { fromMs: number; toMs: number }) => void) | undefined;
};

type Input = {
  lines: readonly ChartLine[];
  scale: "linear" | "log";
  stepSeconds: number;
  format: (value: number | null) => string;
  limitValue: number | null;
  canZoom: boolean;
  onCursor: (index: number | null) => void;
  latest: () => Overlay;
};

/** uPlot's options for time charts: our axes, gaps as gaps, markers and silence drawn over the plot. */
export function lineOptions({ lines, scale, stepSeconds, format, limitValue, canZoom, onCursor, latest }: Input): UplotOptions {
  return {
    padding: [10, PLOT_RIGHT, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: canZoom, y: false, setScale: false, dist: 6 }, points: { size: 6 }, y: false },
    scales: {
      // A step lasts until the next one: the axis ends where the last step ends, as in the heatmap below it.
      x: { time: true, range: (_u, min, max) => [min ?? 0, (max ?? 1) + stepSeconds] },
      y: scale === "log"
        ? { distr: 3, range: (_u, min, max) => logRange(min, max) }
        : { range: (_u, _min, max) => [0, linearTop(max, limitValue)] },
    },
    axes: [
      {
        stroke: (u) => cssColor(u.root, "--chart-muted"), font: FONT, size: 40, gap: 4,
        grid: { show: false }, ticks: { stroke: (u) => cssColor(u.root, "--chart-axis"), width: 1, size: 4 },
        border: { show: true, stroke: (u) => cssColor(u.root, "--chart-axis"), width: 1 },
        splits: (u, _axis, min, max) => timeTicks(min * 1000, max * 1000, Math.max(2, Math.floor(u.width / 90)), -new Date().getTimezoneOffset() * 60_000).ticks.map((t) => t / 1000),
        values: (_u, splits) => timeLabels(splits),
      },
      {
        stroke: (u) => cssColor(u.root, "--chart-muted"), font: FONT, size: PLOT_LEFT, gap: 6,
        grid: { stroke: (u) => cssColor(u.root, "--chart-grid"), width: 1 }, ticks: { show: false },
        ...(scale === "log" ? { splits: (_u: uPlot, _axis: number, min: number, max: number) => logTicks(min, max, 6) } : { space: 36 }),
        // uPlot empties some of the steps of a logarithmic axis; ours are few enough to be named all.
        filter: (_u, splits) => splits,
        values: (_u, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [{}, ...lines.map(seriesOf)],
    hooks: {
      setCursor: [(u) => onCursor(u.cursor.left == null || u.cursor.left < 0 ? null : (u.cursor.idx ?? null))],
      setSelect: [(u) => {
        if (u.select.width < 6) return;
        latest().onZoom?.({ fromMs: u.posToVal(u.select.left, "x") * 1000, toMs: u.posToVal(u.select.left + u.select.width, "x") * 1000 });
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
      drawAxes: [(u) => drawSilence(u, latest().silentFrom)],
      draw: [(u) => {
        drawLimit(u, latest().limit);
        drawMarkers(u, latest().markers);
      }],
    },
  };
}

function seriesOf(line: ChartLine): uPlot.Series {
  return {
    label: line.label,
    stroke: (u) => cssColor(u.root, line.color),
    width: line.width ?? 1.75,
    ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
    alpha: line.faint === true ? 0.35 : 1,
    spanGaps: false,
    points: {
      // A value between two gaps has no line; it gets a dot.
      show: true, size: 5,
      filter: (u: uPlot, seriesIndex: number) => {
        const values = u.data[seriesIndex] as (number | null)[];
        const lonely: number[] = [];
        for (let i = 0; i < values.length; i += 1) if (isLonely(values, i)) lonely.push(i);
        return lonely;
      },
    },
  };
}

function linearTop(max: number | null, limit: number | null): number {
  const top = Math.max(max ?? 0, limit ?? 0);
  return top > 0 ? top * 1.12 : 1;
}

function logRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !(max > 0)) return [1, 1000];
  return [Math.max(min, max / 1e5) / 1.3, max * 1.3];
}

/** Clock times, with the day under the first label of each day. */
export function timeLabels(splits: readonly number[]): string[] {
  let day = "";
  const spanMs = splits.length > 1 ? ((splits[1] ?? 0) - (splits[0] ?? 0)) * 1000 : 0;
  return splits.map((seconds) => {
    const today = formatDay(seconds * 1000);
    if (spanMs >= 86_400_000) return today;
    const clock = formatClock(seconds * 1000, { seconds: spanMs < 60_000 });
    const text = today === day ? clock : `${clock}\n${today}`;
    day = today;
    return text;
  });
}

function drawSilence(u: uPlot, from: number | null): void {
  if (from === null) return;
  const left = Math.max(u.bbox.left, u.valToPos(from, "x", true));
  const right = u.bbox.left + u.bbox.width;
  if (right - left < 1) return;
  const { ctx } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, u.bbox.top, right - left, u.bbox.height);
  ctx.clip();
  ctx.strokeStyle = cssColor(u.root, "--chart-hatch");
  ctx.lineWidth = uPlot.pxRatio;
  const gap = 7 * uPlot.pxRatio;
  ctx.beginPath();
  for (let x = left - u.bbox.height; x < right; x += gap) {
    ctx.moveTo(x, u.bbox.top + u.bbox.height);
    ctx.lineTo(x + u.bbox.height, u.bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

function drawLimit(u: uPlot, limit: { value: number; label: string } | null): void {
  if (limit === null) return;
  const y = u.valToPos(limit.value, "y", true);
  if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) return;
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = cssColor(u.root, "--chart-limit");
  ctx.fillStyle = ctx.strokeStyle;
  ctx.setLineDash([5 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
  ctx.lineWidth = uPlot.pxRatio;
  ctx.beginPath();
  ctx.moveTo(u.bbox.left, y);
  ctx.lineTo(u.bbox.left + u.bbox.width, y);
  ctx.stroke();
  ctx.font = `${11 * uPlot.pxRatio}px Geist, system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.fillText(limit.label, u.bbox.left + u.bbox.width - 4 * uPlot.pxRatio, y - 4 * uPlot.pxRatio);
  ctx.restore();
}
