"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ModelView } from "@flotilla/fleet";
import { Boxes, SearchX, Upload } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { parseAsString, useQueryState } from "nuqs";
import { useDeferredValue } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Badge } from "../../components/ui/badge.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { DropZone } from "../upload/drop-zone.tsx";
import { uploads } from "../upload/browser-uploads.ts";
import { modelListQuery } from "./model-queries.ts";
import { VersionState } from "./version-words.tsx";

/** All models: newest version, names, and where they run. */
export function ModelsView() {
  const router = useRouter();
  const [search, setSearch] = useQueryState("q", parseAsString.withDefault("").withOptions({ throttleMs: 200 }));
  const query = useInfiniteQuery(modelListQuery(useDeferredValue(search)));
  useShortcuts("Models", [{ keys: "u", label: "Upload a model", run: () => router.push("/models/new" as Route) }]);
  const models = query.data?.pages.flatMap((page) => page.items) ?? [];
  if (query.data !== undefined && models.length === 0 && search === "") return <NoModels />;
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchField value={search} onChange={(text) => void setSearch(text === "" ? null : text)} label="Find a model by name" />
      </div>
      <Card flush>
        {query.isPending && <TableSkeleton columns={6} />}
        {query.isLoadingError && <ErrorState error={query.error} what="Models could not be loaded" onRetry={() => void query.refetch()} />}
        {query.data !== undefined && models.length === 0 && (
          <EmptyState icon={<SearchX size={18} />} title={`No model is called “${search}”`} action={<Button onClick={() => void setSearch(null)}>Clear the search</Button>} />
        )}
        {models.length > 0 && <ModelTable models={models} />}
        {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
      </Card>
    </>
  );
}

function ModelTable({ models }: { models: readonly ModelView[] }) {
  return (
    <Table caption="Models">
      <thead><tr><Th>Name</Th><Th>Newest</Th><Th>Aliases</Th><Th numeric>Running on</Th><Th numeric>Versions</Th><Th>By</Th><Th>Made</Th></tr></thead>
      <tbody>
        {models.map((model) => (
          <Tr key={model.id}>
            <Td className="max-w-80"><Link href={`/models/${model.id}` as Route} className="block truncate font-medium hover:underline" title={model.name}>{model.name}</Link></Td>
            <Td className="whitespace-nowrap">
              {model.newest === null ? <span className="text-muted">none yet</span> : (
                <Link href={`/models/${model.id}/v/${model.newest.number}` as Route} className="inline-flex items-center gap-2 hover:underline">v{model.newest.number}<VersionState state={model.newest.state} /></Link>
              )}
            </Td>
            <Td><span className="flex flex-wrap gap-1">{model.aliases.map(({ alias, number }) => <Badge key={alias} tone="accent">{alias} → v{number}</Badge>)}</span></Td>
            <Td numeric className={model.runningDevices === 0 ? "whitespace-nowrap text-muted" : "whitespace-nowrap"}>{model.runningDevices === 0 ? "no device" : formatNoun(model.runningDevices, "device")}</Td>
            <Td numeric>{formatCount(model.versionCount)}</Td>
            <Td className="max-w-40 truncate whitespace-nowrap text-muted">{model.createdByName}</Td>
            <Td className="whitespace-nowrap text-muted"><TimeAgo at={model.createdAt} /></Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function NoModels() {
  const router = useRouter();
  const missingRole = useMissingRole("operator");
  return (
    <div className="mx-auto max-w-xl pt-6">
      <EmptyState icon={<Boxes size={18} />} title="No models yet" className="py-6">
        A model is a family of versions, each one an ONNX graph with its weights. Versions are checked and measured before anything may run them.
      </EmptyState>
      <DropZone
        disabledReason={missingRole}
        onFiles={(files) => {
          uploads().add(files);
          if (files.length > 0) router.push("/models/new" as Route);
        }}
      />
    </div>
  );
}

export function UploadLink() {
  const missingRole = useMissingRole("operator");
  const router = useRouter();
  return <Button kind="primary" disabled={missingRole !== undefined} title={missingRole} onClick={() => router.push("/models/new" as Route)}><Upload size={14} aria-hidden />Upload model</Button>;
}
