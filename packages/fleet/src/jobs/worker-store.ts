import { randomUUID } from "node:crypto";
import { enqueueJob, sqlOf, type Job, type Tx } from "@flotilla/db";
import { assertNever } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import { appendJobLog, moveJob, type NewLogLine } from "./move-store.ts";
import { settleSubject } from "./subject-store.ts";
import { isEndState } from "./transitions.ts";
import type { JobStateName } from "./types.ts";

// The worker's side of a job. Invariants: the attempt is counted before any work is done, so a job that kills its worker
// cannot kill workers for ever; every write carries the lease token and takes effect only while that token is the row's,
// so a worker that was taken for dead writes nothing; leases are compared with the database's clock, never a worker's.

/** A worker that says nothing for this long is taken for dead, unless it claimed with a lease of its own length. */
export const LEASE_MS = 20_000;

const worker = systemPrincipal("worker");

export type ClaimResult =
  | { kind: "claimed"; job: Job; leaseToken: string }
  /** Another worker holds its lease. */
  | { kind: "taken" }
  /** Nothing to do any more. */
  | { kind: "ended"; state: JobStateName }
  | { kind: "gone" };

/**
 * Takes a job that waits, or one whose worker died, for `leaseMs`. Exactly one of any number of callers gets it. What waits for an outside runner is
 * "taken" for workers, and the other way round.
 */
export async function claimJob(tx: Tx, jobId: string, workerId: string, leaseMs = LEASE_MS, by: "worker" | "runner" = "worker"): Promise<ClaimResult> {
  const [found] = await sqlOf(tx).query<{ alive: boolean | null }>(
    "select lease_until > clock_timestamp() as alive from job where id = $1 for update",
    [jobId],
  );
  let job = await tx.job.findUnique({ where: { id: jobId } });
  if (found === undefined || job === null) return { kind: "gone" };
  if (job.outside !== (by === "runner")) return { kind: "taken" };
  if (job.state === "running") {
    if (found.alive === true) return { kind: "taken" };
    job = await endLostLease(tx, job);
  }
  if (job === null || job.state === "running") return { kind: "taken" };
  if (job.state !== "queued") return { kind: "ended", state: job.state };
  const leaseToken = randomUUID();
  const now = new Date();
  const claimed = await moveJob(tx, job, "claim", {
    attempt: job.attempt + 1,
    leaseToken,
    workerId,
    startedAt: now,
    finishedAt: null,
    cause: null,
    causeCode: null,
    progress: null,
    progressText: null,
  });
  if (claimed === null) return { kind: "taken" };
  await extendLease(tx, jobId, leaseToken, leaseMs);
  await appendJobLog(tx, jobId, [{ level: "info", text: `Attempt ${claimed.attempt} of ${claimed.maxAttempts} on ${by} ${workerId}.` }]);
  return { kind: "claimed", job: claimed, leaseToken };
}

/** What a handler has to tell; absent parts stay as they are. */
export type JobReport = {
  progress?: number | null | undefined;
  progressText?: string | undefined;
  logs?: readonly NewLogLine[] | undefined;
  /** A point with the same name and step replaces the older one: a second attempt writes over the first. */
  metrics?: readonly { name: string; step: number; value: number }[] | undefined;
};

export type Heartbeat = { kind: "alive"; cancelRequested: boolean } | { kind: "lost" };

/** Extends the lease to `leaseMs` from now and writes what there is to tell. "lost": another worker has the job; stop, nothing was written. */
export async function heartbeatJob(tx: Tx, jobId: string, leaseToken: string, report: JobReport = {}, leaseMs = LEASE_MS): Promise<Heartbeat> {
  const lease = await extendLease(tx, jobId, leaseToken, leaseMs);
  if (lease === null) return { kind: "lost" };
  if (report.progress !== undefined || report.progressText !== undefined) {
    await tx.job.updateMany({
      where: { id: jobId, leaseToken },
      data: {
        ...(report.progress === undefined ? {} : { progress: report.progress }),
        ...(report.progressText === undefined ? {} : { progressText: report.progressText }),
      },
    });
  }
  await appendJobLog(tx, jobId, report.logs ?? []);
  await writeMetrics(tx, jobId, report.metrics ?? []);
  if (Object.keys(report).length > 0) await recordChange(tx, "job", jobId);
  return { kind: "alive", cancelRequested: lease.cancelRequestedAt !== null };
}

/** How a job ended for its handler. */
export type JobOutcome =
  | { kind: "succeeded"; result: object }
  /** `retryInMs` set: the cause may pass; tried again after that time while attempts are left. */
  | { kind: "failed"; code: string; cause: string; retryInMs?: number | undefined }
  /** A person asked for it and the work has stopped. */
  | { kind: "cancelled" }
  /** The worker is shutting down: back to the queue, and the attempt does not count. */
  | { kind: "released" };

/** Ends the caller's attempt. "lost": another worker has the job; the caller must roll back whatever else it wrote. */
export async function finishJob(tx: Tx, jobId: string, leaseToken: string, outcome: JobOutcome): Promise<{ kind: "finished"; state: JobStateName } | { kind: "lost" }> {
  await sqlOf(tx).query("select id from job where id = $1 for update", [jobId]);
  const job = await tx.job.findUnique({ where: { id: jobId } });
  if (job === null || job.state !== "running" || job.leaseToken !== leaseToken) return { kind: "lost" };
  const ended = await applyOutcome(tx, job, outcome);
  return ended === null ? { kind: "lost" } : { kind: "finished", state: ended.state };
}

/** Ids among these whose cancellation was asked for. One cheap read for everything a worker has in hand. */
export async function cancelRequests(tx: Tx, jobIds: readonly string[]): Promise<string[]> {
  const rows = await tx.job.findMany({ where: { id: { in: [...jobIds] }, cancelRequestedAt: { not: null } }, select: { id: true } });
  return rows.map((row) => row.id);
}

/** Of these jobs, those that run under a lease whose token begins like this: their work directories are in use. */
export async function runningLeases(tx: Tx, claims: readonly { jobId: string; tokenStart: string }[]): Promise<Set<string>> {
  const rows = await tx.job.findMany({ where: { id: { in: claims.map((claim) => claim.jobId) }, state: "running" }, select: { id: true, leaseToken: true } });
  const held = rows.filter((row) => claims.some((claim) => claim.jobId === row.id && row.leaseToken?.startsWith(claim.tokenStart)));
  return new Set(held.map((row) => row.id));
}

/** Jobs looked at in one call of `reapJobs`. */
const REAP_BATCH = 100;

/** Puts jobs of dead workers back into the queue, or into quarantine when that was their last attempt. */
export async function reapJobs(tx: Tx): Promise<{ requeued: number; quarantined: number; cancelled: number }> {
  const rows = await sqlOf(tx).query<{ id: string }>(
    "select id from job where state = 'running' and lease_until < clock_timestamp() order by lease_until limit $1::int for update skip locked",
    [REAP_BATCH],
  );
  const jobs = await tx.job.findMany({ where: { id: { in: rows.map((row) => row.id) } } });
  const count = { requeued: 0, quarantined: 0, cancelled: 0 };
  for (const job of jobs) {
    const after = await endLostLease(tx, job);
    if (after?.state === "queued") {
      await enqueueJob(tx, { id: after.id, kind: after.kind, isAgain: true });
      count.requeued += 1;
    }
    if (after?.state === "quarantined") count.quarantined += 1;
    if (after?.state === "cancelled") count.cancelled += 1;
  }
  return count;
}

async function applyOutcome(tx: Tx, job: Job, outcome: JobOutcome): Promise<Job | null> {
  const free = { leaseToken: null, leaseUntil: null };
  switch (outcome.kind) {
    case "succeeded":
      return moveJob(tx, job, "succeed", { ...free, result: outcome.result, progress: 1, progressText: null, finishedAt: new Date() });
    case "released":
      await appendJobLog(tx, job.id, [{ level: "warn", text: "The worker is shutting down; the job waits for another one." }]);
      await enqueueJob(tx, { id: job.id, kind: job.kind, isAgain: true });
      return moveJob(tx, job, "release", { ...free, workerId: null, attempt: job.attempt - 1, progress: null, progressText: null });
    case "cancelled":
      return endWithout(tx, worker, job, "cancel", { code: "cancelled", sentence: "Cancelled by a person." });
    case "failed":
      await appendJobLog(tx, job.id, [{ level: "error", text: outcome.cause }]);
      if (outcome.retryInMs !== undefined && job.attempt < job.maxAttempts) {
        const delaySeconds = Math.ceil(outcome.retryInMs / 1000);
        await enqueueJob(tx, { id: job.id, kind: job.kind, delaySeconds });
        return moveJob(tx, job, "release", { ...free, workerId: null, cause: `${outcome.cause} Tried again in ${delaySeconds} s.`, causeCode: outcome.code, progress: null, progressText: null });
      }
      return endWithout(tx, worker, job, "fail", { code: outcome.code, sentence: outcome.cause });
    default:
      return assertNever(outcome);
  }
}

/** A running job whose lease is over, under the caller's row lock. */
async function endLostLease(tx: Tx, job: Job): Promise<Job | null> {
  const free = { leaseToken: null, leaseUntil: null };
  const died = `Worker ${job.workerId ?? "?"} stopped answering in attempt ${job.attempt}.`;
  if (job.cancelRequestedAt !== null) return endWithout(tx, worker, job, "cancel", { code: "cancelled", sentence: "Cancelled by a person." });
  if (job.attempt < job.maxAttempts) {
    await appendJobLog(tx, job.id, [{ level: "warn", text: `${died} The job waits for another one.` }]);
    return moveJob(tx, job, "lease_over", { ...free, workerId: null, cause: died, causeCode: "worker_lost", progress: null, progressText: null });
  }
  await appendJobLog(tx, job.id, [{ level: "error", text: died }]);
  return endWithout(tx, worker, job, "give_up", {
    code: "quarantined",
    sentence: `Its worker died in each of ${job.attempt} attempts; it is not tried again by itself.`,
  });
}

/** Ends a job that reached no result, and what it worked on with it. */
export async function endWithout(
  tx: Tx,
  principal: Principal,
  job: Job,
  event: "cancel" | "fail" | "give_up",
  end: { code: string; sentence: string; reason?: string | undefined },
): Promise<Job | null> {
  if (isEndState(job.state)) return null;
  const ended = await moveJob(tx, job, event, {
    leaseToken: null,
    leaseUntil: null,
    cause: end.sentence,
    causeCode: end.code,
    progressText: null,
    finishedAt: new Date(),
  });
  if (ended === null) return null;
  await settleSubject(tx, principal, ended, end);
  await recordAudit(tx, principal, { action: `job.${event}`, objectKind: "job", objectId: job.id, objectName: job.kind, reason: end.reason, detail: { code: end.code, cause: end.sentence } });
  return ended;
}

async function extendLease(tx: Tx, jobId: string, leaseToken: string, leaseMs: number): Promise<{ cancelRequestedAt: Date | null } | null> {
  const [row] = await sqlOf(tx).query<{ cancel_requested_at: Date | null }>(
    `update job set lease_until = clock_timestamp() + $3::int * interval '1 millisecond'
     where id = $1 and lease_token = $2 and state = 'running' returning cancel_requested_at`,
    [jobId, leaseToken, leaseMs],
  );
  return row === undefined ? null : { cancelRequestedAt: row.cancel_requested_at };
}

async function writeMetrics(tx: Tx, jobId: string, metrics: readonly { name: string; step: number; value: number }[]): Promise<void> {
  const finite = metrics.filter((point) => Number.isFinite(point.value));
  if (finite.length === 0) return;
  const points = [...new Map(finite.map((point) => [`${point.step} ${point.name}`, point])).values()];
  await sqlOf(tx).query(
    `insert into job_metric (job_id, name, step, value) select $1, * from unnest($2::text[], $3::int[], $4::float8[])
     on conflict (job_id, name, step) do update set value = excluded.value, at = now()`,
    [jobId, points.map((p) => p.name), points.map((p) => p.step), points.map((p) => p.value)],
  );
}
