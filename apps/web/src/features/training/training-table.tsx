"use client";
import { useQuery } from "@tanstack/react-query";
import type { JobMetricPoint, TrainingView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { Sparkline } from "../../components/charts/sparkline.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiGet } from "../../lib/api-client.ts";
import { formatDuration } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { RUNS_MAX } from "./compare-params.ts";
import { formatBest, formatLoss } from "./curve-reading.ts";
import { thinned } from "./metric-columns.ts";
import { isOver, progressOf, startWords, TrainingState } from "./training-words.tsx";

/** Runs, newest first; ticked ones can be compared. */
export function TrainingTable({ trainings, ticked, onTick }: { trainings: readonly TrainingView[]; ticked: readonly string[]; onTick: (ids: readonly string[]) => void }) {
  const now = useNow();
  return (
    <Table caption="Trainings">
      <thead><tr><Th><span className="sr-only">Compare</span></Th><Th>Name</Th><Th>State</Th><Th>Learns from</Th><Th>Starts from</Th><Th>Progress</Th><Th>Loss</Th><Th>Best</Th><Th numeric>Time</Th><Th>By</Th><Th>Made</Th></tr></thead>
      <tbody>
        {trainings.map((training) => {
          const isTicked = ticked.includes(training.id);
          return (
            <Tr key={training.id}>
              <Td className="w-8"><input type="checkbox" aria-label={`Compare ${training.name}`} className="size-4 accent-(--accent)" checked={isTicked} disabled={!isTicked && ticked.length >= RUNS_MAX} onChange={() => onTick(isTicked ? ticked.filter((id) => id !== training.id) : [...ticked, training.id])} /></Td>
              <Td className="max-w-64"><Link href={`/trainings/${training.id}` as Route} className="block truncate font-medium hover:underline" title={training.name}>{training.name}</Link></Td>
              <Td><TrainingState training={training} /></Td>
              <Td className="max-w-44 truncate"><Link href={`/datasets/${training.datasetId}?v=${training.datasetNumber}` as Route} className="hover:underline" title={training.datasetName}>{training.datasetName} v{training.datasetNumber}</Link></Td>
              <Td className="max-w-44 truncate text-muted" title={startWords(training)}>{startWords(training)}</Td>
              <Td className="whitespace-nowrap">{isOver(training) ? <Outcome training={training} /> : <Going training={training} />}</Td>
              <Td><LossSpark training={training} /></Td>
              <Td className="whitespace-nowrap tabular">{training.best === null ? "–" : <span title={`${training.best.metric}, epoch ${training.best.epoch}`}>{formatBest(training.best)}</span>}</Td>
              <Td numeric className="whitespace-nowrap text-muted" suppressHydrationWarning>{training.startedAt === null ? "–" : formatDuration((training.finishedAt === null ? now : Date.parse(training.finishedAt)) - Date.parse(training.startedAt))}</Td>
              <Td className="max-w-36 truncate text-muted">{training.createdByName}</Td>
              <Td className="whitespace-nowrap text-muted"><TimeAgo at={training.createdAt} /></Td>
            </Tr>
          );
        })}
      </tbody>
    </Table>
  );
}

function Going({ training }: { training: TrainingView }) {
  return (
    <span className="flex items-center gap-2">
      {training.state === "running" && <Progress value={training.progress} label={`Progress of ${training.name}`} className="w-16 shrink-0" />}
      <span className="text-xs text-muted">{training.state === "queued" ? "waits" : progressOf(training)}</span>
    </span>
  );
}

function Outcome({ training: { result, cause } }: { training: TrainingView }) {
  if (result !== null) return <Link className="block max-w-56 truncate hover:underline" title={result.modelName} href={`/models/${result.modelId}/v/${result.number}` as Route}>{result.modelName} v{result.number}</Link>;
  return <span className="block max-w-56 truncate text-xs text-muted" title={cause ?? undefined}>{cause ?? "no version"}</span>;
}

/** The course of the loss the size of a word, from the metric with the fewest points that tells it. */
function LossSpark({ training }: { training: TrainingView }) {
  const points = useQuery({
    queryKey: ["job", training.jobId, "loss"],
    queryFn: async ({ signal }) => (await apiGet<{ items: JobMetricPoint[] }>(`/jobs/${training.jobId}/metrics?name=${encodeURIComponent("train loss")}`, signal)).items.map(({ value }) => value),
    staleTime: isOver(training) ? Infinity : 0, enabled: training.state !== "queued",
  });
  const values = thinned(points.data ?? [], 60);
  if (values.length < 2) return <span className="text-muted">–</span>;
  return <Sparkline values={values} color="--chart-1" label={`Loss from ${formatLoss(values[0] ?? null)} to ${formatLoss(values.at(-1) ?? null)}`} />;
}
