"use client";
import { useMemo } from "react";
import type { LatencyAnswer, LatencySeries } from "@flotilla/fleet";
import { lineFinding } from "../../components/charts/finding.ts";
import { LineChart } from "../../components/charts/line-chart.tsx";
import { formatCount, formatMs, formatPercent } from "../../lib/format.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import { chartMarkers, modesOf, splitLines } from "./chart-data.ts";
import { comparison, isSimulated, MIN_COMPARED, percentiles, type Percentile } from "./series-view.ts";

/** Two builds in the same hours: their lines over each other and the difference of each percentile, with the samples on both sides. */
export function Comparison({ a, b, nameA, nameB, percentile, onZoom }: {
  a: LatencyAnswer; b: LatencyAnswer; nameA: string; nameB: string; percentile: Percentile; onZoom?: (range: { fromMs: number; toMs: number }) => void;
}) {
  const modes = modesOf({ series: [...a.series, ...b.series], heatmap: [] });
  if (modes.length === 0) return <p className="py-8 text-center text-ui text-muted">Neither build has a sample in this range.</p>;
  return <div className="grid gap-8">{modes.map((mode) => <ModeComparison key={mode} mode={mode} {...{ a, b, nameA, nameB, percentile }} {...(onZoom === undefined ? {} : { onZoom })} />)}</div>;
}

function ModeComparison({ a, b, nameA, nameB, mode, percentile, onZoom }: {
  a: LatencyAnswer; b: LatencyAnswer; nameA: string; nameB: string; mode: string; percentile: Percentile; onZoom?: (range: { fromMs: number; toMs: number }) => void;
}) {
  const seriesA = useMemo(() => named(a, mode, "a", nameA), [a, mode, nameA]);
  const seriesB = useMemo(() => named(b, mode, "b", nameB), [b, mode, nameB]);
  const shown = useMemo(() => [seriesA, seriesB].filter((series) => series !== null), [seriesA, seriesB]);
  const data = useMemo(() => splitLines(a, shown, percentile, [`a@${mode}`, `b@${mode}`]), [a, shown, percentile, mode]);
  // A build's answer holds the changes of its own rollouts: both together explain both lines.
  const markers = useMemo(() => chartMarkers({ markers: [...a.markers, ...b.markers] }), [a, b]);
  const subject = data.lines.at(-1);
  const finding = subject === undefined ? "No samples." : lineFinding({ name: `${percentile} of ${subject.label}`, xs: data.xs, values: subject.values, samples: data.samples });
  return (
    <div className="grid gap-3">
      <LineChart
        title={`${percentile}: ${nameA} against ${nameB}`} subtitle={isSimulated(mode) ? <SimulatedMark /> : undefined} finding={finding} xs={data.xs} stepSeconds={a.stepSeconds} lines={data.lines} counts={data.counts}
        format={formatMs} markers={markers} {...(onZoom === undefined ? {} : { onZoom })}
      />
      <DifferenceTable a={seriesA} b={seriesB} nameA={nameA} nameB={nameB} />
    </div>
  );
}

function named(answer: LatencyAnswer, mode: string, key: string, label: string): LatencySeries | null {
  const series = answer.series.find((candidate) => candidate.mode === mode);
  return series === undefined ? null : { ...series, key, label };
}

function DifferenceTable({ a, b, nameA, nameB }: { a: LatencySeries | null; b: LatencySeries | null; nameA: string; nameB: string }) {
  return (
    <table className="w-full max-w-2xl border-collapse text-ui tabular-nums">
      <caption className="sr-only">Difference of {nameB} to {nameA}</caption>
      <thead>
        <tr className="text-xs text-muted">
          <th scope="col" className="py-1 pr-3 text-left font-medium">Percentile</th>
          <th scope="col" className="px-3 py-1 text-right font-medium">A: {nameA}<br /><span className="font-normal">n = {formatCount(a?.total.count ?? 0)}</span></th>
          <th scope="col" className="px-3 py-1 text-right font-medium">B: {nameB}<br /><span className="font-normal">n = {formatCount(b?.total.count ?? 0)}</span></th>
          <th scope="col" className="py-1 pl-3 text-right font-medium">B against A</th>
        </tr>
      </thead>
      <tbody>
        {percentiles.map((percentile) => (
          <tr key={percentile} className="border-t border-line">
            <th scope="row" className="py-1 pr-3 text-left font-normal">{percentile}</th>
            <td className="px-3 text-right">{formatMs(a === null || a.total.count === 0 ? null : a.total[percentile])}</td>
            <td className="px-3 text-right">{formatMs(b === null || b.total.count === 0 ? null : b.total[percentile])}</td>
            <td className="pl-3 text-right"><Difference a={a} b={b} percentile={percentile} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Difference({ a, b, percentile }: { a: LatencySeries | null; b: LatencySeries | null; percentile: Percentile }) {
  const result = a === null || b === null ? ({ tooFew: true } as const) : comparison(a.total, b.total, percentile);
  if ("tooFew" in result) return <span className="text-muted">too few samples ({MIN_COMPARED} needed on both sides)</span>;
  const { changePercent } = result;
  if (Math.abs(changePercent) < 1) return <span>same within 1 %</span>;
  return <span>{changePercent > 0 ? "▲" : "▼"} {formatPercent(Math.abs(changePercent))} {changePercent > 0 ? "slower" : "faster"}</span>;
}
