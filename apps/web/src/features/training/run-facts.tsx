"use client";
import type { TrainingView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { Fragment } from "react";
import { Card, Facts } from "../../components/ui/card.tsx";
import { CopyButton } from "../../components/ui/copy-button.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { formatDuration, shortDigest } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { roundingWords, startWords } from "./training-words.tsx";
import { pathWords, recipeLines, withoutTeacherId } from "./recipe-differences.ts";

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
            { label: "Starts from", value: start.kind !== "version" ? startWords(training) : <Link className="underline underline-offset-2" href={`/models/-/v/${start.versionId}` as Route}>{start.name}</Link> },
            ...(training.teacher === null ? [] : [{ label: "Learns from as well", value: <Link className="underline underline-offset-2" href={`/models/-/v/${training.teacher.versionId}` as Route}>{training.teacher.name}</Link> }]),
            ...(training.recipe.quantization === undefined ? [] : [{ label: "Trained with rounding", value: roundingWords(training.recipe.quantization) }]),
            { label: "Time", value: <span suppressHydrationWarning>{ranMs === null ? "not started" : formatDuration(ranMs)}</span> },
            { label: "Began", value: <TimeAgo at={training.startedAt} none="not yet" /> },
            { label: "Ended", value: <TimeAgo at={training.finishedAt} none="not yet" /> },
            { label: "Code", value: training.codeVersion },
            { label: "Digest of what decides it", value: <code className="text-xs break-all" title={training.recipeSha256}>{shortDigest(training.recipeSha256)}</code> },
            { label: "Job", value: <Link className="font-mono text-xs break-all underline underline-offset-2" href={`/jobs/${training.jobId}` as Route}>{training.jobId}</Link> },
          ]}
        />
      </Card>
      <Card title="Recipe" actions={<CopyButton text={JSON.stringify(training.recipe, null, 2)} label="Copy the recipe as JSON" />}>
        <dl className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 gap-y-1 text-xs">
          {recipeLines(withoutTeacherId(training.recipe)).map(({ path, value }) => (
            <Fragment key={path}><dt className="text-muted">{pathWords(path)}</dt><dd className="max-w-40 text-right font-mono break-words">{value === "" ? "none" : value}</dd></Fragment>
          ))}
        </dl>
      </Card>
    </div>
  );
}
