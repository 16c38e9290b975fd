"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { Button } from "../../components/ui/button.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatBytes, formatMs } from "../../lib/format.ts";
import { graphRowsQuery, type GraphRow } from "./graph-queries.ts";

/** The same graph as a table: each node after what it reads. */
export function GraphTable({ versionId, search, chosen, onShow }: { versionId: string; search: string; chosen: string | null; onShow: (row: GraphRow) => void }) {
  const query = useInfiniteQuery(graphRowsQuery(versionId, useDeferredValue(search)));
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  if (query.isPending) return <TableSkeleton />;
  if (query.isLoadingError) return <ErrorState error={query.error} what="The nodes could not be loaded" onRetry={() => void query.refetch()} />;
  return (
    <>
      <Table caption="Nodes of the graph">
        <thead><tr><Th numeric>#</Th><Th>Node</Th><Th>Operator</Th><Th>Reads</Th><Th>Output</Th><Th numeric>Weights</Th><Th numeric>Time</Th><Th>Block</Th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <Tr key={row.index} aria-current={chosen === `n${row.index}` || undefined} className={chosen === `n${row.index}` ? "bg-accent-soft" : undefined}>
              <Td numeric className="text-muted">{row.index}</Td>
              <Td className="max-w-64"><button type="button" className="block max-w-full truncate font-mono text-xs hover:underline" title={`Show ${row.name} in the graph`} onClick={() => onShow(row)}>{row.name || `node ${row.index}`}</button></Td>
              <Td className="whitespace-nowrap">{row.opType}</Td>
              <Td className="max-w-40 truncate text-xs text-muted">{row.inputsFrom.map((index) => (index < 0 ? "input" : `#${index}`)).join(", ") || "–"}</Td>
              <Td className="font-mono text-xs whitespace-nowrap">{row.outputShape?.map((side) => side ?? "?").join(" × ") ?? "–"}</Td>
              <Td numeric className="whitespace-nowrap">{row.parameterBytes === 0 ? "–" : formatBytes(row.parameterBytes)}</Td>
              <Td numeric className="whitespace-nowrap">{row.medianUs === null ? "–" : formatMs(row.medianUs / 1000)}</Td>
              <Td className="max-w-48 truncate text-xs text-muted" title={row.block}>{row.block}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {rows.length === 0 && <EmptyState title="No node matches" className="py-8" />}
      {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
    </>
  );
}
