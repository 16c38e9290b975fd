"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { RotateCw } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button, Spinner } from "../../components/ui/button.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { formatNoun } from "../../lib/format.ts";
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
    <section aria-label="Validation" className="rounded-lg border bg-surface p-4 shadow-lift">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Spinner className="text-busy" />
        <p className="font-medium">Being checked</p>
        <p role="status" className="text-muted">{words}</p>
        {version.importJobId !== null && <Link href={`/jobs/${version.importJobId}` as Route} className="ml-auto text-xs text-accent-text hover:underline">Watch the job</Link>}
      </div>
      <Progress value={data?.state === "running" ? (data.progress ?? null) : null} label="Validation" className="mt-3" />
      <p className="mt-2 text-xs text-pretty text-muted">It is read with limits, then opened in a sandbox, run once on zeros and measured. Nothing may run it before that.</p>
    </section>
  );
}

function waiting(before: number | null): string {
  return before === null || before === 0 ? "Waits for a worker; it is next." : `Waits for a worker; ${formatNoun(before, "job")} before it.`;
}

/** A refusal: the reason, what can be done about it, and another look. */
export function RejectedPanel({ version }: { version: VersionView }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const retry = useMutation({
    mutationFn: () => apiSend<VersionView>("POST", `/versions/${version.id}/retry`, {}),
    onSuccess: (fresh) => client.setQueryData(versionQuery(version.id).queryKey, fresh),
  });
  return (
    <div role="alert" className="space-y-2">
      <Notice tone="bad" title={`Rejected: ${version.rejectReason ?? "the import gave no reason"}`}>
        <p>{adviceFor(version)}</p>
        {version.rejectCode !== null && <p className="mt-1 font-mono text-2xs">{version.rejectCode}</p>}
        <div className="mt-3 flex flex-wrap items-center gap-2">
          <UploadVersionLink modelId={version.modelId} />
          <Button busy={retry.isPending} disabled={missingRole !== undefined} title={missingRole} onClick={() => retry.mutate()}><RotateCw size={14} aria-hidden />Look at it again</Button>
          {version.importJobId !== null && <Link href={`/jobs/${version.importJobId}` as Route} className="text-ink underline underline-offset-2">Log of the import</Link>}
        </div>
      </Notice>
      {retry.isError && <ErrorNote>{messageOf(retry.error)}</ErrorNote>}
    </div>
  );
}
