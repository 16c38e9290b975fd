"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { AuditView as Entry } from "@flotilla/fleet";
import { ChevronRight, ScrollText, SearchX } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { parseAsString, useQueryStates } from "nuqs";
import { Fragment, useDeferredValue, useState } from "react";
import { Badge } from "../../components/ui/badge.tsx";
import { Button, IconButton } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { CopyButton } from "../../components/ui/copy-button.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Input, Select } from "../../components/ui/field.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatDateTime } from "../../lib/format.ts";
import { auditQuery } from "./audit-queries.ts";
import { objectHref, objectKinds } from "./object-links.ts";

const text = parseAsString.withDefault("").withOptions({ throttleMs: 200 });

/** Who did what, why. */
export function AuditView() {
  const [filter, setFilter] = useQueryStates({ action: text, actor: text, objectKind: text, objectId: text });
  const query = useInfiniteQuery(auditQuery(useDeferredValue(filter)));
  const entries = query.data?.pages.flatMap((page) => page.items) ?? [];
  const isFiltered = Object.values(filter).some((value) => value !== "");
  const set = (part: Partial<typeof filter>): void => void setFilter(Object.fromEntries(Object.entries(part).map(([name, value]) => [name, value === "" ? null : value])));
  return (
    <>
      <div className="mb-3 flex flex-wrap gap-2">
        <SearchField label="Person, key or part" value={filter.actor} onChange={(actor) => set({ actor })} className="sm:w-52" />
        <Input aria-label="Action begins with" placeholder="Action, e.g. rollout." className="w-full sm:w-44" value={filter.action} onChange={(event) => set({ action: event.target.value })} />
        <Select aria-label="Kind of object" className="w-full sm:w-44" value={filter.objectKind} onChange={(event) => set({ objectKind: event.target.value })}>
          <option value="">Everything</option>
          {objectKinds.map((kind) => <option key={kind} value={kind}>{kind.replaceAll("_", " ")}</option>)}
        </Select>
        {filter.objectId !== "" && <Button onClick={() => set({ objectId: "" })}>Only {filter.objectId} ✕</Button>}
        {isFiltered && <Button kind="quiet" onClick={() => void setFilter(null)}>Clear filters</Button>}
      </div>
      <Card flush>
        {query.isPending && <TableSkeleton columns={5} rows={12} />}
        {query.isLoadingError && <ErrorState error={query.error} what="The audit log could not be loaded" onRetry={() => void query.refetch()} />}
        {query.data !== undefined && entries.length === 0 && (isFiltered
          ? <EmptyState icon={<SearchX size={18} />} title="Nothing matches" action={<Button onClick={() => void setFilter(null)}>Clear filters</Button>} />
          : <EmptyState icon={<ScrollText size={18} />} title="Nothing has happened yet">Every change that a person, a key or the platform makes is written down here.</EmptyState>)}
        {entries.length > 0 && <AuditTable entries={entries} onObject={(objectId) => set({ objectId })} />}
        {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
      </Card>
    </>
  );
}

function AuditTable({ entries, onObject }: { entries: readonly Entry[]; onObject: (id: string) => void }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Table caption="Audit log">
      <thead><tr><Th className="w-8 pr-0"><span className="sr-only">Details</span></Th><Th className="max-sm:hidden">When</Th><Th>Who</Th><Th>Did</Th><Th>To</Th><Th>Why</Th></tr></thead>
      <tbody>
        {entries.map((entry) => {
          const isOpen = open === entry.id;
          return (
            <Fragment key={entry.id}>
              <Tr>
                <Td className="pr-0"><IconButton label={`Details of ${entry.action} by ${entry.actorName}`} size="icon-sm" className="-ml-1.5" aria-expanded={isOpen} onClick={() => setOpen(isOpen ? null : entry.id)}><ChevronRight size={14} aria-hidden className={isOpen ? "rotate-90" : ""} /></IconButton></Td>
                <Td className="whitespace-nowrap text-muted max-sm:hidden"><TimeAgo at={entry.at} /></Td>
                <Td className="max-w-48 whitespace-nowrap"><span className="inline-flex max-w-full items-center gap-1.5"><span className="truncate">{entry.actorName}</span>{entry.actorKind !== "user" && <Badge>{entry.actorKind.replace("_", " ")}</Badge>}</span><TimeAgo at={entry.at} className="block text-xs text-muted sm:hidden" /></Td>
                <Td className="font-mono text-xs whitespace-nowrap">{entry.action}</Td>
                <Td className="max-w-64 truncate"><ObjectName entry={entry} /></Td>
                <Td className="max-w-72 truncate text-muted" title={entry.reason ?? undefined}>{entry.reason ?? ""}</Td>
              </Tr>
              {isOpen && <tr className="border-b bg-sunken"><td colSpan={6} className="px-3 py-3"><Details entry={entry} onObject={onObject} /></td></tr>}
            </Fragment>
          );
        })}
      </tbody>
    </Table>
  );
}

function ObjectName({ entry }: { entry: Entry }) {
  const name = entry.objectName === null || entry.objectName === "" ? entry.objectId : entry.objectName;
  const href = objectHref(entry);
  return <><span className="text-muted">{entry.objectKind.replaceAll("_", " ")}</span> {href === null ? name : <Link href={href as Route} className="hover:underline">{name}</Link>}</>;
}

function Details({ entry, onObject }: { entry: Entry; onObject: (id: string) => void }) {
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Facts
        items={[
          { label: "At", value: <time dateTime={entry.at} suppressHydrationWarning>{formatDateTime(entry.at)}</time> },
          { label: "By", value: <code className="text-xs break-all">{entry.actorId}</code> },
          { label: "Object", value: <span className="flex flex-wrap items-center gap-1"><code className="text-xs break-all">{entry.objectId}</code><Button size="sm" kind="quiet" onClick={() => onObject(entry.objectId)}>Only this</Button></span> },
          { label: "Request", value: entry.requestId === null ? "by the platform" : <span className="flex items-center gap-1"><code className="text-xs break-all">{entry.requestId}</code><CopyButton text={entry.requestId} label="Copy the request id" /></span> },
          ...(entry.reason === null ? [] : [{ label: "Reason", value: entry.reason }]),
        ]}
      />
      {entry.detail !== null && entry.detail !== undefined && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
        <pre tabIndex={0} aria-label="Details" className="max-h-60 overflow-auto rounded-md border bg-surface p-3 text-xs">{JSON.stringify(entry.detail, null, 2)}</pre>
      )}
    </div>
  );
}
