"use client";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { formatCount, formatDateTime, formatDayClock, formatMs, formatNoun } from "../../lib/format.ts";
import { logTicks, timeTicks } from "./axis.ts";
import { ChartFrame } from "./chart-frame.tsx";
import { cssColor, useThemeVersion } from "./css-color.ts";
import { heatmapFinding } from "./finding.ts";
import { cellStrength, columnReading, heatmapModel, type HeatmapColumn, type HeatmapModel, type HeatmapPoint } from "./heatmap-model.ts";
import { PLOT_LEFT, PLOT_RIGHT, timeLabels } from "./line-options.ts";
import { useWidth } from "./use-size.ts";

const TOP = 10;
const BOTTOM = 32;

type Spot = { column: number; row: number };

/** Time × latency as counts: one canvas, logarithmic latency, darker is more samples. Walked through by arrow keys. */
export function HeatmapChart({ title, subtitle, points, fromMs, toMs, stepMs, height = 240, empty }: {
  title: string; subtitle?: ReactNode; points: readonly HeatmapPoint[]; fromMs: number; toMs: number; stepMs: number; height?: number; empty?: ReactNode;
}) {
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(host);
  const theme = useThemeVersion();
  const [spot, setSpot] = useState<Spot | null>(null);
  const model = useMemo(() => heatmapModel({ points, fromMs, toMs, stepMs, maxRows: 44 }), [points, fromMs, toMs, stepMs]);

  useEffect(() => {
    if (canvas.current !== null && width > 0) paint(canvas.current, model, { width, height, stepMs, spot });
  }, [model, width, height, stepMs, theme, spot]);

  const finding = useMemo(() => findingOf(model), [model]);
  const rows = useMemo(() => model.columns.filter((column) => column.cells !== null).map((column) => rowOf(model, column)).reverse(), [model]);
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setSpot(spotAt(model, event.clientX - box.left, event.clientY - box.top, width, height));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moved(model, spot, event.key);
    if (next === undefined) return;
    event.preventDefault();
    setSpot(next);
  };
  return (
    <ChartFrame
      title={title} subtitle={subtitle} finding={finding} rows={rows} controls={<HeatScale max={model.maxCell} />}
      columns={[{ key: "t", label: "Time" }, { key: "count", label: "Samples", numeric: true }, { key: "mode", label: "Most take", numeric: true }, { key: "slow", label: "Slowest about", numeric: true }]}
    >
      {/* A picture one can walk through by keys. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        ref={host} className="chart-plot" style={{ height }}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        role="img" tabIndex={0} aria-label={`${title}. ${finding} Arrow keys read single cells.`}
        onPointerMove={onPointerMove} onPointerLeave={() => setSpot(null)} onKeyDown={onKeyDown} onBlur={() => setSpot(null)}
      >
        <canvas ref={canvas} aria-hidden="true" className="block" />
        {model.total === 0 && empty !== undefined && <div className="pointer-events-none absolute inset-0 grid place-items-center p-6 text-center text-ui text-muted">{empty}</div>}
        {spot !== null && model.total > 0 && <HeatTooltip model={model} spot={spot} width={width} />}
      </div>
      <p aria-live="polite" className="sr-only">{spot === null ? "" : spotReading(model, spot)}</p>
    </ChartFrame>
  );
}

function findingOf(model: HeatmapModel): string {
  const perRow = model.rows.map(() => 0);
  for (const column of model.columns) column.cells?.forEach((count, row) => { perRow[row] = (perRow[row] ?? 0) + count; });
  const most = perRow.indexOf(Math.max(...perRow, 0));
  const slowest = perRow.findLastIndex((count) => count > 0);
  return heatmapFinding({ total: model.total, fullest: model.rows[most] ?? null, slowestMs: model.rows[slowest]?.highMs ?? null });
}

function rowOf(model: HeatmapModel, column: HeatmapColumn) {
  const read = columnReading(model, column);
  return {
    key: String(column.atMs),
    cells: [formatDayClock(column.atMs), formatCount(column.total), read === null ? "–" : `${formatMs(read.mode.lowMs)} to ${formatMs(read.mode.highMs)}`, formatMs(read?.slowestMs ?? null)],
  };
}

function spotReading(model: HeatmapModel, spot: Spot): string {
  const column = model.columns[spot.column];
  const row = model.rows[spot.row];
  if (column === undefined) return "";
  if (column.cells === null || row === undefined) return `${formatDayClock(column.atMs)}: no sample`;
  return `${formatDayClock(column.atMs)}, ${formatMs(row.lowMs)} to ${formatMs(row.highMs)}: ${formatCount(column.cells[spot.row] ?? 0)} of ${formatNoun(column.total, "sample")}`;
}

function spotAt(model: HeatmapModel, x: number, y: number, width: number, height: number): Spot | null {
  const plotWidth = width - PLOT_LEFT - PLOT_RIGHT;
  const plotHeight = height - TOP - BOTTOM;
  const column = Math.floor(((x - PLOT_LEFT) / plotWidth) * model.columns.length);
  const row = Math.floor((1 - (y - TOP) / plotHeight) * model.rows.length);
  if (column < 0 || column >= model.columns.length || row < 0 || row >= model.rows.length) return null;
  return { column, row };
}

/** Where an arrow key leads; undefined for other keys, null to leave the picture. */
function moved(model: HeatmapModel, spot: Spot | null, key: string): Spot | null | undefined {
  const lastColumn = model.columns.length - 1;
  const lastRow = model.rows.length - 1;
  const at = spot ?? { column: lastColumn + 1, row: Math.floor(lastRow / 2) };
  switch (key) {
    case "ArrowLeft": return { ...at, column: Math.max(0, at.column - 1) };
    case "ArrowRight": return { ...at, column: Math.min(lastColumn, at.column + 1) };
    case "ArrowUp": return { column: Math.min(at.column, lastColumn), row: Math.min(lastRow, at.row + 1) };
    case "ArrowDown": return { column: Math.min(at.column, lastColumn), row: Math.max(0, at.row - 1) };
    case "Escape": return spot === null ? undefined : null;
    default: return undefined;
  }
}

function paint(canvas: HTMLCanvasElement, model: HeatmapModel, view: { width: number; height: number; stepMs: number; spot: Spot | null }): void {
  const ratio = window.devicePixelRatio;
  canvas.width = view.width * ratio;
  canvas.height = view.height * ratio;
  canvas.style.width = `${view.width}px`;
  canvas.style.height = `${view.height}px`;
  const ctx = canvas.getContext("2d");
  if (ctx === null) return;
  ctx.scale(ratio, ratio);
  const plot = { left: PLOT_LEFT, top: TOP, width: view.width - PLOT_LEFT - PLOT_RIGHT, height: view.height - TOP - BOTTOM };
  paintCells(ctx, canvas, model, plot);
  paintAxes(ctx, canvas, model, plot, view.stepMs);
  if (view.spot !== null && model.rows.length > 0) {
    const cell = { w: plot.width / model.columns.length, h: plot.height / model.rows.length };
    ctx.strokeStyle = cssColor(canvas, "--chart-ink");
    ctx.lineWidth = 1.5;
    ctx.strokeRect(plot.left + view.spot.column * cell.w, plot.top + plot.height - (view.spot.row + 1) * cell.h, cell.w, cell.h);
  }
}

type Box = { left: number; top: number; width: number; height: number };

function paintCells(ctx: CanvasRenderingContext2D, canvas: HTMLCanvasElement, model: HeatmapModel, plot: Box): void {
  const columnWidth = plot.width / Math.max(1, model.columns.length);
  const rowHeight = plot.height / Math.max(1, model.rows.length);
  const [low, high] = [cssColor(canvas, "--heat-low"), cssColor(canvas, "--heat-high")];
  const shades = Array.from({ length: 33 }, (_, i) => `color-mix(in oklch, ${high} ${(i / 32) * 100}%, ${low})`);
  model.columns.forEach((column, i) => {
    const x = plot.left + i * columnWidth;
    if (column.cells === null) {
      // No sample in this step: hatched background, unlike a step whose samples lie elsewhere.
      ctx.fillStyle = cssColor(canvas, "--chart-void");
      ctx.fillRect(x, plot.top, columnWidth + 0.5, plot.height);
      return;
    }
    column.cells.forEach((count, row) => {
      if (count === 0) return;
      ctx.fillStyle = shades[Math.round(cellStrength(count, model.maxCell) * 32)] ?? high;
      ctx.fillRect(x, plot.top + plot.height - (row + 1) * rowHeight, Math.max(1, columnWidth - (columnWidth > 5 ? 0.75 : 0)), Math.max(1, rowHeight - 0.5));
    });
  });
}

function paintAxes(ctx: CanvasRenderingContext2D, canvas: HTMLCanvasElement, model: HeatmapModel, plot: Box, stepMs: number): void {
  ctx.font = "11px Geist, system-ui, sans-serif";
  ctx.fillStyle = cssColor(canvas, "--chart-muted");
  ctx.strokeStyle = cssColor(canvas, "--chart-axis");
  ctx.lineWidth = 1;
  ctx.strokeRect(plot.left + 0.5, plot.top + 0.5, plot.width - 1, plot.height - 1);
  const [bottom, top] = [model.rows[0]?.lowMs, model.rows.at(-1)?.highMs];
  if (bottom !== undefined && top !== undefined) {
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    const span = Math.log(top / bottom);
    for (const tick of logTicks(bottom, top, 7)) ctx.fillText(formatMs(tick), plot.left - 6, plot.top + plot.height * (1 - Math.log(tick / bottom) / span));
  }
  const [first, last] = [model.columns[0]?.atMs, model.columns.at(-1)?.atMs];
  if (first === undefined || last === undefined) return;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const end = last + stepMs;
  const { ticks } = timeTicks(first, end, Math.max(2, Math.floor(plot.width / 90)), -new Date().getTimezoneOffset() * 60_000);
  timeLabels(ticks.map((t) => t / 1000)).forEach((label, i) => {
    const x = plot.left + (((ticks[i] ?? 0) - first) / (end - first)) * plot.width;
    label.split("\n").forEach((line, lineNumber) => ctx.fillText(line, x, plot.top + plot.height + 5 + lineNumber * 13));
  });
}

function HeatScale({ max }: { max: number }) {
  if (max === 0) return null;
  return (
    <span className="inline-flex items-center gap-1.5 text-[11px] text-muted tabular-nums">
      1<span aria-hidden="true" className="h-2.5 w-20 rounded-sm bg-linear-to-r from-(--heat-low) to-(--heat-high)" />{formatCount(max)} samples
    </span>
  );
}

function HeatTooltip({ model, spot, width }: { model: HeatmapModel; spot: Spot; width: number }) {
  const column = model.columns[spot.column];
  const row = model.rows[spot.row];
  if (column === undefined || row === undefined) return null;
  const left = PLOT_LEFT + ((spot.column + 0.5) / model.columns.length) * (width - PLOT_LEFT - PLOT_RIGHT);
  return (
    <div className="chart-tooltip" style={left < width / 2 ? { left: left + 12, top: 8 } : { right: width - left + 12, top: 8 }} aria-hidden="true">
      <div className="font-medium">{formatDateTime(column.atMs)}</div>
      {column.cells === null
        ? <div className="text-muted">No sample in this step</div>
        : <><div>{formatMs(row.lowMs)} to {formatMs(row.highMs)}</div><div>{formatCount(column.cells[spot.row] ?? 0)} of {formatNoun(column.total, "sample")}</div></>}
    </div>
  );
}
