"use client";
import type { Route } from "next";
import Link from "next/link";
import uPlot from "uplot";
import { formatDayClock } from "../../lib/format.ts";
import { cssColor } from "./css-color.ts";

/** Something that happened at a moment and may explain what the lines do. */
export type ChartMarker = { atMs: number; kind: string; label: string; href?: string };

/** One glyph per kind of event, so that shape tells as much as colour. */
export function markerGlyph(kind: string): string {
  if (kind.includes("rollback") || kind.includes("rolled_back")) return "↩";
  if (kind.includes("halt") || kind.includes("cancel")) return "■";
  if (kind.includes("pause")) return "‖";
  if (kind.includes("start") || kind.includes("resume")) return "▶";
  if (kind.includes("complete") || kind.includes("passed")) return "✓";
  return "◆";
}

/** Dashed vertical lines with the marker's number on top; close neighbours share one number row. */
export function drawMarkers(u: uPlot, markers: readonly ChartMarker[]): void {
  const { ctx, bbox } = u;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.strokeStyle = cssColor(u.root, "--chart-marker");
  ctx.fillStyle = ctx.strokeStyle;
  ctx.font = `600 ${10 * ratio}px Geist, system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  let lastLabelAt = Number.NEGATIVE_INFINITY;
  markers.forEach((marker, i) => {
    const x = u.valToPos(marker.atMs / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (x - lastLabelAt < 14 * ratio) return;
    lastLabelAt = x;
    ctx.fillText(String(i + 1), x, bbox.top - 2 * ratio);
  });
  ctx.restore();
}

const SHOWN = 6;

/** What the numbered lines of a chart stand for; the newest ones, the rest behind a disclosure. */
export function MarkerList({ markers }: { markers: readonly ChartMarker[] }) {
  const numbered = markers.map((marker, i) => ({ marker, number: i + 1 })).reverse();
  const [near, far] = [numbered.slice(0, SHOWN), numbered.slice(SHOWN)];
  return (
    <div className="mt-1.5 text-xs">
      <ul className="flex flex-wrap gap-x-3 gap-y-0.5" aria-label="Changes in this range">{near.map((entry) => <MarkerItem key={entry.number} {...entry} />)}</ul>
      {far.length > 0 && (
        <details className="mt-0.5 text-muted">
          <summary className="cursor-pointer">{far.length} earlier changes</summary>
          <ul className="flex flex-wrap gap-x-3 gap-y-0.5 pt-1">{far.map((entry) => <MarkerItem key={entry.number} {...entry} />)}</ul>
        </details>
      )}
    </div>
  );
}

function MarkerItem({ marker, number }: { marker: ChartMarker; number: number }) {
  return (
    <li className="inline-flex items-baseline gap-1">
      <span className="font-semibold text-(--chart-marker) tabular-nums">{number}</span>
      <span aria-hidden="true" className="text-(--chart-marker)">{markerGlyph(marker.kind)}</span>
      {marker.href === undefined ? <span>{marker.label}</span> : <Link href={marker.href as Route} className="underline decoration-line-strong underline-offset-2 hover:decoration-current">{marker.label}</Link>}
      <time dateTime={new Date(marker.atMs).toISOString()} className="text-muted">{formatDayClock(marker.atMs)}</time>
    </li>
  );
}
