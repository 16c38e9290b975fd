"use client";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { DatasetVersionView } from "@flotilla/fleet";
import { parseAsInteger, useQueryState } from "nuqs";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton, TableSkeleton } from "../../components/ui/skeleton.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { cn } from "../../lib/class-names.ts";
import { formatBytes, formatNoun } from "../../lib/format.ts";
import { datasetVersionListQuery, datasetVersionQuery } from "./dataset-queries.ts";
import { countOf, DatasetState } from "./dataset-words.tsx";
import { DatasetVersionPanel } from "./dataset-version-panel.tsx";
import { NewDatasetLink } from "./datasets-view.tsx";

/** One dataset: its versions, and what is in the chosen one (the newest unless the address names another). */
export function DatasetPageView({ id }: { id: string }) {
  const [chosen, setChosen] = useQueryState("v", parseAsInteger.withOptions({ history: "push" }));
  const versions = useInfiniteQuery(datasetVersionListQuery(id));
  const rows = versions.data?.pages.flatMap((page) => page.items) ?? [];
  const number = chosen ?? rows[0]?.number ?? null;
  if (versions.data !== undefined && rows.length === 0) {
    return <Card><EmptyState title="No version yet" action={<NewDatasetLink datasetId={id} />}>Upload a ZIP with a folder per class, IDX, NPZ or CSV.</EmptyState></Card>;
  }
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[260px_minmax(0,1fr)]">
      <Card title="Versions" flush>
        {versions.isPending && <TableSkeleton columns={2} rows={2} />}
        {versions.isLoadingError && <ErrorState error={versions.error} what="Versions could not be loaded" onRetry={() => void versions.refetch()} />}
        <ul className="max-xl:max-h-44 max-xl:overflow-y-auto">{rows.map((row) => <VersionItem key={row.id} version={row} isChosen={row.number === number} onChoose={() => void setChosen(row.number)} />)}</ul>
        {versions.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={versions.isFetchingNextPage} onClick={() => void versions.fetchNextPage()}>Show more</Button></div>}
      </Card>
      {number !== null && <ChosenVersion datasetId={id} number={number} />}
    </div>
  );
}

function VersionItem({ version, isChosen, onChoose }: { version: DatasetVersionView; isChosen: boolean; onChoose: () => void }) {
  return (
    <li className="border-b last:border-b-0">
      <button type="button" aria-current={isChosen || undefined} onClick={onChoose} className={cn("flex w-full flex-col gap-0.5 px-3 py-2 text-left hover:bg-hover", isChosen && "bg-accent-soft")}>
        <span className="flex items-center gap-2 font-medium">v{version.number}<DatasetState state={version.state} /></span>
        <span className="text-xs text-muted">{version.summary === null ? formatBytes(version.sizeBytes) : formatNoun(countOf(version.summary.counts), "example")}, <TimeAgo at={version.createdAt} /></span>
      </button>
    </li>
  );
}

function ChosenVersion({ datasetId, number }: { datasetId: string; number: number }) {
  const version = useQuery(datasetVersionQuery(datasetId, number));
  return <QueryView query={version} what={`Version ${number} could not be loaded`} loading={<Skeleton className="h-64 w-full" />}>{(data) => <DatasetVersionPanel version={data} />}</QueryView>;
}
