"use client";
import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import type { inferParserType } from "nuqs";
import type { LatencyGroupBy } from "@flotilla/fleet";
import { buildChoicesQuery } from "../builds/build-queries.ts";
import { deviceSummaryQuery } from "../devices/device-queries.ts";
import { fleetChoicesQuery } from "../fleets/fleet-queries.ts";
import { FilterSelect } from "../rollouts/deployments-table.tsx";
import { modelChoicesQuery } from "../models/model-queries.ts";
import { groupByKeys, type latencyParams } from "./latency-params.ts";
import { percentiles } from "./series-view.ts";
import { relativeRangeKeys, relativeRanges } from "./time-range.ts";

type Params = inferParserType<typeof latencyParams>;

const SPLITS: Record<LatencyGroupBy, string> = { none: "Nothing", build: "Build", class: "Class", fleet: "Fleet", device: "Device", version: "Version" };

/** Range, split and filters; every choice goes into the URL. */
export function LatencyControls({ params, setParams }: { params: Params; setParams: (change: Partial<{ [K in keyof Params]: Params[K] | null }>) => void }) {
  const builds = useQuery(buildChoicesQuery());
  const fleets = useQuery(fleetChoicesQuery());
  const models = useQuery(modelChoicesQuery());
  const summary = useQuery(deviceSummaryQuery(""));
  const filtered = params.fleet !== null || params.model !== null || params.build !== null || params.class !== null || params.device !== null;
  const comparing = params.compare !== null;
  const buildOptions = builds.data?.items.map((build) => ({ value: build.id, label: build.name })) ?? [];
  return (
    <div className="grid gap-2.5">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Segmented label="Range" value={params.from === null ? params.range : null} options={relativeRangeKeys.map((key) => ({ value: key, label: relativeRanges[key].label }))} onValue={(range) => setParams({ range, from: null, to: null })} />
        <CustomRange params={params} setParams={setParams} />
        {!comparing && <Segmented label="Split by" value={params.groupBy} options={groupByKeys.map((key) => ({ value: key, label: SPLITS[key] }))} onValue={(groupBy) => setParams({ groupBy })} showLabel />}
        {(params.groupBy !== "none" || comparing) && <Segmented label="Percentile" value={params.p} options={percentiles.map((key) => ({ value: key, label: key }))} onValue={(p) => setParams({ p })} />}
        <Segmented label="Scale" value={params.scale} options={[{ value: "linear", label: "Linear" }, { value: "log", label: "Log" }]} onValue={(scale) => setParams({ scale })} />
      </div>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 max-sm:grid max-sm:grid-cols-2">
        <FilterSelect label="Fleet" value={params.fleet ?? ""} onValue={(value) => setParams({ fleet: value || null })} options={fleets.data?.items.map((fleet) => ({ value: fleet.id, label: fleet.name })) ?? []} of={fleets.data} />
        <FilterSelect label="Model" value={params.model ?? ""} onValue={(value) => setParams({ model: value || null })} options={models.data?.items.map((model) => ({ value: model.id, label: model.name })) ?? []} of={models.data} />
        <FilterSelect label="Build" value={params.build ?? ""} onValue={(value) => setParams({ build: value || null, ...(value === "" ? { compare: null } : {}) })} options={buildOptions} of={builds.data} />
        {params.build !== null && <FilterSelect label="against" all="no other build" value={params.compare ?? ""} onValue={(value) => setParams({ compare: value || null })} options={buildOptions.filter((option) => option.value !== params.build)} of={builds.data} />}
        <FilterSelect label="Class" value={params.class ?? ""} onValue={(value) => setParams({ class: value || null })} options={summary.data?.byClass.map((entry) => ({ value: entry.className, label: entry.className })) ?? []} />
        {params.device !== null && <span className="inline-flex items-center gap-1.5 text-ui"><span className="text-muted">Device</span><code className="text-xs">{params.device}</code></span>}
        {filtered && <button type="button" onClick={() => setParams({ fleet: null, model: null, build: null, class: null, device: null, compare: null })} className="h-8 text-ui underline underline-offset-2 max-sm:h-11">Clear filters</button>}
      </div>
    </div>
  );
}

function CustomRange({ params, setParams }: { params: Params; setParams: (change: { from: number; to: number }) => void }) {
  const [open, setOpen] = useState(false);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const range = { from: Date.parse(from), to: Date.parse(to) };
  const valid = range.to > range.from;
  if (!open) {
    return <button type="button" aria-pressed={params.from !== null} onClick={() => setOpen(true)} className="h-8 rounded-md border border-line-strong px-2.5 text-ui aria-pressed:bg-hover aria-pressed:font-semibold max-sm:h-11">Custom</button>;
  }
  return (
    <form className="flex flex-wrap items-center gap-2 text-ui" onSubmit={(event) => { event.preventDefault(); if (valid) { setParams(range); setOpen(false); } }}>
      <input type="datetime-local" aria-label="From" value={from} onChange={(event) => setFrom(event.target.value)} className="h-8 rounded-md border border-line-strong bg-surface px-2 max-sm:h-11" />
      <span>to</span>
      <input type="datetime-local" aria-label="To" value={to} onChange={(event) => setTo(event.target.value)} className="h-8 rounded-md border border-line-strong bg-surface px-2 max-sm:h-11" />
      <button type="submit" disabled={!valid} className="h-8 rounded-md border border-line-strong px-2.5 disabled:opacity-50 max-sm:h-11">Show</button>
      <button type="button" onClick={() => setOpen(false)} className="h-8 px-1.5 text-muted max-sm:h-11">Close</button>
      {from !== "" && to !== "" && !valid && <span className="text-xs text-bad">The end must lie after the start.</span>}
    </form>
  );
}

/** A few choices side by side, one of them pressed. */
export function Segmented<T extends string>({ label, value, options, onValue, showLabel = false }: { label: string; value: T | null; options: readonly { value: T; label: string }[]; onValue: (value: T) => void; showLabel?: boolean }) {
  return (
    <div className="inline-flex flex-wrap items-center gap-1.5 text-ui" role="group" aria-label={label}>
      {showLabel && <span className="text-muted" aria-hidden="true">{label}</span>}
      <div className="inline-flex flex-wrap rounded-md border border-line-strong p-0.5">
        {options.map((option) => (
          <button key={option.value} type="button" aria-pressed={value === option.value} onClick={() => onValue(option.value)} className="h-6.5 rounded px-2 text-muted hover:text-ink aria-pressed:bg-hover aria-pressed:font-medium aria-pressed:text-ink aria-pressed:shadow-[inset_0_0_0_1px_var(--chart-axis)] max-sm:h-10">{option.label}</button>
        ))}
      </div>
    </div>
  );
}
