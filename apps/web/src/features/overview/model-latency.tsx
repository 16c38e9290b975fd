"use client";
import Link from "next/link";
import type { Route } from "next";
import { useQuery } from "@tanstack/react-query";
import type { LatencyAnswer } from "@flotilla/fleet";
import { Sparkline } from "../../components/charts/sparkline.tsx";
import { formatMs, formatNoun, formatPercent } from "../../lib/format.ts";
import { latencyQuery } from "../latency/latency-queries.ts";
import { modesOf } from "../latency/chart-data.ts";
import { isSimulated, valueOf } from "../latency/series-view.ts";
import { onGrid } from "../../components/charts/series-grid.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import type { OverviewView } from "./types.ts";

const DAY_MS = 24 * 3_600_000;

/** p95 of the models that run somewhere: the last 24 hours, with the 24 before them as a faint line at the same hours. */
export function ModelLatencyList({ models }: { models: OverviewView["models"] }) {
  if (models.length === 0) return <p className="text-ui text-muted">No device attests to run a model, so there is nothing to measure.</p>;
  return <ul className="divide-y divide-line rounded-lg border border-line bg-surface">{models.map((model) => <ModelRow key={model.id} model={model} />)}</ul>;
}

function ModelRow({ model }: { model: OverviewView["models"][number] }) {
  const filters = { fleet: null, model: model.id, build: null, class: null, device: null };
  const query = useQuery({ ...latencyQuery({ filters, window: { kind: "relative", ms: 2 * DAY_MS }, groupBy: "none" }), refetchInterval: 60_000 });
  const hour = useQuery({ ...latencyQuery({ filters, window: { kind: "relative", ms: 3_600_000 }, groupBy: "none" }), refetchInterval: 30_000 });
  const modes = query.data === undefined ? [] : modesOf(query.data);
  return (
    <li className="grid gap-1 px-3.5 py-2.5">
      <div className="flex items-baseline gap-2 text-ui"><Link href={`/latency?model=${model.id}` as Route} className="truncate font-medium hover:underline">{model.name}</Link><span className="ml-auto text-xs whitespace-nowrap text-muted">{formatNoun(model.runningDevices, "device")}</span></div>
      {query.data === undefined && <div className="h-6 text-xs text-muted">{query.isError ? "could not be loaded" : ""}</div>}
      {query.data !== undefined && modes.length === 0 && <p className="text-xs text-muted">no inference reported in two days</p>}
      {query.data !== undefined && modes.map((mode) => <ModeRow key={mode} mode={mode} days={query.data} hour={hour.data} />)}
    </li>
  );
}

function ModeRow({ mode, days, hour }: { mode: string; days: LatencyAnswer; hour: LatencyAnswer | undefined }) {
  const { today, yesterday } = halves(days, mode);
  const now = hour?.series.find((series) => series.mode === mode)?.total;
  const p95 = now === undefined ? null : valueOf(now, "p95");
  const before = yesterday.at(-1) ?? null;
  const change = p95 === null || before === null || before === 0 ? null : (p95 / before - 1) * 100;
  return (
    <div className="flex items-center gap-3">
      <Sparkline values={today} compare={yesterday} width={130} height={26} label={`p95 over 24 hours${isSimulated(mode) ? ", simulated" : ""}: ${formatMs(p95)} now`} />
      {isSimulated(mode) && <SimulatedMark compact />}
      <span className="ml-auto text-right leading-tight">
        <span className="block text-ui font-semibold tabular-nums">{formatMs(p95)}</span>
        <span className="block text-[11px] text-muted tabular-nums">{p95 === null ? "no sample in 1 h" : change === null ? "nothing a day ago" : Math.abs(change) < 1 ? "as a day ago" : `${change > 0 ? "▲" : "▼"} ${formatPercent(Math.abs(change))} in a day`}</span>
      </span>
    </div>
  );
}

function halves(answer: LatencyAnswer, mode: string): { today: (number | null)[]; yesterday: (number | null)[] } {
  const series = answer.series.filter((candidate) => candidate.mode === mode).slice(0, 1);
  const range = { fromMs: Date.parse(answer.from), toMs: Date.parse(answer.to), stepMs: answer.stepSeconds * 1000 };
  const values = onGrid(series, range, (point) => valueOf(point, "p95")).lines[0]?.values ?? [];
  const perDay = Math.round(DAY_MS / range.stepMs);
  const split = Math.max(0, values.length - perDay);
  return { today: values.slice(split), yesterday: values.slice(Math.max(0, split - perDay), split) };
}
