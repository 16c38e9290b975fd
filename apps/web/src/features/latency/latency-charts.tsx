"use client";
import { useMemo } from "react";
import type { LatencyAnswer } from "@flotilla/fleet";
import { CountStrip } from "../../components/charts/count-strip.tsx";
import { lineFinding } from "../../components/charts/finding.ts";
import { HeatmapChart } from "../../components/charts/heatmap-chart.tsx";
import { LineChart } from "../../components/charts/line-chart.tsx";
import { formatMs } from "../../lib/format.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import { chartMarkers, keyOf, modesOf, percentileLines, splitLines } from "./chart-data.ts";
import { emptyText, isSimulated, ranked, silentFrom, type Percentile } from "./series-view.ts";

const MODE_TITLES: Record<string, string> = { field: "in the field", scheduled: "scheduled runs", back_to_back: "back to back" };
const MAX_LINES = 8;

type Zoom = (range: { fromMs: number; toMs: number }) => void;
type Props = {
  answer: LatencyAnswer;
  /** Splits lines by series; null shows the percentiles of all together. */
  split: Percentile | null;
  live: boolean; scale?: "linear" | "log"; heatmap?: boolean; height?: number; onZoom?: Zoom;
  limit?: { value: number; label: string };
};

/** Lines, sample counts and heatmap of an answer: one block per measuring mode, since modes are never mixed. */
export function LatencyCharts(props: Props) {
  const modes = modesOf(props.answer);
  // Without any sample there is still one chart: an empty axis that says which nothing it is.
  return <div className="grid gap-6">{(modes.length === 0 ? ["field"] : modes).map((mode) => <ModeCharts key={mode} mode={mode} only={modes.length <= 1} {...props} />)}</div>;
}

function ModeCharts({ answer, mode, only, split, live, scale = "linear", heatmap = true, height = 240, onZoom, limit }: Props & { mode: string; only: boolean }) {
  const ofMode = useMemo(() => answer.series.filter((series) => series.mode === mode), [answer, mode]);
  const { shown, hidden } = useMemo(() => ranked(ofMode, MAX_LINES), [ofMode]);
  const first = shown[0];
  const data = useMemo(() => {
    if (split !== null) return splitLines(answer, shown, split, shown.map(keyOf).sort());
    return first === undefined ? splitLines(answer, [], "p95", []) : percentileLines(answer, first);
  }, [answer, shown, split, first]);
  const markers = useMemo(() => chartMarkers(answer), [answer]);
  const empty = emptyText(answer);
  const range = { fromMs: Date.parse(answer.from), toMs: Date.parse(answer.to), stepMs: answer.stepSeconds * 1000 };
  const silent = silentFrom(answer, { toMs: range.toMs, live });
  const finding = findingFor(data, split, mode);
  const mark = isSimulated(mode) ? <SimulatedMark /> : null;
  // The mark says simulated; other modes are told in words where there are several.
  const suffix = (only && mode === "field") || isSimulated(mode) ? "" : `, ${MODE_TITLES[mode] ?? mode}`;
  const heat = answer.heatmap.find((map) => map.mode === mode);
  return (
    <div className="grid gap-4">
        <LineChart
          title={`${split === null ? "Latency percentiles" : `Latency ${split}`}${suffix}`} subtitle={<>{mark}{hidden > 0 && <span> the {MAX_LINES} busiest series; {hidden} more in the table below</span>}</>}
          finding={finding} xs={data.xs} stepSeconds={answer.stepSeconds} lines={data.lines} counts={data.counts} format={formatMs} markers={markers}
          scale={scale} height={height} silentFrom={silent === null ? null : silent / 1000} empty={empty ?? undefined}
          below={data.samples > 0 && <CountStrip xs={data.xs} counts={data.counts} errors={data.errors} />}
          {...(limit === undefined ? {} : { limit })} {...(onZoom === undefined ? {} : { onZoom })}
        />
      {heatmap && data.samples > 0 && <HeatmapChart title={`Distribution over time${suffix}`} subtitle={mark} points={heat?.points ?? []} {...range} height={height} />}
    </div>
  );
}

function findingFor(data: ReturnType<typeof splitLines>, split: Percentile | null, mode: string): string {
  const line = split === null ? data.lines.find((candidate) => candidate.key === "p95") : data.lines[0];
  if (line === undefined) return "No samples in this range.";
  const name = split === null ? "p95" : `${split} of ${line.label}`;
  return `${isSimulated(mode) ? "Simulated: " : ""}${lineFinding({ name, xs: data.xs, values: line.values, samples: data.samples })}`;
}
