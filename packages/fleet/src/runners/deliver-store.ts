import { enqueueJob, type Job, type Tx } from "@flotilla/db";
import { recordAudit } from "../access/audit-store.ts";
import { uploadedFiles } from "../artifacts/finished-uploads-store.ts";
import { recordChange } from "../changes/index.ts";
import { appendJobLog, moveJob } from "../jobs/move-store.ts";
import { finishJob } from "../jobs/worker-store.ts";
import type { JobStateName } from "../jobs/types.ts";
import { safeFileName } from "../models/version-files.ts";
import { requireRole, type Principal } from "../principal.ts";
import type { DeliveredModel } from "../trainings/types.ts";
import { heldJob, leaseLost } from "./held-job-store.ts";
import { ranMsOf } from "./report-store.ts";
import { requireOwnUpload } from "./upload-store.ts";
import type { RunnerEnd } from "./types.ts";

/**
 * Ends a runner's part. A model waits for a worker then, which checks it like an upload, evaluates it and makes the version; a training without one has failed.
 * `lease_lost` when the job is not this runner's any more; `not_found` for an upload of others, errors of uploads when the bytes are not all there.
 */
export async function deliverFromRunner(tx: Tx, principal: Principal, input: { jobId: string; leaseToken: string; end: RunnerEnd }): Promise<{ state: JobStateName }> {
  requireRole(principal, "runner", "operator");
  const { jobId, leaseToken, end } = input;
  const job = await heldJob(tx, jobId, leaseToken);
  if (end.kind === "failed") {
    const ended = await finishJob(tx, jobId, leaseToken, { kind: "failed", code: "runner_failed", cause: end.cause });
    if (ended.kind === "lost") throw leaseLost();
    return { state: ended.state };
  }
  await requireOwnUpload(tx, principal, end.uploadId);
  await tx.training.update({ where: { id: job.subjectId }, data: { delivered: await deliveredOf(tx, job, end) } });
  await recordAudit(tx, principal, { action: "runner.deliver", objectKind: "training", objectId: job.subjectId, detail: { uploadId: end.uploadId, toolVersions: end.toolVersions } });
  await recordChange(tx, "training", job.subjectId);
  return handToWorker(tx, job);
}

async function deliveredOf(tx: Tx, job: Job, end: Extract<RunnerEnd, { kind: "trained" }>): Promise<DeliveredModel> {
  const { stoppedBy, epochs, steps, best, toolVersions } = end;
  const [file] = await uploadedFiles(tx, [end.uploadId]);
  const { filename, sha256, sizeBytes } = file as NonNullable<typeof file>;
  return { file: { name: safeFileName(filename), sha256, sizeBytes }, preprocessing: end.preprocessing ?? null, toolVersions, stoppedBy, epochs, steps, best, ranMs: ranMsOf(job) };
}

/** The job goes back into the queue for a worker, without losing an attempt; the lease is over with it. */
async function handToWorker(tx: Tx, job: Job): Promise<{ state: JobStateName }> {
  await appendJobLog(tx, job.id, [{ level: "info", text: `Runner ${job.workerId ?? "?"} has sent its model; a worker checks it.` }]);
  const queued = await moveJob(tx, job, "release", { leaseToken: null, leaseUntil: null, workerId: null, attempt: job.attempt - 1, outside: false, progress: null, progressText: null });
  if (queued === null) throw leaseLost();
  await enqueueJob(tx, { id: job.id, kind: job.kind, isAgain: true });
  return { state: queued.state };
}
