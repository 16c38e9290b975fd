"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { DatasetSummary, DatasetVersionView } from "@flotilla/fleet";
import { RotateCw } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button, Spinner } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { formatBytes, formatCount, formatNoun } from "../../lib/format.ts";
import { jobQuery } from "../jobs/job-queries.ts";
import { ClassBalance } from "./class-balance.tsx";
import type { PreviewedVersion } from "./dataset-queries.ts";
import { adviceForDataset, contentWords, countOf } from "./dataset-words.tsx";
import { NewDatasetLink } from "./datasets-view.tsx";
import { PreviewSheets, ValueHistograms } from "./preview-sheets.tsx";
import { SplitCounts } from "./split-counts.tsx";

/** What one version of a dataset is, or why it is none. */
export function DatasetVersionPanel({ version }: { version: PreviewedVersion }) {
  const { summary, preview } = version;
  return (
    <div className="min-w-0 space-y-4">
      {version.state === "importing" && <ImportingPanel version={version} />}
      {version.state === "rejected" && <RefusedPanel version={version} />}
      {summary !== null && <Warnings summary={summary} />}
      {summary !== null && <SplitCounts summary={summary} />}
      {preview !== null && preview.sheets.length > 0 && <PreviewSheets sheets={preview.sheets} />}
      {summary?.task === "classification" && <ClassBalance summary={summary} />}
      {preview !== null && preview.values.length > 0 && <ValueHistograms values={preview.values} />}
      {summary !== null && <Contents version={version} summary={summary} />}
    </div>
  );
}

function ImportingPanel({ version }: { version: DatasetVersionView }) {
  const { data: job } = useQuery({ ...jobQuery(version.importJobId ?? ""), enabled: version.importJobId !== null });
  const words = job === undefined || job.state === "queued" ? "Waits for a worker." : (job.progressText ?? "A worker reads it.");
  return (
    <section aria-label="Import" className="rounded-lg border bg-surface p-4 shadow-lift">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Spinner className="text-busy" />
        <p className="font-medium">Being read</p>
        <p role="status" className="text-muted">{words}</p>
        {version.importJobId !== null && <Link href={`/jobs/${version.importJobId}` as Route} className="ml-auto text-xs text-accent-text hover:underline">Watch the job</Link>}
      </div>
      <Progress value={job?.state === "running" ? (job.progress ?? null) : null} label="Import" className="mt-3" />
    </section>
  );
}

/** A refusal: the reason, what can be done about it, and another look. */
function RefusedPanel({ version }: { version: DatasetVersionView }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const retry = useMutation({
    mutationFn: () => apiSend<DatasetVersionView>("POST", `/dataset-versions/${version.id}/retry`, {}),
    onSuccess: () => client.invalidateQueries({ queryKey: ["dataset", version.datasetId] }),
  });
  return (
    <div role="alert" className="space-y-2">
      <Notice tone="bad" title={`Rejected: ${version.rejectReason ?? "the import gave no reason"}`}>
        <p>{adviceForDataset(version)}</p>
        {version.rejectCode !== null && <p className="mt-1 font-mono text-2xs">{version.rejectCode}</p>}
        <div className="mt-3 flex flex-wrap items-center gap-2">
          <NewDatasetLink datasetId={version.datasetId} />
          <Button busy={retry.isPending} disabled={missingRole !== undefined} title={missingRole} onClick={() => retry.mutate()}><RotateCw size={14} aria-hidden />Look at it again</Button>
          {version.importJobId !== null && <Link href={`/jobs/${version.importJobId}` as Route} className="text-ink underline underline-offset-2">Log of the import</Link>}
        </div>
      </Notice>
      {retry.isError && <ErrorNote>{messageOf(retry.error)}</ErrorNote>}
    </div>
  );
}

function Warnings({ summary }: { summary: DatasetSummary }) {
  if (summary.warnings.length === 0) return null;
  return (
    <Notice tone="warn" title={`${formatNoun(summary.warnings.length, "thing")} to know before you trust numbers made with it`}>
      <ul className="mt-1 space-y-1">
        {summary.warnings.map((warning) => (
          <li key={warning.code}>{warning.sentence}{warning.places.length > 0 && <span className="block truncate font-mono text-2xs" title={warning.places.join(", ")}>{warning.places.slice(0, 4).join(", ")}</span>}</li>
        ))}
      </ul>
    </Notice>
  );
}

function Contents({ version, summary }: { version: DatasetVersionView; summary: DatasetSummary }) {
  const { duplicates, splitting, statistics } = summary;
  const mean = statistics === null ? "–" : statistics.mean.slice(0, 3).map((value) => value.toPrecision(4)).join(", ");
  const std = statistics === null ? "–" : statistics.std.slice(0, 3).map((value) => value.toPrecision(4)).join(", ");
  return (
    <Card title="What it is and where it comes from">
      <Facts
        columns={3}
        items={[
          { label: "Holds", value: `${formatCount(countOf(summary.counts))} ${contentWords({ kind: summary.kind, task: summary.task, classCount: summary.classes.length })}` },
          { label: "One example", value: <span className="font-mono text-xs">{summary.elementType} {summary.shape.map((side) => side ?? "any").join(" × ")}</span> },
          { label: "Split", value: `${splitting.method}, seed ${splitting.seed}` },
          { label: "Duplicates", value: `${formatNoun(duplicates.examples, "example")}; ${formatCount(duplicates.droppedAcrossSplits)} dropped across splits, ${formatCount(duplicates.conflictingLabels)} with two labels` },
          { label: "Mean (training split)", value: mean },
          { label: "Standard deviation", value: std },
          { label: "Source", value: `${summary.source.format}: ${version.files.map((file) => `${file.name} (${formatBytes(file.sizeBytes)})`).join(", ")}` },
          { label: "Canonical form", value: version.artifactBytes === null ? "–" : formatBytes(version.artifactBytes) },
          { label: "Its digest", value: version.artifactSha256 === null ? "–" : <code className="text-2xs break-all">{version.artifactSha256}</code> },
        ]}
      />
    </Card>
  );
}
