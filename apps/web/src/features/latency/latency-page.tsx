"use client";
import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { useQueryStates } from "nuqs";
import type { LatencyGroupBy } from "@flotilla/fleet";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { messageOf } from "../../lib/api-client.ts";
import { formatDayClock, formatRelative } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { buildChoicesQuery } from "../builds/build-queries.ts";
import { Comparison } from "./comparison.tsx";
import { LatencyCharts } from "./latency-charts.tsx";
import { LatencyControls } from "./latency-controls.tsx";
import { groupByKeys, latencyParams } from "./latency-params.ts";
import { latencyQuery, type LatencyWindow } from "./latency-queries.ts";
import { SeriesTable } from "./series-table.tsx";
import { relativeRanges, resolveRange, stepped, zoomed } from "./time-range.ts";

/** See and explain slowness: percentiles and distribution over time, split and filtered, with the changes that may explain them. */
export function LatencyPage() {
  const [params, setAll] = useQueryStates(latencyParams, { history: "push" });
  // All of them, each time: while a slow page still draws an earlier address, that one stands in the bar, and what a change leaves out would be taken from it.
  const setParams = (change: Partial<{ [K in keyof typeof params]: (typeof params)[K] | null }>) => void setAll((current) => ({ ...current, ...change }));
  const now = useNow();
  const filters = useMemo(() => ({ fleet: params.fleet, model: params.model, build: params.build, class: params.class, device: params.device }), [params.fleet, params.model, params.build, params.class, params.device]);
  const fixed = params.from !== null && params.to !== null && params.to > params.from;
  const window: LatencyWindow = fixed ? { kind: "fixed", fromMs: params.from ?? 0, toMs: params.to ?? 0 } : { kind: "relative", ms: relativeRanges[params.range].ms };
  const comparing = params.build !== null && params.compare !== null;
  const query = useQuery(latencyQuery({ filters, window, groupBy: comparing ? "none" : params.groupBy }));
  const other = useQuery({ ...latencyQuery({ filters: { ...filters, build: params.compare }, window, groupBy: "none" }), enabled: comparing });
  const builds = useQuery(buildChoicesQuery());
  const nameOf = (id: string | null) => builds.data?.items.find((build) => build.id === id)?.name ?? id ?? "";
  const zoom = (range: { fromMs: number; toMs: number }) => {
    const { fromMs, toMs } = zoomed(range);
    setParams({ from: fromMs, to: toMs });
  };
  const resume = () => setParams({ from: null, to: null });
  useZoomKeys({ now, range: resolveRange(params, now), zoom, resume, split: () => setParams({ groupBy: groupByKeys[(groupByKeys.indexOf(params.groupBy) + 1) % groupByKeys.length] ?? "none" }) });
  const answer = query.data;
  return (
    <div className="grid gap-5">
      <LatencyControls params={params} setParams={setParams} />
      {fixed && <HeldBar fromMs={params.from ?? 0} toMs={params.to ?? 0} onResume={resume} />}
      {query.isError && <p role="alert" className="rounded-md border border-(--state-bad) px-3 py-2 text-ui">{messageOf(query.error)} {answer !== undefined && "What is shown is from the last answer."}</p>}
      {answer === undefined && !query.isError && <div className="grid gap-6" role="status" aria-label="Loading"><Skeleton className="h-72" /><Skeleton className="h-72" /></div>}
      {answer !== undefined && (
        <div className={`grid gap-6 ${query.isPlaceholderData ? "opacity-60" : ""}`}>
          {comparing && other.data !== undefined
            ? <Comparison a={answer} b={other.data} nameA={nameOf(params.build)} nameB={nameOf(params.compare)} percentile={params.p} onZoom={zoom} />
            : <LatencyCharts answer={answer} split={params.groupBy === "none" ? null : params.p} live={!fixed} scale={params.scale} onZoom={zoom} />}
          {!comparing && <SeriesTable answer={answer} {...(pickable(params.groupBy) ? { onPick: (key: string) => setParams(pickOf(params.groupBy, key)), pickLabel: "Show only this one" } : {})} />}
          <p className="text-xs text-muted">
            Percentiles come from merged histograms, within 2 % of the exact sample. {answer.lastSampleAt === null ? "No sample has been stored for this selection." : `Newest sample ${formatRelative(answer.lastSampleAt, now)}.`} Devices report each minute once it is over. Drag over a chart to zoom; + and − zoom, 0 goes back to live.
          </p>
        </div>
      )}
    </div>
  );
}

function HeldBar({ fromMs, toMs, onResume }: { fromMs: number; toMs: number; onResume: () => void }) {
  return (
    <div role="status" className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-md border border-accent bg-sunken px-3 py-1.5 text-ui">
      <span>Held at {formatDayClock(fromMs)} to {formatDayClock(toMs)}: new samples are not added while you look.</span>
      <button type="button" onClick={onResume} className="ml-auto h-8 rounded-md border border-line-strong bg-surface px-3 max-sm:h-11">Resume live</button>
    </div>
  );
}

function pickable(groupBy: LatencyGroupBy): boolean {
  return groupBy === "build" || groupBy === "class" || groupBy === "fleet" || groupBy === "device";
}

/** Keys are "build:bld_…": the part behind the colon is the value of the filter of the same name. */
function pickOf(groupBy: LatencyGroupBy, key: string): Record<string, string> {
  const value = key.slice(key.indexOf(":") + 1);
  return { [groupBy]: value, groupBy: "none" };
}

function useZoomKeys({ now, range, zoom, resume, split }: { now: number; range: { fromMs: number; toMs: number }; zoom: (range: { fromMs: number; toMs: number }) => void; resume: () => void; split: () => void }) {
  const by = (step: "in" | "out" | "earlier" | "later") => () => zoom(stepped(range, step, now));
  useShortcuts("Latency", [
    { keys: "+", label: "Zoom in", run: by("in") }, { keys: "-", label: "Zoom out", run: by("out") },
    { keys: "ArrowLeft", label: "Earlier", run: by("earlier") }, { keys: "ArrowRight", label: "Later", run: by("later") },
    { keys: "0", label: "Back to live", run: resume }, { keys: "s", label: "Next split", run: split },
  ]);
}
