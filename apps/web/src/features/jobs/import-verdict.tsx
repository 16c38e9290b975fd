"use client";
import { useMutation } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import { useMissingRole } from "../../components/shell/person.tsx";
import { Button, Spinner } from "../../components/ui/button.tsx";
import { ErrorNote, Notice } from "../../components/ui/notice.tsx";
import { Progress } from "../../components/ui/progress.tsx";
import { apiSend, messageOf } from "../../lib/api-client.ts";

// What an import says of an upload, of a model or of a dataset, while it looks and when it has refused.

/** While the import looks: `words` say what it does just now. */
export function ImportProgress({ label, title, words, progress, jobId, children }: { label: string; title: string; words: string; progress: number | null; jobId: string | null; children?: ReactNode }) {
  return (
    <section aria-label={label} className="rounded-lg border bg-surface p-4 shadow-lift">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Spinner className="text-busy" />
        <p className="font-medium">{title}</p>
        <p role="status" className="text-muted">{words}</p>
        {jobId !== null && <Link href={`/jobs/${jobId}` as Route} className="ml-auto text-xs text-accent-text hover:underline">Watch the job</Link>}
      </div>
      <Progress value={progress} label={label} className="mt-3" />
      {children}
    </section>
  );
}

type Refused = { rejectReason: string | null; rejectCode: string | null; importJobId: string | null };

/** A refusal: the reason, what can be done about it, and another look (`retryPath`). `uploadLink` leads to a better upload. */
export function ImportRefusal<V extends Refused>({ version, advice, retryPath, uploadLink, onRetried }: { version: V; advice: string; retryPath: string; uploadLink: ReactNode; onRetried: (fresh: V) => unknown }) {
  const missingRole = useMissingRole("operator");
  const retry = useMutation({ mutationFn: () => apiSend<V>("POST", retryPath, {}), onSuccess: (fresh) => onRetried(fresh) });
  return (
    <div role="alert" className="space-y-2">
      <Notice tone="bad" title={`Rejected: ${version.rejectReason ?? "the import gave no reason"}`}>
        <p>{advice}</p>
        {version.rejectCode !== null && <p className="mt-1 font-mono text-2xs">{version.rejectCode}</p>}
        <div className="mt-3 flex flex-wrap items-center gap-2">
          {uploadLink}
          <Button busy={retry.isPending} disabled={missingRole !== undefined} title={missingRole} onClick={() => retry.mutate()}><RotateCw size={14} aria-hidden />Look at it again</Button>
          {version.importJobId !== null && <Link href={`/jobs/${version.importJobId}` as Route} className="text-ink underline underline-offset-2">Log of the import</Link>}
        </div>
      </Notice>
      {retry.isError && <ErrorNote>{messageOf(retry.error)}</ErrorNote>}
    </div>
  );
}
