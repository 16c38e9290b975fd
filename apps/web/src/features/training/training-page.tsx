"use client";
import { useQuery } from "@tanstack/react-query";
import type { TrainingView } from "@flotilla/fleet";
import { Hammer, Scale, Wand } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useMemo } from "react";
import { LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { Page } from "../../components/ui/page.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { JobLog } from "../jobs/job-log.tsx";
import { ConfusionMatrix } from "./confusion-matrix.tsx";
import type { CurveRun } from "./curve-groups.ts";
import { noColumns } from "./metric-columns.ts";
import { RetryButton } from "./retry-button.tsx";
import { RunFacts } from "./run-facts.tsx";
import { RunTiles } from "./run-tiles.tsx";
import { RunStatus } from "./run-status.tsx";
import { StopButton } from "./stop-button.tsx";
import { TrainingCurves } from "./training-curves.tsx";
import { trainingQuery } from "./training-queries.ts";
import { isOver, TrainingState } from "./training-words.tsx";
import { useMetrics } from "./use-metrics.ts";
import { WorstExamples } from "./worst-examples.tsx";

/** Watch a run, stop it with what it has, and see what came of it. */
export function TrainingPage({ id }: { id: string }) {
  const training = useQuery(trainingQuery(id));
  return (
    <QueryView query={training} what="The training could not be loaded" loading={<Page title="Training" crumbs={[{ label: "Trainings", href: "/trainings" }]}><Skeleton className="h-64" /></Page>}>
      {(data) => <TrainingBody training={data} />}
    </QueryView>
  );
}

function TrainingBody({ training }: { training: TrainingView }) {
  return (
    <Page
      wide
      title={<span className="flex flex-wrap items-center gap-x-2 gap-y-1">{training.name}{" "}<TrainingState training={training} /></span>}
      crumbs={[{ label: "Trainings", href: "/trainings" }]}
      subtitle={<>Learns from <Link className="text-ink underline underline-offset-2" href={`/datasets/${training.datasetId}?v=${training.datasetNumber}` as Route}>{training.datasetName} v{training.datasetNumber}</Link>. Started by {training.createdByName} <TimeAgo at={training.createdAt} /></>}
      actions={<Actions training={training} />}
    >
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[minmax(0,1fr)_320px]">
        <div className="min-w-0 space-y-4">
          <RunStatus training={training} />
          <Curves training={training} />
          {training.confusion !== null && <ConfusionMatrix confusion={training.confusion} of={`${training.confusion.split} split`} />}
          {training.worst.length > 0 && <WorstExamples examples={training.worst} />}
          <JobLog id={training.jobId} ended={isOver(training)} />
        </div>
        <RunFacts training={training} />
      </div>
    </Page>
  );
}

function Curves({ training }: { training: TrainingView }) {
  const metrics = useMetrics(training.jobId);
  const { id, stepsPerEpoch, startedAt, createdAt } = training;
  const columns = metrics.data ?? noColumns;
  const runs = useMemo<CurveRun[]>(() => [{ id, label: null, columns, stepsPerEpoch, startMs: Date.parse(startedAt ?? createdAt) }], [id, columns, stepsPerEpoch, startedAt, createdAt]);
  const empty = training.state === "queued" ? { title: "Not started yet", hint: "Curves begin with the first step." } : isOver(training) ? { title: "No value was reported", hint: "It ended before its first step." } : { title: "No value yet", hint: "The step is being prepared." };
  if (metrics.isPending) return <Skeleton className="h-72 w-full" />;
  if (metrics.isLoadingError) return <Card title="Curves"><ErrorState error={metrics.error} what="The curves could not be loaded" onRetry={() => void metrics.refetch()} /></Card>;
  return <><RunTiles columns={columns} /><TrainingCurves runs={runs} empty={empty} /></>;
}

function Actions({ training }: { training: TrainingView }) {
  const { result } = training;
  return (
    <>
      <LinkButton href={`/trainings/compare?runs=${training.id}` as Route}><Scale size={14} aria-hidden />Compare…</LinkButton>
      {!isOver(training) && <StopButton training={training} />}
      {isOver(training) && training.state !== "succeeded" && <RetryButton training={training} />}
      {result !== null && (
        <>
          <LinkButton href={`/models/${result.modelId}/v/${result.number}/optimize` as Route}><Wand size={14} aria-hidden />Optimize…</LinkButton>
          <LinkButton kind="primary" href={`/builds/new?version=${result.versionId}` as Route}><Hammer size={14} aria-hidden />Make a build</LinkButton>
        </>
      )}
    </>
  );
}
