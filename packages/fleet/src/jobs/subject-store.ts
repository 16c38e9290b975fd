import type { Job, Tx } from "@flotilla/db";
import { failBuild, reopenBuild } from "../builds/decision-store.ts";
import { markDatasetRejected, reopenDatasetVersion } from "../datasets/decision-store.ts";
import { markVersionRejected, reopenVersion } from "../models/decision-store.ts";
import { failOptimization, reopenOptimization } from "../optimizations/decision-store.ts";
import { failTraining, reopenTraining } from "../trainings/decision-store.ts";
import type { Principal } from "../principal.ts";

/** How a job is tied to what waits for it. `follows`: that still waits for this job and not for a newer one. */
type Tie = {
  follows(tx: Tx, subjectId: string, jobId: string): Promise<boolean>;
  settle(tx: Tx, subjectId: string, end: { code: string; sentence: string }, principal: Principal): Promise<unknown>;
  reopen(tx: Tx, subjectId: string, jobId: string): Promise<boolean>;
};

/** By kind of job and of subject. Other jobs have nobody who waits for them. */
const ties: Record<string, Tie> = {
  "import version": {
    follows: async (tx, id, importJobId) => (await tx.modelVersion.count({ where: { id, importJobId } })) > 0,
    settle: (tx, id, { code, sentence }, principal) => markVersionRejected(tx, id, code, sentence, principal),
    reopen: reopenVersion,
  },
  "import dataset_version": {
    follows: async (tx, id, importJobId) => (await tx.datasetVersion.count({ where: { id, importJobId } })) > 0,
    settle: (tx, id, { code, sentence }, principal) => markDatasetRejected(tx, id, code, sentence, principal),
    reopen: reopenDatasetVersion,
  },
  "build build": {
    follows: async (tx, id, jobId) => (await tx.build.count({ where: { id, jobId } })) > 0,
    settle: (tx, id, { sentence }, principal) => failBuild(tx, id, sentence, principal),
    reopen: reopenBuild,
  },
  "optimize optimization": {
    follows: async (tx, id, jobId) => (await tx.optimization.count({ where: { id, jobId } })) > 0,
    settle: (tx, id, { sentence }, principal) => failOptimization(tx, id, sentence, principal),
    reopen: reopenOptimization,
  },
  "train training": {
    follows: async (tx, id, jobId) => (await tx.training.count({ where: { id, jobId } })) > 0,
    settle: (tx, id, { sentence }, principal) => failTraining(tx, id, sentence, principal),
    reopen: reopenTraining,
  },
};

function tieOf(job: Job): Tie | undefined {
  return ties[`${job.kind} ${job.subjectKind ?? ""}`];
}

/** Carries the end of a job that decided nothing over to what it worked on, so that nothing waits for it for ever. */
export async function settleSubject(tx: Tx, principal: Principal, job: Job, end: { code: string; sentence: string }): Promise<void> {
  const tie = tieOf(job);
  if (tie === undefined || job.subjectId === null) return;
  if (await tie.follows(tx, job.subjectId, job.id)) await tie.settle(tx, job.subjectId, end, principal);
}

/** Opens again what waits for a job that is tried again. False when that follows another job by now. */
export async function reopenSubject(tx: Tx, job: Job): Promise<boolean> {
  const tie = tieOf(job);
  if (tie === undefined || job.subjectId === null) return true;
  return (await tie.follows(tx, job.subjectId, job.id)) && tie.reopen(tx, job.subjectId, job.id);
}
