import { enqueueJob, sqlOf, type Job, type ModelVersion, type Tx } from "@flotilla/db";
import { assertNever, FleetError } from "@flotilla/protocol";
import { z } from "zod";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { findVersion } from "../models/version-view-store.ts";
import { createOptimization, requireUsable } from "../optimizations/store.ts";
import { requireRole, type Principal } from "../principal.ts";
import { isJobKind, parseJobPayload, type JobKind } from "./catalogue.ts";
import { insertJob } from "./insert-store.ts";
import { moveJob } from "./move-store.ts";
import { reopenSubject } from "./subject-store.ts";
import type { JobView } from "./types.ts";
import { findJob, jobView } from "./view-store.ts";
import { endWithout } from "./worker-store.ts";

/**
 * Starts a benchmark, an evaluation or an optimization. Imports and builds start with their version or build and are tried again
 * with it: asking for one here is `bad_request`. `version_not_ready` or `dataset_not_ready` unless what it works on is.
 */
export async function createJob(tx: Tx, principal: Principal, input: { kind: JobKind; payload: unknown }): Promise<JobView> {
  requireRole(principal, "jobs", "operator");
  // Over HTTP and from older programs a kind may be any word: the catalogue refuses it by name.
  if (!isJobKind(input.kind)) return parseJobPayload(input.kind, input.payload);
  switch (input.kind) {
    case "optimize": {
      const { jobId } = await createOptimization(tx, principal, optimizationWish(input.payload));
      return jobView(tx, await findJob(tx, jobId));
    }
    case "benchmark": {
      const payload = parseJobPayload("benchmark", input.payload);
      const version = await readyVersion(tx, payload.versionId, "measured");
      return jobView(tx, await insertJob(tx, principal, { kind: "benchmark", payload, subject: { kind: "version", id: version.id } }));
    }
    case "evaluate": {
      const payload = parseJobPayload("evaluate", input.payload);
      const version = await readyVersion(tx, payload.versionId, "evaluated");
      await requireUsable(tx, version, payload.datasetVersionId);
      return jobView(tx, await insertJob(tx, principal, { kind: "evaluate", payload, subject: { kind: "version", id: version.id } }));
    }
    case "train":
      throw new FleetError("bad_request", { public: "A training is started at /trainings; retry its job to go on from its newest checkpoint." });
    case "import":
    case "build":
      parseJobPayload(input.kind, input.payload);
      throw new FleetError("bad_request", { public: `A job of kind ${input.kind} starts by itself with its ${input.kind === "import" ? "version" : "build"}; retry that instead.` });
    default:
      return assertNever(input.kind);
  }
}

/** What people send for an optimization; its row is made with the job, so the job's own payload is another one. */
const optimizationSchema = z.strictObject({
  versionId: z.string().min(1).max(64),
  datasetVersionId: z.string().min(1).max(64).optional(),
  preset: z.string().max(40).optional(),
  recipe: z.unknown().optional(),
  goal: z.unknown().optional(),
});

function optimizationWish(payload: unknown): z.infer<typeof optimizationSchema> {
  const parsed = optimizationSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FleetError("bad_request", { public: `${issue?.path.join(".") || "payload"}: ${issue?.message ?? "not valid"}` });
}

async function readyVersion(tx: Tx, id: string, what: string): Promise<ModelVersion> {
  const version = await findVersion(tx, id);
  if (version.state !== "ready") throw new FleetError("version_not_ready", { public: `The version is ${version.state}; only a ready one can be ${what}.` });
  return version;
}

/** Ends a waiting job at once, and asks the worker of a running one to stop (within 2 s). `illegal_transition` once it ended. */
export async function cancelJob(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<JobView> {
  requireRole(principal, "jobs", "operator");
  const job = await lockJob(tx, input.id);
  if (job.state === "running") {
    if (job.cancelRequestedAt !== null) return jobView(tx, job);
    const asked = await tx.job.update({ where: { id: job.id }, data: { cancelRequestedAt: new Date() } });
    await recordAudit(tx, principal, { action: "job.cancel_request", objectKind: "job", objectId: job.id, objectName: job.kind, reason: input.reason });
    await recordChange(tx, "job", job.id);
    return jobView(tx, asked);
  }
  const ended = await endWithout(tx, principal, job, "cancel", { code: "cancelled", sentence: `Cancelled by ${principal.name}.`, reason: input.reason });
  if (ended === null) throw new FleetError("illegal_transition", { public: `The job is ${job.state} already.` });
  return jobView(tx, ended);
}

/** Puts a job that failed, was cancelled or is in quarantine back into the queue, with all its attempts. */
export async function retryJob(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<JobView> {
  requireRole(principal, "jobs", "operator");
  const job = await lockJob(tx, input.id);
  const queued = await moveJob(tx, job, "retry", {
    attempt: 0,
    cause: null,
    causeCode: null,
    progress: null,
    progressText: null,
    cancelRequestedAt: null,
    workerId: null,
    startedAt: null,
    finishedAt: null,
  });
  if (queued === null || !(await reopenSubject(tx, queued))) {
    throw new FleetError("conflict", { public: "Something newer has taken this job's place." });
  }
  await enqueueJob(tx, { id: job.id, kind: job.kind });
  await recordAudit(tx, principal, { action: "job.retry", objectKind: "job", objectId: job.id, objectName: job.kind, reason: input.reason });
  return jobView(tx, queued);
}

async function lockJob(tx: Tx, id: string): Promise<Job> {
  await sqlOf(tx).query("select id from job where id = $1 for update", [id]);
  return findJob(tx, id);
}
