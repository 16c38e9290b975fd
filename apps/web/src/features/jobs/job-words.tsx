import type { JobStateName, JobView } from "@flotilla/fleet";
import type { Route } from "next";
import { StateWord, type BadgeTone } from "../../components/ui/badge.tsx";
import { jobRefusal } from "./job-refusal.ts";

const TONES: Record<JobStateName, BadgeTone> = { queued: "neutral", running: "busy", succeeded: "ok", failed: "bad", cancelled: "neutral", quarantined: "warn" };

export function JobState({ job }: { job: Pick<JobView, "state" | "result" | "cancelRequested"> }) {
  const { state } = job;
  if (state === "running" && job.cancelRequested) return <StateWord tone="warn" word="stopping" />;
  if (jobRefusal(job) !== null) return <StateWord tone="warn" word="refused it" />;
  return <StateWord tone={TONES[state]} word={state} ended={state === "cancelled"} />;
}

/** The work of a kind, as a noun: "optimization". */
export function jobNoun(kind: string): string {
  return { optimize: "optimization", evaluate: "evaluation", train: "training" }[kind] ?? kind;
}

/** Where the thing is that the job is about; null when it has no page. */
export function subjectHref(job: Pick<JobView, "subjectKind" | "subjectId">): Route | null {
  if (job.subjectId === null) return null;
  if (job.subjectKind === "build") return `/builds/${job.subjectId}` as Route;
  if (job.subjectKind === "training") return `/trainings/${job.subjectId}` as Route;
  // The version's page takes an id in place of the number, and the model is looked up there.
  if (job.subjectKind === "version") return `/models/-/v/${job.subjectId}` as Route;
  // The dataset of a version, and the version of an optimization, are looked up there.
  if (job.subjectKind === "dataset_version") return `/datasets/-/v/${job.subjectId}` as Route;
  return null;
}

export function isEnded(state: JobStateName): boolean {
  return state !== "queued" && state !== "running";
}

/** Runs, or waits behind how many. */
export function progressWords(job: JobView): string {
  if (job.state === "queued") return job.queuedBefore === null || job.queuedBefore === 0 ? "next" : `${job.queuedBefore} before it`;
  if (job.state === "running") return job.progressText ?? "";
  return job.cause ?? jobRefusal(job)?.reason ?? "";
}
