"use client";
import Link from "next/link";
import type { Route } from "next";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { DeploymentStateName, DeploymentView, Page } from "@flotilla/fleet";
import { StateSwatch } from "../../components/charts/state-bar.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { Select } from "../../components/ui/field.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatNoun } from "../../lib/format.ts";
import { deploymentsQuery, type DeploymentFilter } from "./rollout-queries.ts";
import { SimulatedMark } from "./tone-word.tsx";
import { deploymentOrder, deploymentWords } from "./words.ts";

type Props = { rolloutId: string; waves: number; filter: DeploymentFilter; onFilter: (filter: DeploymentFilter) => void };

/** One line per device: where it stands, why it failed, what it runs after a failure. Filters by state and wave are in the URL. */
export function DeploymentsTable({ rolloutId, waves, filter, onFilter }: Props) {
  const query = useInfiniteQuery(deploymentsQuery(rolloutId, filter));
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = filter.state !== null || filter.wave !== null;
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-2 text-ui max-sm:grid max-sm:grid-cols-2">
        <FilterSelect label="State" value={filter.state ?? ""} onValue={(state) => onFilter({ ...filter, state: state === "" ? null : (state as DeploymentStateName) })} options={deploymentOrder.map((state) => ({ value: state, label: deploymentWords[state].word }))} />
        <FilterSelect label="Wave" value={filter.wave === null ? "" : String(filter.wave)} onValue={(wave) => onFilter({ ...filter, wave: wave === "" ? null : Number(wave) })} options={Array.from({ length: waves }, (_, i) => ({ value: String(i), label: `Wave ${i + 1}` }))} />
        {filtered && <button type="button" className="h-8 rounded-md px-2 underline underline-offset-2 max-sm:h-11" onClick={() => onFilter({ state: null, wave: null })}>Clear filters</button>}
      </div>
      {query.isSuccess && rows.length === 0
        ? <p className="py-6 text-center text-ui text-muted">{filtered ? "No device matches these filters." : "No device is part of this rollout yet: they are put into waves when it starts."}</p>
        : (
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          <div className="relative max-h-[34rem] overflow-auto rounded-lg border border-line-strong" tabIndex={0} role="region" aria-label="Deployments">
            <table className="w-full border-collapse text-ui tabular-nums">
              <thead className="sticky top-0 z-1 bg-surface text-left text-xs text-muted shadow-[0_1px_0_var(--chart-axis)]">
                <tr>{["Device", "State", "Wave", "Class", "Why", "Previous build", "Changed"].map((name) => <th key={name} scope="col" className="h-8 px-3 font-medium whitespace-nowrap">{name}</th>)}</tr>
              </thead>
              <tbody>{rows.map((row) => <DeploymentRow key={row.id} row={row} />)}</tbody>
            </table>
          </div>
        )}
      {query.hasNextPage && <button type="button" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()} className="h-8 justify-self-start rounded-md border border-line-strong px-3 text-ui hover:bg-hover max-sm:h-11">{query.isFetchingNextPage ? "Loading…" : `Load more than these ${formatNoun(rows.length, "device")}`}</button>}
    </div>
  );
}

function DeploymentRow({ row }: { row: DeploymentView }) {
  const look = deploymentWords[row.state];
  return (
    <tr className="h-8 border-b border-line hover:bg-hover">
      <th scope="row" className="max-w-56 px-3 text-left font-normal"><span className="flex items-center gap-2"><Link href={`/devices/${row.deviceId}` as Route} prefetch={false} className="truncate font-medium hover:underline">{row.deviceName}</Link>{row.simulated && <SimulatedMark compact />}</span></th>
      <td className="px-3 whitespace-nowrap">
        <span className="inline-flex items-center gap-1.5"><StateSwatch color={look.color} pattern={look.pattern} />{row.direction === "rollback" && row.state === "succeeded" ? "back" : look.word}{!row.reachable && row.finishedAt === null && <span className="text-muted">, not reachable</span>}</span>
      </td>
      <td className="px-3 whitespace-nowrap">{row.direction === "rollback" ? "roll back" : row.wave + 1}</td>
      <td className="px-3 whitespace-nowrap">{row.className}</td>
      <td className="max-w-80 px-3"><span className="block truncate" title={why(row)}>{why(row)}</span></td>
      <td className="max-w-48 truncate px-3 text-muted">{row.previousBuild?.name ?? (row.offeredAt === null ? "" : "no model")}</td>
      <td className="px-3 whitespace-nowrap text-muted"><TimeAgo at={row.updatedAt} /></td>
    </tr>
  );
}

function why(row: DeploymentView): string {
  // Stored as "code: sentence"; people read the sentence.
  if (row.skipReason !== null) return row.skipReason.replace(/^[a-z_]+: /, "");
  const parts = [row.failureCode, row.failureDetail, row.recovery?.replaceAll("_", " ")].filter((part) => part != null && part !== "");
  return row.attempt > 1 ? [...parts, `attempt ${row.attempt}`].join(", ") : parts.join(": ");
}

export function FilterSelect({ label, value, onValue, options, of: page, all = "all" }: { label: string; value: string; onValue: (value: string) => void; options: readonly { value: string; label: string }[]; of?: Page<unknown> | undefined; all?: string }) {
  return (
    <label className="inline-flex items-center gap-1.5 text-ui max-sm:grid max-sm:gap-1">
      <span className="text-muted">{label}</span>
      <Select value={value} onChange={(event) => onValue(event.target.value)} className="w-auto max-w-56 min-w-24 max-sm:max-w-none">
        <option value="">{all}</option>
        {options.map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
        <CutOption of={page} />
      </Select>
    </label>
  );
}
