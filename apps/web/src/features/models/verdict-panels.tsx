"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { formatNoun } from "../../lib/format.ts";
import { ImportProgress, ImportRefusal } from "../jobs/import-verdict.tsx";
import { jobQuery } from "../jobs/job-queries.ts";
import { versionQuery } from "./model-queries.ts";
import { UploadVersionLink } from "./upload-version-link.tsx";
import { adviceFor } from "./version-words.tsx";

/** While the import looks at it: what it does just now, from its job. */
export function ValidatingPanel({ version }: { version: VersionView }) {
  const job = useQuery({ ...jobQuery(version.importJobId ?? ""), enabled: version.importJobId !== null });
  const data = job.data;
  const words = data === undefined ? "An import job looks at it." : data.state === "queued" ? waiting(data.queuedBefore) : (data.progressText ?? "A worker looks at it.");
  return (
    <ImportProgress label="Validation" title="Being checked" words={words} progress={data?.state === "running" ? (data.progress ?? null) : null} jobId={version.importJobId}>
      <p className="mt-2 text-xs text-pretty text-muted">It is read with limits, then opened in a sandbox, run once on zeros and measured. Nothing may run it before that.</p>
    </ImportProgress>
  );
}

function waiting(before: number | null): string {
  return before === null || before === 0 ? "Waits for a worker; it is next." : `Waits for a worker; ${formatNoun(before, "job")} before it.`;
}

export function RejectedPanel({ version }: { version: VersionView }) {
  const client = useQueryClient();
  return (
    <ImportRefusal
      version={version} advice={adviceFor(version)} retryPath={`/versions/${version.id}/retry`} uploadLink={<UploadVersionLink modelId={version.modelId} />}
      onRetried={(fresh) => client.setQueryData(versionQuery(version.id).queryKey, fresh)}
    />
  );
}
