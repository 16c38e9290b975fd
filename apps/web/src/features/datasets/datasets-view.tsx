"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { DatasetView } from "@flotilla/fleet";
import { Database, Plus, SearchX } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { parseAsString, useQueryState } from "nuqs";
import { useDeferredValue } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatCount } from "../../lib/format.ts";
import { uploads } from "../upload/browser-uploads.ts";
import { DropZone } from "../upload/drop-zone.tsx";
import { datasetListQuery } from "./dataset-queries.ts";
import { contentWords, countOf, DatasetState } from "./dataset-words.tsx";

/** All datasets: what is in the newest version of each. */
export function DatasetsView() {
  const router = useRouter();
  const [search, setSearch] = useQueryState("q", parseAsString.withDefault("").withOptions({ throttleMs: 200 }));
  const query = useInfiniteQuery(datasetListQuery(useDeferredValue(search)));
  useShortcuts("Datasets", [{ keys: "u", label: "Upload a dataset", run: () => router.push("/datasets/new" as Route) }]);
  const datasets = query.data?.pages.flatMap((page) => page.items) ?? [];
  if (query.data !== undefined && datasets.length === 0 && search === "") return <NoDatasets />;
  return (
    <>
      <div className="mb-3"><SearchField value={search} onChange={(text) => void setSearch(text === "" ? null : text)} label="Find a dataset by name" /></div>
      <Card flush>
        {query.isPending && <TableSkeleton columns={6} />}
        {query.isLoadingError && <ErrorState error={query.error} what="Datasets could not be loaded" onRetry={() => void query.refetch()} />}
        {query.data !== undefined && datasets.length === 0 && (
          <EmptyState icon={<SearchX size={18} />} title={`No dataset is called “${search}”`} action={<Button onClick={() => void setSearch(null)}>Clear the search</Button>} />
        )}
        {datasets.length > 0 && <DatasetTable datasets={datasets} />}
        {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
      </Card>
    </>
  );
}

function DatasetTable({ datasets }: { datasets: readonly DatasetView[] }) {
  return (
    <Table caption="Datasets">
      <thead><tr><Th>Name</Th><Th>Newest</Th><Th>Holds</Th><Th numeric>Examples</Th><Th numeric>To test</Th><Th numeric>Versions</Th><Th>By</Th><Th>Made</Th></tr></thead>
      <tbody>
        {datasets.map(({ id, name, newest, versionCount, createdByName, createdAt }) => (
          <Tr key={id}>
            <Td className="max-w-80"><Link href={`/datasets/${id}` as Route} className="block truncate font-medium hover:underline" title={name}>{name}</Link></Td>
            <Td className="whitespace-nowrap">{newest === null ? <span className="text-muted">none yet</span> : <span className="inline-flex items-center gap-2">v{newest.number}<DatasetState state={newest.state} /></span>}</Td>
            <Td className="whitespace-nowrap">{newest === null ? "–" : contentWords(newest)}</Td>
            <Td numeric>{newest?.counts == null ? "–" : formatCount(countOf(newest.counts))}</Td>
            <Td numeric>{newest?.counts == null ? "–" : formatCount(newest.counts.test)}</Td>
            <Td numeric>{formatCount(versionCount)}</Td>
            <Td className="max-w-40 truncate whitespace-nowrap text-muted">{createdByName}</Td>
            <Td className="whitespace-nowrap text-muted"><TimeAgo at={createdAt} /></Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function NoDatasets() {
  const router = useRouter();
  const missingRole = useMissingRole("operator");
  return (
    <div className="mx-auto max-w-xl pt-6">
      <EmptyState icon={<Database size={18} />} title="No datasets yet" className="py-6">
        Examples say what a model's accuracy is, and which numbers flow through it. Without them a model can be made smaller, but nobody knows what that costs.
      </EmptyState>
      <DropZone
        purpose="dataset" disabledReason={missingRole}
        onFiles={(files) => {
          uploads("dataset").add(files);
          if (files.length > 0) router.push("/datasets/new" as Route);
        }}
      />
    </div>
  );
}

/** To the upload page; with `datasetId`, for its next version. */
export function NewDatasetLink({ datasetId }: { datasetId?: string }) {
  const missingRole = useMissingRole("operator");
  const router = useRouter();
  const href = datasetId === undefined ? "/datasets/new" : `/datasets/new?dataset=${datasetId}`;
  return <Button kind="primary" disabled={missingRole !== undefined} title={missingRole} onClick={() => router.push(href as Route)}><Plus size={14} aria-hidden />{datasetId === undefined ? "New dataset" : "New version"}</Button>;
}
