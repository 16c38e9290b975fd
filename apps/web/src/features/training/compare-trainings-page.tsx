"use client";
import { useInfiniteQuery, useQueries, useQueryClient } from "@tanstack/react-query";
import type { TrainingView } from "@flotilla/fleet";
import { Scale, X } from "lucide-react";
import { useQueryStates } from "nuqs";
import { useMemo, useState } from "react";
import { LineSwatch } from "../../components/charts/line-chart.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Checkbox } from "../../components/ui/field.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { compareParams, RUNS_MAX } from "./compare-params.ts";
import type { CurveRun } from "./curve-groups.ts";
import { noColumns, type MetricColumns } from "./metric-columns.ts";
import { ComparedOutcomes, DifferencesTable } from "./run-differences.tsx";
import { runNames } from "./run-names.ts";
import { TrainingCurves } from "./training-curves.tsx";
import { trainingListQuery, trainingQuery } from "./training-queries.ts";
import { metricsQuery } from "./use-metrics.ts";

/** Runs over each other on the same axes, what they reached, and what they were told differently. Which ones stands in the address. */
export function CompareTrainingsPage() {
  const [{ runs }, setParams] = useQueryStates(compareParams);
  const chosen = runs.slice(0, RUNS_MAX);
  const client = useQueryClient();
  const queries = useQueries({ queries: chosen.map((id) => trainingQuery(id)) });
  const trainings = queries.flatMap(({ data }) => data ?? []);
  const metrics = useQueries({ queries: trainings.map(({ jobId }) => metricsQuery(client, jobId)), combine: (results) => results.map(({ data }) => data) });
  const failed = queries.find(({ isLoadingError }) => isLoadingError);
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <RunPicker chosen={chosen} known={trainings} onChange={(ids) => void setParams({ runs: ids })} />
      {failed !== undefined && <ErrorState error={failed.error} what="A run could not be loaded" onRetry={() => void failed.refetch()} />}
      {chosen.length === 0 && <Card><EmptyState icon={<Scale size={18} />} title="Nothing to compare yet">Choose two to six runs above, or tick them in the list of trainings.</EmptyState></Card>}
      {chosen.length > 0 && queries.some(({ isPending }) => isPending) ? <Skeleton className="h-96 w-full" /> : trainings.length > 0 && <Compared trainings={trainings} metrics={metrics} />}
    </div>
  );
}

function Compared({ trainings, metrics }: { trainings: readonly TrainingView[]; metrics: readonly (MetricColumns | undefined)[] }) {
  const names = useMemo(() => runNames(trainings), [trainings]);
  const runs = useMemo(() => trainings.map<CurveRun>(({ id, stepsPerEpoch, startedAt, createdAt }, place) => ({ id, label: names[place] ?? id, columns: metrics[place] ?? noColumns, stepsPerEpoch, startMs: Date.parse(startedAt ?? createdAt) })), [trainings, names, metrics]);
  return (
    <>
      {metrics.includes(undefined) ? <Skeleton className="h-96 w-full" /> : <TrainingCurves runs={runs} empty={{ title: "No value yet", hint: "None of the runs has reported this." }} />}
      <ComparedOutcomes trainings={trainings} names={names} />
      {trainings.length > 1 && <DifferencesTable trainings={trainings} names={names} />}
    </>
  );
}

/** What is compared: each can be left out, and others added. Open while there is little to compare. */
function RunPicker({ chosen, known, onChange }: { chosen: readonly string[]; known: readonly TrainingView[]; onChange: (ids: string[]) => void }) {
  const [wantsOpen, setWantsOpen] = useState<boolean | null>(null);
  const isOpen = wantsOpen ?? chosen.length < 2;
  const names = runNames(known);
  return (
    <Card title="Runs" subtitle={`${chosen.length} of at most ${RUNS_MAX}`} actions={<Button size="sm" aria-expanded={isOpen} onClick={() => setWantsOpen(!isOpen)}>{isOpen ? "Done" : "Add or remove…"}</Button>}>
      {chosen.length > 0 && (
        <ul aria-label="Compared" className="flex flex-wrap gap-1.5">
          {chosen.map((id, place) => {
            const name = names[known.findIndex((training) => training.id === id)] ?? "…";
            return <li key={id} className="max-w-full"><Button size="sm" className="max-w-full" aria-label={`Leave ${name === "…" ? id : name} out`} onClick={() => onChange(chosen.filter((other) => other !== id))}><LineSwatch color={`--chart-${place + 1}`} /><span className="truncate">{name}</span><X size={12} aria-hidden /></Button></li>;
          })}
        </ul>
      )}
      {chosen.length === 1 && <p className="mt-2 text-xs text-muted">One run alone has nothing beside it. Add another.</p>}
      {isOpen && <Choices chosen={chosen} onChange={(ids) => { setWantsOpen(true); onChange(ids); }} />}
    </Card>
  );
}

function Choices({ chosen, onChange }: { chosen: readonly string[]; onChange: (ids: string[]) => void }) {
  const list = useInfiniteQuery(trainingListQuery({ state: null, dataset: null }));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const isFull = chosen.length >= RUNS_MAX;
  if (list.isPending) return <Skeleton className="mt-3 h-16 w-full" />;
  if (list.isLoadingError) return <ErrorState error={list.error} what="Trainings could not be loaded" onRetry={() => void list.refetch()} />;
  if (rows.length === 0) return <p className="mt-3 text-muted">There is no training yet.</p>;
  return (
    <div className="mt-3 border-t pt-3">
      <ul aria-label="Runs to choose from" className="max-h-64 overflow-y-auto">
        {rows.map((training) => (
          <li key={training.id}>
            <Checkbox
              label={training.name} hint={`${training.datasetName} v${training.datasetNumber}, ${training.state}`} checked={chosen.includes(training.id)} disabled={isFull && !chosen.includes(training.id)}
              onChange={(event) => onChange(event.target.checked ? [...chosen, training.id] : chosen.filter((id) => id !== training.id))}
            />
          </li>
        ))}
      </ul>
      {list.hasNextPage && <Button size="sm" kind="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button>}
    </div>
  );
}
