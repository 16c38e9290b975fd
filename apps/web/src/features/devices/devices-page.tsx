"use client";
import { useDeferredValue, useState } from "react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useQueryStates } from "nuqs";
import Link from "next/link";
import type { Route } from "next";
import { Card } from "../../components/ui/card.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { messageOf } from "../../lib/api-client.ts";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { devicesCsv } from "./device-columns.tsx";
import { DeviceFacets } from "./device-facets.tsx";
import { deviceParams, filterOf, type DeviceParams, type SetDeviceParams } from "./device-params.ts";
import { DeviceToolbar } from "./device-toolbar.tsx";
import { deviceListQuery, deviceSummaryQuery, type DeviceFilter } from "./device-queries.ts";
import { DevicesTable } from "./devices-table.tsx";
import { selectorChips, withoutChip } from "./selector-chips.ts";

/** Find devices among many: search, label query, facets; rows first, counts after. */
export function DevicesPage() {
  const [params, setParams] = useQueryStates(deviceParams);
  const [copied, setCopied] = useState<string | null>(null);
  const search = useDeferredValue(params.q);
  const filter = filterOf({ ...params, q: search });
  const list = useInfiniteQuery(deviceListQuery(filter));
  const summary = useQuery(deviceSummaryQuery(params.query));
  const rows = list.data?.pages.flatMap((page) => page.items);
  const active = activeFilters(params, (change) => void setParams(change), summary.data?.byBuild);
  const plain = active.length === 0;
  const total = totalOf(filter, summary.data);
  const clear = () => void setParams({ q: null, query: null, presence: null, class: null, build: null, drift: null });
  const copy = async () => {
    await navigator.clipboard.writeText(devicesCsv(rows ?? [], params.cols));
    setCopied(`${formatNoun(rows?.length ?? 0, "row")} copied${list.hasNextPage ? ": those that are loaded" : ""}.`);
  };
  if (rows?.length === 0 && plain && summary.data?.total === 0) return <NoDevices />;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4 lg:grid-cols-[13rem_minmax(0,1fr)]">
      <DeviceFacets summary={summary.data} params={params} setParams={(change) => void setParams(change)} />
      <div className="grid min-w-0 grid-cols-[minmax(0,1fr)] content-start gap-2.5">
        <DeviceToolbar params={params} setParams={(change) => void setParams(change)} onCopy={() => void copy()} rows={rows?.length ?? 0} />
        <div className="flex min-h-6 flex-wrap items-center gap-x-3 gap-y-1 text-xs text-muted" aria-live="polite">
          <span className="tabular-nums">{rows === undefined ? "Loading…" : countText(rows.length, total, list.hasNextPage)}</span>
          {active.map((entry) => (
            <button key={entry.text} type="button" onClick={entry.remove} title="Remove this filter" className="inline-flex items-center gap-1 rounded-full border border-line-strong px-2 py-0.5 text-ink hover:bg-hover max-sm:min-h-9">{entry.text}<span aria-hidden="true">×</span><span className="sr-only">, remove</span></button>
          ))}
          {copied !== null && <span role="status">{copied}</span>}
        </div>
        {list.isError && <p role="alert" className="rounded-md border border-(--state-bad) px-3 py-2 text-ui">{messageOf(list.error)}</p>}
        {rows === undefined && !list.isError && <Card flush><TableSkeleton rows={14} columns={7} /></Card>}
        {rows !== undefined && (rows.length === 0
          ? <div className="grid justify-items-center gap-3 rounded-lg border border-line-strong py-12 text-ui"><p>No device matches.</p><button type="button" onClick={clear} className="h-9 rounded-md border border-line-strong px-3">Clear {formatNoun(active.length, "filter")}</button></div>
          : <DevicesTable rows={rows} total={total} columns={params.cols} hasMore={list.hasNextPage} loadingMore={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} caption="Devices" />)}
      </div>
    </div>
  );
}

function countText(loaded: number, total: number | null, hasMore: boolean): string {
  if (total !== null) return formatNoun(total, "device");
  return hasMore ? `${formatCount(loaded)} loaded, more follow as you scroll` : formatNoun(loaded, "device");
}

/** The summary knows the number for one facet at a time; for a combination nobody has counted yet. */
function totalOf(filter: DeviceFilter, summary: { total: number; byPresence: Record<string, number>; drift: number; byClass: { className: string; devices: number }[]; byBuild: { buildId: string | null; devices: number }[] } | undefined): number | null {
  if (summary === undefined || filter.search !== "") return null;
  const counts = [
    ...(filter.presence === null ? [] : [summary.byPresence[filter.presence] ?? 0]), ...(filter.drift ? [summary.drift] : []),
    ...(filter.className === null ? [] : [summary.byClass.find((entry) => entry.className === filter.className)?.devices ?? 0]),
    ...(filter.buildId === null ? [] : [summary.byBuild.find((entry) => entry.buildId === filter.buildId)?.devices ?? 0]),
  ];
  if (counts.length > 1) return null;
  return counts[0] ?? summary.total;
}

function activeFilters(params: DeviceParams, setParams: SetDeviceParams, builds: { buildId: string | null; buildName: string | null }[] | undefined): { text: string; remove: () => void }[] {
  const buildName = builds?.find((entry) => entry.buildId === params.build)?.buildName ?? params.build;
  return [
    ...(params.q === "" ? [] : [{ text: `“${params.q}”`, remove: () => void setParams({ q: null }) }]),
    ...selectorChips(params.query).map((chip, i) => ({ text: chip.text, remove: () => void setParams({ query: withoutChip(params.query, i) || null }) })),
    ...(params.presence === null ? [] : [{ text: params.presence, remove: () => void setParams({ presence: null }) }]),
    ...(params.class === null ? [] : [{ text: `class ${params.class}`, remove: () => void setParams({ class: null }) }]),
    ...(params.build === null ? [] : [{ text: `runs ${buildName}`, remove: () => void setParams({ build: null }) }]),
    ...(params.drift ? [{ text: "wanted ≠ actual", remove: () => void setParams({ drift: null }) }] : []),
  ];
}

function NoDevices() {
  return (
    <div className="mx-auto grid max-w-xl justify-items-center gap-3 py-16 text-center">
      <h2 className="text-base font-semibold">No device yet</h2>
      <p className="text-ui text-pretty text-muted">A device is any machine with Node that runs the agent: make an enrolment token, run one command on the machine, and it shows up here within seconds.</p>
      <Link href={"/settings/enrollment" as Route} className="inline-flex h-9 items-center rounded-md bg-accent px-4 text-ui font-medium text-accent-ink">Enrol a device</Link>
    </div>
  );
}
