"use client";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { GraduationCap, Plus, Scale, SearchX } from "lucide-react";
import type { Route } from "next";
import { useRouter } from "next/navigation";
import { parseAsString, parseAsStringLiteral, useQueryStates } from "nuqs";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { CutOption } from "../../components/ui/cut-option.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Select } from "../../components/ui/field.tsx";
import { TableSkeleton } from "../../components/ui/skeleton.tsx";
import { datasetChoicesQuery } from "../datasets/dataset-queries.ts";
import { RUNS_MAX } from "./compare-params.ts";
import { TrainingTable } from "./training-table.tsx";
import { trainingListQuery, trainingStates } from "./training-queries.ts";

/** All runs: how they stand and what they reached. Some of them can be ticked and compared. */
export function TrainingsView() {
  const router = useRouter();
  const [filter, setFilter] = useQueryStates({ state: parseAsStringLiteral(trainingStates), dataset: parseAsString });
  const [ticked, setTicked] = useState<readonly string[]>([]);
  const query = useInfiniteQuery(trainingListQuery(filter));
  const trainings = query.data?.pages.flatMap((page) => page.items) ?? [];
  const isFiltered = filter.state !== null || filter.dataset !== null;
  useShortcuts("Trainings", [{ keys: "n", label: "New training", run: () => router.push("/trainings/new" as Route) }]);
  if (query.data !== undefined && trainings.length === 0 && !isFiltered) return <NoTrainings />;
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Select aria-label="State" className="w-40" value={filter.state ?? ""} onChange={(event) => void setFilter({ state: (event.target.value || null) as (typeof trainingStates)[number] | null })}>
          <option value="">Every state</option>
          {trainingStates.map((state) => <option key={state}>{state}</option>)}
        </Select>
        <DatasetFilter value={filter.dataset} onChange={(dataset) => void setFilter({ dataset })} />
        {isFiltered && <Button kind="quiet" onClick={() => void setFilter(null)}>Clear filters</Button>}
        <span className="ml-auto flex items-center gap-2"><CompareLink ticked={ticked} /></span>
      </div>
      <Card flush>
        {query.isPending && <TableSkeleton columns={7} />}
        {query.isLoadingError && <ErrorState error={query.error} what="Trainings could not be loaded" onRetry={() => void query.refetch()} />}
        {query.data !== undefined && trainings.length === 0 && <EmptyState icon={<SearchX size={18} />} title="No training matches" action={<Button onClick={() => void setFilter(null)}>Clear filters</Button>} />}
        {trainings.length > 0 && <TrainingTable trainings={trainings} ticked={ticked} onTick={setTicked} />}
        {query.hasNextPage && <div className="border-t p-2 text-center"><Button size="sm" kind="quiet" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>Show more</Button></div>}
      </Card>
    </>
  );
}

function DatasetFilter({ value, onChange }: { value: string | null; onChange: (dataset: string | null) => void }) {
  const datasets = useQuery(datasetChoicesQuery());
  return (
    <Select aria-label="Dataset" className="w-48" value={value ?? ""} onChange={(event) => onChange(event.target.value || null)}>
      <option value="">Every dataset</option>
      {datasets.data?.items.map((dataset) => <option key={dataset.id} value={dataset.id}>{dataset.name}</option>)}
      <CutOption of={datasets.data} />
    </Select>
  );
}

/** Says what is missing until there is something to compare. */
function CompareLink({ ticked }: { ticked: readonly string[] }) {
  if (ticked.length < 2) return <span className="text-xs text-muted">Tick 2 to {RUNS_MAX} to compare them</span>;
  return <LinkButton href={`/trainings/compare?runs=${ticked.join(",")}` as Route}><Scale size={14} aria-hidden />Compare {ticked.length} runs</LinkButton>;
}

function NoTrainings() {
  return (
    <EmptyState icon={<GraduationCap size={18} />} title="No trainings yet" action={<><NewTrainingLink /><LinkButton href={"/datasets" as Route}>Datasets</LinkButton></>}>
      A training teaches a model from a dataset: a fresh one from a template, or one that you have already. It runs on the worker, or where your own scripts run, and what it makes is a model version.
    </EmptyState>
  );
}

export function NewTrainingLink() {
  const missingRole = useMissingRole("operator");
  const router = useRouter();
  return <Button kind="primary" disabled={missingRole !== undefined} title={missingRole} onClick={() => router.push("/trainings/new" as Route)}><Plus size={14} aria-hidden />New training</Button>;
}
