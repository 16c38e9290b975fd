"use client";
import type { TrainingView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import { Notice } from "../../components/ui/notice.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { formatDuration, formatPercent } from "../../lib/format.ts";
import { bestWords } from "./curve-reading.ts";
import { isOver, progressOf, runState } from "./training-words.tsx";

/** How the run stands, why, and what comes next; read out when it changes. */
export function RunStatus({ training }: { training: TrainingView }) {
  if (!isOver(training)) return <Going training={training} />;
  const { tone, title } = ENDS[training.state as keyof typeof ENDS];
  return (
    <div role="status">
      <Notice tone={tone} title={endTitle(training, title)}>
        {training.result !== null && <p>{weightsWords(training)} became <Link className="text-ink underline underline-offset-2" href={`/models/${training.result.modelId}/v/${training.result.number}` as Route}>{training.result.modelName} v{training.result.number}</Link>.</p>}
        {training.cause !== null && <p>{training.cause}</p>}
        {training.state === "quarantined" && <p>Its worker died again and again, so it is not tried by itself any more. Look at the log before you start it again.</p>}
        {training.causeCode !== null && training.state !== "succeeded" && <p className="mt-1 font-mono text-2xs">{training.causeCode}</p>}
      </Notice>
    </div>
  );
}

const ENDS = {
  succeeded: { tone: "ok", title: "Finished" }, failed: { tone: "bad", title: "Failed" }, cancelled: { tone: "info", title: "Cancelled: no version was made" }, quarantined: { tone: "warn", title: "In quarantine" },
} as const;

function endTitle({ stoppedBy, state }: TrainingView, title: string): string {
  if (state !== "succeeded") return title;
  const why = { epochs: "all epochs are done", minutes: "its time was used up", early_stopping: "it got no better any more", person: "somebody stopped it" };
  return stoppedBy === null ? title : `${stoppedBy === "epochs" || stoppedBy === "minutes" ? title : "Stopped early"}: ${why[stoppedBy]}`;
}

function weightsWords({ best }: TrainingView): string {
  return best === null ? "Its weights" : `The weights of epoch ${best.epoch} (${bestWords(best)})`;
}

function Going({ training }: { training: TrainingView }) {
  const state = runState(training);
  return (
    <section aria-label="Progress" className="rounded-lg border bg-surface p-4 shadow-lift">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <p className="font-medium" role="status">{goingWords(training)}</p>
        {training.progress !== null && <span className="text-muted tabular">{formatPercent(training.progress * 100)}</span>}
        {training.leftMs !== null && state !== "stopping" && <span className="ml-auto text-muted tabular">about {formatDuration(training.leftMs)} left</span>}
      </div>
      <Progress value={training.state === "queued" ? 0 : training.progress} label="Progress" className="mt-3" />
      {state === "resumed" && <p className="mt-2 text-xs text-muted">Its worker ended before it, so it was taken up again at its last checkpoint, attempt {training.attempt}. The curve goes on as if nothing had happened.</p>}
    </section>
  );
}

function goingWords(training: TrainingView): ReactNode {
  switch (runState(training)) {
    case "queued": return training.start.kind === "outside" ? "Waits for an outside runner to claim it" : training.queuedBefore === null || training.queuedBefore === 0 ? "Waits for a worker: next" : `Waits for a worker: ${training.queuedBefore} before it`;
    case "stopping": return training.stopRequested ? "Stopping: the best weights so far are kept" : "Stopping: it was cancelled";
    default: return progressOf(training);
  }
}
