"use client";
import type { ReactNode } from "react";
import type { DeviceSummary } from "@flotilla/fleet";
import { StateBar } from "../../components/charts/state-bar.tsx";
import { formatCount } from "../../lib/format.ts";
import { SimulatedMark } from "../rollouts/tone-word.tsx";
import type { DeviceParams, SetDeviceParams } from "./device-params.ts";
import { presenceOrder, presenceParts } from "./presence.ts";
import { PresenceWord } from "./presence-word.tsx";

/** Facets with counts for the label query; pressing one filters, pressing it again lifts the filter. */
export function DeviceFacets({ summary, params, setParams }: { summary: DeviceSummary | undefined; params: DeviceParams; setParams: SetDeviceParams }) {
  const counts = summary?.byPresence;
  return (
    <aside aria-label="Filters" className="grid content-start gap-4 text-ui max-lg:grid-cols-2 max-sm:hidden">
      <Facet title="Presence">
        {counts !== undefined && <div className="pb-1"><StateBar parts={presenceParts(counts)} height={8} label="Presence" /></div>}
        {presenceOrder.map((presence) => <Choice key={presence} on={params.presence === presence} count={counts?.[presence]} onPress={(on) => setParams({ presence: on ? presence : null })}><PresenceWord presence={presence} /></Choice>)}
      </Facet>
      <Facet title="Build">
        <Choice on={params.drift} count={summary?.drift} onPress={(on) => setParams({ drift: on || null })}>wanted ≠ actual</Choice>
        {summary?.byBuild.slice(0, 12).map((entry) => (entry.buildId === null
          ? <div key="none" className="flex justify-between px-2 py-0.5 text-muted"><span>no model</span><span className="tabular-nums">{formatCount(entry.devices)}</span></div>
          : <Choice key={entry.buildId} on={params.build === entry.buildId} count={entry.devices} onPress={(on) => setParams({ build: on ? entry.buildId : null })}>{entry.buildName ?? entry.buildId}</Choice>))}
      </Facet>
      <Facet title="Class">
        {summary?.byClass.map((entry) => (
          <Choice key={entry.className} on={params.class === entry.className} count={entry.devices} onPress={(on) => setParams({ class: on ? entry.className : null })}>
            <span className="inline-flex items-center gap-1.5"><span className="truncate">{entry.className}</span>{entry.simulated && <SimulatedMark compact />}</span>
          </Choice>
        ))}
      </Facet>
    </aside>
  );
}

function Facet({ title, children }: { title: string; children: ReactNode }) {
  return <section className="grid content-start gap-px"><h2 className="pb-1 text-xs font-medium text-muted">{title}</h2>{children}</section>;
}

function Choice({ on, count, onPress, children }: { on: boolean; count: number | undefined; onPress: (on: boolean) => void; children: ReactNode }) {
  return (
    <button type="button" aria-pressed={on} onClick={() => onPress(!on)} className="flex w-full min-w-0 items-center justify-between gap-2 rounded px-2 py-0.5 text-left hover:bg-hover aria-pressed:bg-hover aria-pressed:font-semibold">
      <span className="min-w-0 truncate">{children}</span><span className="text-muted tabular-nums">{count === undefined ? "…" : formatCount(count)}</span>
    </button>
  );
}
