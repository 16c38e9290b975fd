"use client";
import type uPlot from "uplot";
import { linearTicks, logTicks } from "../../components/charts/axis.ts";
import { cssColor } from "../../components/charts/css-color.ts";
import { PLOT_LEFT, PLOT_RIGHT, type ChartLine } from "../../components/charts/line-options.ts";
import type { UplotOptions } from "../../components/charts/uplot-canvas.tsx";

const FONT = "11px Geist, system-ui, sans-serif";
/** Lines of at most as many points show each of them: an epoch more is an event. */
const DOTS_MAX = 40;

/** From 0, on a logarithmic axis, or as near as the values allow (shares of 1). */
export type CurveScale = "zero" | "log" | "share";
export type Zoom = { from: number; to: number };

type Input = {
  lines: readonly ChartLine[]; scale: CurveScale; syncKey: string;
  format: (value: number | null) => string; formatX: (x: number) => string;
  onCursor: (index: number | null) => void;
  /** Read when the plot asks: they change without a new plot. */
  latest: () => { zoom: Zoom | null; onZoom: (zoom: Zoom) => void };
};

/** uPlot's options for curves over steps, epochs or seconds. Charts with one `syncKey` move their cursors together. */
export function curveOptions({ lines, scale, syncKey, format, formatX, onCursor, latest }: Input): UplotOptions {
  return {
    padding: [10, PLOT_RIGHT, 0, 0],
    legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: 6 }, points: { size: 6 }, y: false,
      // A drag stays where it is made: what it chose goes to all charts by the page.
      sync: { key: syncKey, scales: ["x", null], setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave", sub: () => true } },
    },
    scales: { x: { time: false, range: (_u, min, max) => xRange(min, max, latest().zoom) }, y: yScale(scale) },
    axes: [
      {
        stroke: (u) => cssColor(u.root, "--chart-muted"), font: FONT, size: 30, gap: 4,
        grid: { show: false }, ticks: { stroke: (u) => cssColor(u.root, "--chart-axis"), width: 1, size: 4 },
        border: { show: true, stroke: (u) => cssColor(u.root, "--chart-axis"), width: 1 },
        splits: (u, _axis, min, max) => linearTicks(min, max, Math.max(2, Math.floor(u.width / 80))),
        values: (_u, splits) => splits.map(formatX),
      },
      {
        stroke: (u) => cssColor(u.root, "--chart-muted"), font: FONT, size: PLOT_LEFT, gap: 6,
        grid: { stroke: (u) => cssColor(u.root, "--chart-grid"), width: 1 }, ticks: { show: false },
        splits: (_u, _axis, min, max) => (scale === "log" ? logTicks(min, max, 6) : linearTicks(min, max, 4)),
        filter: (_u, splits) => splits,
        values: (_u, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [{}, ...lines.map(seriesOf)],
    hooks: {
      setCursor: [(u) => onCursor(u.cursor.left == null || u.cursor.left < 0 ? null : (u.cursor.idx ?? null))],
      setSelect: [(u) => {
        if (u.select.width < 6) return;
        latest().onZoom({ from: u.posToVal(u.select.left, "x"), to: u.posToVal(u.select.left + u.select.width, "x") });
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
    },
  };
}

function seriesOf(line: ChartLine): uPlot.Series {
  return {
    label: line.label, stroke: (u) => cssColor(u.root, line.color), width: line.width ?? 1.75,
    ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
    alpha: line.faint === true ? 0.3 : 1,
    // Lines of several metrics share one axis, so most places of a line are empty: it goes on to its next point.
    spanGaps: true,
    points: { show: (u, seriesIndex) => (u.data[seriesIndex] as (number | null)[]).reduce<number>((count, value) => count + (value === null ? 0 : 1), 0) <= DOTS_MAX, size: 5 },
  };
}

/** Where the horizontal axis begins and ends: where the reader zoomed to, else what there is. */
export function xRange(min: number | null, max: number | null, zoom: Zoom | null): [number, number] {
  if (zoom !== null) return [zoom.from, zoom.to];
  if (min === null || max === null) return [0, 1];
  return min === max ? [min - 1, max + 1] : [min, max];
}

function yScale(scale: CurveScale): uPlot.Scale {
  if (scale === "log") return { distr: 3, range: (_u, min, max) => (min === null || max === null || !(max > 0) ? [0.001, 1] : [Math.max(min, max / 1e6) / 1.2, max * 1.2]) };
  if (scale === "share") return { range: (_u, min, max) => shareRange(min, max) };
  return { range: (_u, _min, max) => [0, max !== null && max > 0 ? max * 1.08 : 1] };
}

/** A range of shares around the values, never outside 0 to 1 and never narrower than a point. */
export function shareRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const pad = Math.max((max - min) * 0.08, 0.005);
  return [Math.max(0, min - pad), Math.min(1, max + pad)];
}
