"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { DatasetSummary, DatasetVersionView } from "@flotilla/fleet";
import { GraduationCap } from "lucide-react";
import type { Route } from "next";
import { LinkButton } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { Notice } from "../../components/ui/notice.tsx";
import { formatBytes, formatCount, formatNoun } from "../../lib/format.ts";
import { ImportProgress, ImportRefusal } from "../jobs/import-verdict.tsx";
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
      {summary !== null && <TrainOnThis version={version} summary={summary} />}
      {summary !== null && <Warnings summary={summary} />}
      {summary !== null && <SplitCounts summary={summary} />}
      {preview !== null && preview.sheets.length > 0 && <PreviewSheets sheets={preview.sheets} />}
      {summary?.task === "classification" && <ClassBalance summary={summary} />}
      {preview !== null && preview.values.length > 0 && <ValueHistograms values={preview.values} />}
      {summary !== null && <Contents version={version} summary={summary} />}
    </div>
  );
}

/** To the form of a training with these examples chosen; says why where there is nothing to learn from. */
function TrainOnThis({ version, summary }: { version: DatasetVersionView; summary: DatasetSummary }) {
  if (summary.counts.train === 0) return <p className="text-xs text-muted">Nothing can be trained on this version: its training split is empty.</p>;
  return <div className="flex justify-end"><LinkButton href={`/trainings/new?dataset=${version.id}` as Route}><GraduationCap size={14} aria-hidden />Train on this…</LinkButton></div>;
}

function ImportingPanel({ version }: { version: DatasetVersionView }) {
  const { data: job } = useQuery({ ...jobQuery(version.importJobId ?? ""), enabled: version.importJobId !== null });
  const words = job === undefined || job.state === "queued" ? "Waits for a worker." : (job.progressText ?? "A worker reads it.");
  return <ImportProgress label="Import" title="Being read" words={words} progress={job?.state === "running" ? (job.progress ?? null) : null} jobId={version.importJobId} />;
}

function RefusedPanel({ version }: { version: DatasetVersionView }) {
  const client = useQueryClient();
  return (
    <ImportRefusal
      version={version} advice={adviceForDataset(version)} retryPath={`/dataset-versions/${version.id}/retry`} uploadLink={<NewDatasetLink datasetId={version.datasetId} />}
      onRetried={() => client.invalidateQueries({ queryKey: ["dataset", version.datasetId] })}
    />
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
