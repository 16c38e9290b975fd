import type { Job, Tx } from "@flotilla/db";
import { failBuild, reopenBuild } from "../builds/decision-store.ts";
import { markVersionRejected, reopenVersion } from "../models/decision-store.ts";
import type { Principal } from "../principal.ts";

/** Carries the end of a job that decided nothing over to what it worked on, so that nothing waits for it for ever. */
export async function settleSubject(tx: Tx, principal: Principal, job: Job, end: { code: string; sentence: string }): Promise<void> {
  if (job.subjectId === null) return;
  if (job.kind === "import" && (await belongsTo(tx, job))) {
    await markVersionRejected(tx, job.subjectId, end.code, end.sentence, principal);
  }
  if (job.kind === "build" && (await belongsTo(tx, job))) await failBuild(tx, job.subjectId, end.sentence, principal);
}

/** Opens again what waits for a job that is tried again. False when that follows another job by now. */
export async function reopenSubject(tx: Tx, job: Job): Promise<boolean> {
  if (job.subjectId === null || (job.kind !== "import" && job.kind !== "build")) return true;
  if (!(await belongsTo(tx, job))) return false;
  if (job.kind === "import") return reopenVersion(tx, job.subjectId, job.id);
  return reopenBuild(tx, job.subjectId, job.id);
}

async function belongsTo(tx: Tx, job: Job): Promise<boolean> {
  if (job.subjectId === null) return false;
  if (job.kind === "import") return (await tx.modelVersion.count({ where: { id: job.subjectId, importJobId: job.id } })) > 0;
  return (await tx.build.count({ where: { id: job.subjectId, jobId: job.id } })) > 0;
}
