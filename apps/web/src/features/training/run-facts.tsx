"use client";
import type { Route } from "next";
import Link from "next/link";
import { Card, Facts } from "../../components/ui/card.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatDuration } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import type { TrainingView } from "./training-types.ts";

/** Where the run comes from and what it was told. */
export function RunFacts({ training }: { training: TrainingView }) {
  const now = useNow();
  const { start } = training;
  const ranMs = training.startedAt === null ? null : (training.finishedAt === null ? now : Date.parse(training.finishedAt)) - Date.parse(training.startedAt);
  return (
    <div className="space-y-4">
      <Card title="Run">
        <Facts
          columns={1}
          items={[
            { label: "Starts from", value: start.kind === "template" ? start.title : <Link className="underline underline-offset-2" href={`/models/-/v/${start.versionId}` as Route}>{start.name}</Link> },
            { label: "Runs", value: training.runner === "here" ? "here" : (training.runnerName ?? "by an outside runner") },
            { label: "Time", value: <span suppressHydrationWarning>{ranMs === null ? "not started" : formatDuration(ranMs)}</span> },
            { label: "Began", value: <TimeAgo at={training.startedAt} none="not yet" /> },
            { label: "Ended", value: <TimeAgo at={training.finishedAt} none="not yet" /> },
            { label: "Job", value: <Link className="font-mono text-xs break-all underline underline-offset-2" href={`/jobs/${training.jobId}` as Route}>{training.jobId}</Link> },
          ]}
        />
      </Card>
      <Card title="Recipe">
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
        <pre tabIndex={0} className="max-h-96 overflow-auto text-xs">{JSON.stringify(training.recipe, null, 2)}</pre>
      </Card>
    </div>
  );
}
