"use client";
import type { LatencyAnswer } from "@flotilla/fleet";
import { Sparkline } from "../../components/charts/sparkline.tsx";
import { formatCount, formatMs, formatShare } from "../../lib/format.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import { keyOf } from "./chart-data.ts";
import { isSimulated, ranked } from "./series-view.ts";

/** Every series of the answer in one row: the whole range from its merged histogram. */
export function SeriesTable({ answer, onPick, pickLabel }: { answer: LatencyAnswer; onPick?: (key: string) => void; pickLabel?: string }) {
  const { shown } = ranked(answer.series, answer.series.length);
  if (shown.length === 0) return null;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="relative overflow-x-auto rounded-lg border border-line-strong" tabIndex={0} role="region" aria-label="Series of this range">
      <table className="w-full border-collapse text-ui tabular-nums">
        <thead>
          <tr className="text-left text-xs text-muted">
            <th scope="col" className="px-3 py-1.5 font-medium">Series</th>
            {["Samples", "Errors", "p50", "p90", "p95", "p99", "Max"].map((name) => <th key={name} scope="col" className="px-3 py-1.5 text-right font-medium">{name}</th>)}
            <th scope="col" className="px-3 py-1.5 font-medium">p95 over the range</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((series) => (
            <tr key={keyOf(series)} className="h-8 border-t border-line">
              <th scope="row" className="px-3 text-left font-normal whitespace-nowrap">
                <span className="inline-flex items-center gap-2">
                  {onPick === undefined ? series.label : <button type="button" title={pickLabel} className="underline decoration-line-strong underline-offset-2 hover:decoration-current" onClick={() => onPick(series.key)}>{series.label}</button>}
                  {isSimulated(series.mode) && <SimulatedMark />}
                </span>
              </th>
              <td className="px-3 text-right">{formatCount(series.total.count)}</td>
              <td className="px-3 text-right">{series.total.errors === 0 ? "0" : `${formatCount(series.total.errors)} (${formatShare(series.total.errors, series.total.errors + series.total.count)})`}</td>
              {(["p50", "p90", "p95", "p99", "max"] as const).map((name) => <td key={name} className="px-3 text-right whitespace-nowrap">{formatMs(series.total.count === 0 ? null : series.total[name])}</td>)}
              <td className="px-3"><Sparkline values={series.points.map((point) => (point.count === 0 ? null : point.p95))} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
