"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ComparedVersion, CompareView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { useState } from "react";
import { Badge, type BadgeTone } from "../../components/ui/badge.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Select } from "../../components/ui/field.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { graphChangesQuery, type GraphChange, type GraphChangeKind, type GraphChangesPage } from "../graph/graph-queries.ts";

const KINDS: readonly GraphChangeKind[] = ["added", "removed", "changed"];
const TONES: Record<GraphChangeKind, BadgeTone> = { added: "ok", removed: "bad", changed: "accent" };
/** Operators that are named above the table. */
const OPERATORS_SHOWN = 12;

/** Which nodes a version has more, less or otherwise than the baseline. */
export function GraphComparison({ view }: { view: CompareView }) {
  const others = view.versions.filter(({ id }) => id !== view.baselineId);
  const [chosen, setChosen] = useState<string | null>(null);
  const [kind, setKind] = useState<GraphChangeKind | null>(null);
  const other = others.find(({ id }) => id === chosen) ?? others[0];
  const baseline = view.versions.find(({ id }) => id === view.baselineId);
  const query = useInfiniteQuery({ ...graphChangesQuery(view.baselineId, other?.id ?? "", kind), enabled: other !== undefined });
  if (other === undefined || baseline === undefined) return null;
  const first = query.data?.pages[0];
  return (
    <Card
      title="Graph beside the baseline" flush subtitle={first == null ? undefined : subtitleOf(first)}
      actions={(
        <>
          <Select aria-label="Kind of change" className="w-36" value={kind ?? ""} onChange={(event) => setKind(KINDS.find((name) => name === event.target.value) ?? null)}><option value="">All changes</option>{KINDS.map((name) => <option key={name} value={name}>{name}</option>)}</Select>
          {others.length > 1 && <Select aria-label="Version whose graph stands beside the baseline's" className="w-56" value={other.id} onChange={(event) => setChosen(event.target.value)}>{others.map((version) => <option key={version.id} value={version.id}>v{version.number}{version.label === null ? "" : `, ${version.label}`}</option>)}</Select>}
        </>
      )}
    >
      {query.isPending && <TableSkeleton />}
      {query.isError && <ErrorState error={query.error} what="The graphs could not be compared" onRetry={() => void query.refetch()} />}
      {first === null && <EmptyState title="There are not two graphs" className="py-8">A graph comes with the import. Versions that were imported before graphs were kept have none.</EmptyState>}
      {first != null && first.operators.length > 0 && <Operators changes={first} />}
      {first != null && <Changes isSame={KINDS.every((name) => first.counts[name] === 0)} rows={query.data?.pages.flatMap((page) => page?.items ?? []) ?? []} baseline={baseline} other={other} />}
      {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
    </Card>
  );
}

function subtitleOf({ counts, omittedNodes }: GraphChangesPage): string {
  const omitted = Math.max(omittedNodes.baseline, omittedNodes.version);
  return `${formatNoun(counts.added, "node")} added, ${formatCount(counts.removed)} removed, ${formatCount(counts.changed)} changed, ${formatCount(counts.same)} the same${omitted === 0 ? "" : `; ${formatCount(omitted)} more are not kept and were not compared`}`;
}

function Operators({ changes: { operators } }: { changes: GraphChangesPage }) {
  const parts = ({ added, removed, changed }: GraphChangesPage["operators"][number]): string => [added > 0 && `+${added}`, removed > 0 && `−${removed}`, changed > 0 && `${changed} changed`].filter((part) => part !== false).join(", ");
  return (
    <dl className="flex flex-wrap gap-x-5 gap-y-1 border-b px-4 py-3 text-xs">
      {operators.slice(0, OPERATORS_SHOWN).map((operator) => <div key={operator.opType} className="flex max-w-full gap-1.5"><dt className="truncate text-muted">{operator.opType}</dt><dd className="whitespace-nowrap tabular">{parts(operator)}</dd></div>)}
      {operators.length > OPERATORS_SHOWN && <div className="text-muted">and {formatNoun(operators.length - OPERATORS_SHOWN, "operator")} more</div>}
    </dl>
  );
}

function Changes({ rows, isSame, baseline, other }: { rows: readonly GraphChange[]; isSame: boolean; baseline: ComparedVersion; other: ComparedVersion }) {
  if (rows.length === 0) return <EmptyState title={isSame ? "Both graphs have the same nodes" : "No such change"} className="py-8">Nodes are held to be the same by name, and then by operator and shape in order.</EmptyState>;
  return (
    <Table caption="Nodes that were added, removed or changed">
      <thead><tr><Th>Change</Th><Th>Node</Th><Th>Operator</Th><Th>What is otherwise</Th></tr></thead>
      <tbody>
        {rows.map((row) => {
          const [node, version] = row.after === null ? [row.before, baseline] : [row.after, other];
          return node !== null && (
            <Tr key={`${row.kind} ${node.index}`} className="align-top">
              <Td className="py-1.5"><Badge tone={TONES[row.kind]}>{row.kind}</Badge></Td>
              <Td className="max-w-72 py-1.5"><Link className="block max-w-full truncate font-mono text-xs hover:underline" title={`Show ${node.name} in the graph of v${version.number}`} href={`/models/${version.modelId}/v/${version.number}?tab=graph&node=n${node.index}` as Route}>{node.name || `node ${node.index}`}</Link></Td>
              <Td className="py-1.5 whitespace-nowrap">{node.opType}</Td>
              <Td className="min-w-64 py-1.5 text-xs text-pretty">{row.differences.map(({ what, before, after }) => <span key={what} className="block break-words"><span className="text-muted">{what}:</span> {before} → {after}</span>)}</Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}
