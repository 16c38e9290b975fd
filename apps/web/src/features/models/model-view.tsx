"use client";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { ModelView as Model, VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { Badge } from "../../components/ui/badge.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatBytes, formatCompact, formatMs } from "../../lib/format.ts";
import { AliasCard } from "./alias-card.tsx";
import { modelQuery, versionListQuery } from "./model-queries.ts";
import { UploadVersionLink } from "./upload-version-link.tsx";
import { VersionState } from "./version-words.tsx";

/** One model: its versions and its names. */
export function ModelView({ id }: { id: string }) {
  const model = useQuery(modelQuery(id));
  const versions = useInfiniteQuery(versionListQuery(id));
  const rows = versions.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[minmax(0,1fr)_320px]">
      <Card title="Versions" flush>
        {versions.isPending && <TableSkeleton columns={5} rows={4} />}
        {versions.isLoadingError && <ErrorState error={versions.error} what="Versions could not be loaded" onRetry={() => void versions.refetch()} />}
        {versions.data !== undefined && rows.length === 0 && <EmptyState title="No versions yet" action={<UploadVersionLink modelId={id} kind="primary" />}>Upload an ONNX file to make the first one.</EmptyState>}
        {rows.length > 0 && <VersionTable versions={rows} />}
        {versions.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={versions.isFetchingNextPage} onClick={() => void versions.fetchNextPage()}>Show more</Button></div>}
      </Card>
      <div className="space-y-4">
        <QueryView query={model} loading={<TableSkeleton rows={3} columns={2} />}>{(data) => <AliasCard model={data} versions={rows} />}</QueryView>
      </div>
    </div>
  );
}

/** What stands below the model's name. */
export function ModelSubtitle({ model }: { model: Model }) {
  return (
    <>
      {model.description !== "" && <p className="max-w-prose whitespace-pre-wrap">{model.description}</p>}
      <p>Made by {model.createdByName} <TimeAgo at={model.createdAt} /></p>
    </>
  );
}

function VersionTable({ versions }: { versions: readonly VersionView[] }) {
  return (
    <Table caption="Versions">
      <thead><tr><Th>Version</Th><Th>State</Th><Th>Aliases</Th><Th numeric>Size</Th><Th numeric>Parameters</Th><Th numeric title="On the worker's machine, one thread">p50</Th><Th>By</Th><Th>Uploaded</Th></tr></thead>
      <tbody>
        {versions.map((version) => (
          <Tr key={version.id}>
            <Td><Link href={`/models/${version.modelId}/v/${version.number}` as Route} className="font-medium hover:underline">v{version.number}</Link></Td>
            <Td className="max-w-72"><span className="flex items-center gap-2"><VersionState state={version.state} />{version.rejectReason !== null && <span className="truncate text-xs text-muted" title={version.rejectReason}>{version.rejectReason}</span>}</span></Td>
            <Td><span className="flex flex-wrap gap-1">{version.aliases.map((alias) => <Badge key={alias} tone="accent">{alias}</Badge>)}</span></Td>
            <Td numeric className="whitespace-nowrap">{formatBytes(version.sizeBytes)}</Td>
            <Td numeric>{version.inspection === null ? "–" : formatCompact(version.inspection.parameterCount)}</Td>
            <Td numeric className="whitespace-nowrap">{version.inspection === null ? "–" : formatMs(version.inspection.latencyMs.p50)}</Td>
            <Td className="max-w-40 truncate text-muted">{version.createdByName}</Td>
            <Td className="whitespace-nowrap text-muted"><TimeAgo at={version.createdAt} /></Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
