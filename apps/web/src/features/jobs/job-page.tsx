"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { JobView } from "@flotilla/fleet";
import { Ban, RotateCw } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { useShortcuts } from "../../components/shell/shortcuts.ts";
import { Button } from "../../components/ui/button.tsx";
import { Card, Facts } from "../../components/ui/card.tsx";
import { ConfirmDialog } from "../../components/ui/confirm-dialog.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { Page } from "../../components/ui/page.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { TimeAgo } from "../../components/ui/time-ago.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";
import { formatDuration, formatPercent } from "../../lib/format.ts";
import { useNow } from "../../lib/use-now.ts";
import { OptimizationResults } from "../optimizing/optimization-results.tsx";
import { JobLog } from "./job-log.tsx";
import { JobMetrics } from "./job-metrics.tsx";
import { jobQuery } from "./job-queries.ts";
import { jobRefusal } from "./job-refusal.ts";
import { isEnded, jobNoun, JobState, progressWords, subjectHref } from "./job-words.tsx";

/** Watch a job, stop it, start it again. */
export function JobPage({ id }: { id: string }) {
  const job = useQuery(jobQuery(id));
  return (
    <QueryView query={job} what="The job could not be loaded" loading={<Page title="Job" crumbs={[{ label: "Jobs", href: "/jobs" }]}><Skeleton className="h-64" /></Page>}>
      {(data) => <JobBody job={data} />}
    </QueryView>
  );
}

function JobBody({ job }: { job: JobView }) {
  const href = subjectHref(job);
  return (
    <Page
      wide
      title={<span className="flex flex-wrap items-center gap-x-1.5 gap-y-1"><span className="first-letter:uppercase">{jobNoun(job.kind)}</span>{" "}{job.subjectName !== null && <>of {href === null ? job.subjectName : <Link href={href} className="underline decoration-line-strong underline-offset-4 hover:decoration-current">{job.subjectName}</Link>}</>}{" "}<JobState job={job} /></span>}
      crumbs={[{ label: "Jobs", href: "/jobs" }]}
      subtitle={<>Started by {job.createdByName} <TimeAgo at={job.createdAt} /></>}
      actions={<JobActions job={job} />}
    >
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-4 xl:grid-cols-[minmax(0,1fr)_320px]">
        <div className="min-w-0 space-y-4">
          <StateLine job={job} />
          {job.kind === "optimize" && job.subjectId !== null && <OptimizationResults id={job.subjectId} />}
          <JobMetrics id={job.id} />
          <JobLog id={job.id} ended={isEnded(job.state)} />
        </div>
        <JobFacts job={job} />
      </div>
    </Page>
  );
}

/** State, cause and progress in one line, read out when it changes. */
function StateLine({ job }: { job: JobView }) {
  if (job.state === "running" || job.state === "queued") {
    return (
      <section aria-label="Progress" className="rounded-lg border bg-surface p-4 shadow-lift">
        <div className="flex flex-wrap items-baseline gap-x-3">
          <p className="font-medium" role="status">{job.state === "queued" ? `Waits for a worker: ${progressWords(job)}` : job.cancelRequested ? "Stopping: the worker was asked to end it" : (job.progressText ?? "A worker has it")}</p>
          {job.progress !== null && <span className="text-muted tabular">{formatPercent(job.progress * 100)}</span>}
        </div>
        <Progress value={job.state === "queued" ? 0 : job.progress} label="Progress" className="mt-3" />
      </section>
    );
  }
  const refusal = jobRefusal(job);
  if (refusal !== null) {
    return <div role="status"><Notice tone="warn" title={`Done: the file was refused, ${refusal.reason}`}><p className="mt-1 font-mono text-2xs">{refusal.code}</p></Notice></div>;
  }
  const tone = { succeeded: "ok", failed: "bad", cancelled: "info", quarantined: "warn" } as const;
  const title = { succeeded: "Done", failed: "Failed", cancelled: "Cancelled", quarantined: "In quarantine" } as const;
  return (
    <div role="status">
      <Notice tone={tone[job.state]} title={title[job.state]}>
        {job.cause !== null && <p>{job.cause}</p>}
        {job.state === "quarantined" && <p>Its worker died again and again, so it is not tried by itself any more. Look at the log before you start it again.</p>}
        {job.causeCode !== null && job.state !== "succeeded" && <p className="mt-1 font-mono text-2xs">{job.causeCode}</p>}
      </Notice>
    </div>
  );
}

function JobFacts({ job }: { job: JobView }) {
  const now = useNow();
  const ranMs = job.startedAt === null ? null : (job.finishedAt === null ? now : Date.parse(job.finishedAt)) - Date.parse(job.startedAt);
  return (
    <div className="space-y-4">
      <Card title="Run">
        <Facts
          columns={1}
          items={[
            { label: "Attempt", value: `${job.attempt} of ${job.maxAttempts}` },
            { label: "Time", value: <span suppressHydrationWarning>{ranMs === null ? "not started" : formatDuration(ranMs)}</span> },
            { label: "Began", value: <TimeAgo at={job.startedAt} none="not yet" /> },
            { label: "Ended", value: <TimeAgo at={job.finishedAt} none="not yet" /> },
            { label: "Worker", value: job.workerId ?? "none" },
            { label: "Id", value: <code className="text-xs break-all">{job.id}</code> },
          ]}
        />
      </Card>
      <JsonCard title="Asked for" value={job.payload} />
      {job.result !== null && job.result !== undefined && <JsonCard title="Result" value={job.result} />}
    </div>
  );
}

function JsonCard({ title, value }: { title: string; value: unknown }) {
  return (
    <Card title={title}>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
      <pre tabIndex={0} className="max-h-72 overflow-auto text-xs">{JSON.stringify(value, null, 2)}</pre>
    </Card>
  );
}

function JobActions({ job }: { job: JobView }) {
  const client = useQueryClient();
  const missingRole = useMissingRole("operator");
  const [cancelling, setCancelling] = useState(false);
  const took = (fresh: JobView): void => void client.setQueryData(jobQuery(job.id).queryKey, fresh);
  const retry = useMutation({ mutationFn: () => apiSend<JobView>("POST", `/jobs/${job.id}/retry`, {}), onSuccess: took });
  const canRetry = job.state === "failed" || job.state === "cancelled" || job.state === "quarantined";
  const canCancel = !isEnded(job.state) && !job.cancelRequested;
  useShortcuts("Job", canRetry && missingRole === undefined ? [{ keys: "r", label: "Try again", run: () => retry.mutate() }] : []);
  return (
    <>
      {retry.isError && <ErrorNote>{messageOf(retry.error)}</ErrorNote>}
      {canRetry && <Button kind="primary" busy={retry.isPending} disabled={missingRole !== undefined} title={missingRole} onClick={() => retry.mutate()}><RotateCw size={14} aria-hidden />Try again</Button>}
      {canCancel && <Button kind="danger" disabled={missingRole !== undefined} title={missingRole} onClick={() => setCancelling(true)}><Ban size={14} aria-hidden />Cancel</Button>}
      <ConfirmDialog
        open={cancelling} onOpenChange={setCancelling} title={`Cancel this ${jobNoun(job.kind)}?`} action="Cancel the job" asksReason
        onConfirm={async (reason) => took(await apiSend<JobView>("POST", `/jobs/${job.id}/cancel`, { ...(reason !== undefined && { reason }) }))}
      >
        {job.kind === "import" ? "What it looks at is rejected as not looked at; it can be looked at again." : job.kind === "build" ? "The build fails; it can be tried again." : job.kind === "optimize" ? "Variants that are finished are given up too; started again it takes up what is done." : "What was measured so far stays in the log."}
      </ConfirmDialog>
    </>
  );
}
