import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { claimJob, finishJob, isJobKind, jobCatalogue, parseJobPayload, storableJson, storableText, type JobKind, type JobOutcome, type JobPayload } from "@flotilla/fleet";
import { JobFailure } from "./job-failure.ts";
import { JobAborted, JobLease } from "./job-lease.ts";
import { keptStep, stepsOf } from "./job-steps.ts";
import type { JobContext, JobDone, Ports } from "./ports.ts";

/** One handler for each kind of the catalogue. A handler may run twice for one job, and must then come to one result. */
export type Handlers = { readonly [K in JobKind]: (payload: JobPayload<K>, context: JobContext) => Promise<JobDone> };

/** An error that may pass (database away, disk full) is tried again after 5, 10, 20 … seconds, at most after ten minutes. */
const RETRY_MS = 5_000;
const RETRY_MAX_MS = 600_000;

/** Jobs in hand, so that the worker can cancel or stop them. */
export type RunningJobs = Map<string, JobLease>;

/** Takes the job if it can be taken, runs its handler under a lease, and writes how it ended. Never throws for a job's own failure. */
export async function runJob(ports: Ports, handlers: Handlers, running: RunningJobs, jobId: string): Promise<void> {
  const claim = await ports.transact((tx) => claimJob(tx, jobId, ports.workerId, ports.leaseMs));
  if (claim.kind !== "claimed") {
    ports.log.debug({ jobId, claim: claim.kind }, "nothing to do for a delivered job");
    return;
  }
  const { job, leaseToken } = claim;
  const log = ports.log.child({ jobId, kind: job.kind, attempt: job.attempt });
  const timeLimitMs = isJobKind(job.kind) ? jobCatalogue[job.kind].timeLimitMs : 0;
  const lease = new JobLease({ ...ports, log }, { id: jobId, leaseToken, timeLimitMs });
  // The token in the name keeps a second attempt out of a directory that a stopped process may still be writing to.
  const workDir = join(ports.workRoot, `${jobId}-${leaseToken.slice(0, 8)}`);
  running.set(jobId, lease);
  const startedMs = performance.now();
  try {
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    const context: JobContext = { ...ports, log, jobId, workDir, signal: lease.signal, report: (report) => lease.report(report), step: stepsOf(ports, jobId, leaseToken), kept: (name) => keptStep(ports, jobId, name) };
    const ended = await attempt(handlers, job.kind, job.payload, context, lease, job.attempt);
    await lease.close();
    const written = await writeOutcome(ports, jobId, leaseToken, ended);
    const durationMs = performance.now() - startedMs;
    ports.onJobEnded?.(job.kind, written ? ended.outcome.kind : "lost", durationMs / 1_000);
    log.info({ outcome: ended.outcome.kind, written, durationMs: Math.round(durationMs) }, "job ended");
  } finally {
    await lease.close();
    running.delete(jobId);
    await rm(workDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

type Ended = { outcome: JobOutcome; commit?: JobDone["commit"] };

async function attempt(handlers: Handlers, kind: string, payload: unknown, context: JobContext, lease: JobLease, attemptNumber: number): Promise<Ended> {
  try {
    if (!isJobKind(kind)) throw new JobFailure("unknown_kind", `This worker does not know jobs of kind ${kind}; it is older than the rest of the platform.`);
    // The catalogue pairs each kind with its payload; TypeScript cannot follow the pair through a variable.
    const handler = handlers[kind] as (payload: JobPayload<JobKind>, context: JobContext) => Promise<JobDone>;
    const done = await handler(parseJobPayload(kind, payload), context);
    return { outcome: { kind: "succeeded", result: storableJson(done.result) }, commit: done.commit };
  } catch (error) {
    return { outcome: outcomeOf(error, kind, lease, attemptNumber, context) };
  }
}

function outcomeOf(error: unknown, kind: string, lease: JobLease, attemptNumber: number, context: JobContext): JobOutcome {
  const reason = error instanceof JobAborted ? error.reason : lease.abortReason;
  switch (reason) {
    case "cancelled":
      return { kind: "cancelled" };
    case "shutdown":
    case "lease_lost":
      return { kind: "released" };
    case "time_limit": {
      const minutes = isJobKind(kind) ? jobCatalogue[kind].timeLimitMs / 60_000 : 0;
      return { kind: "failed", code: "time_limit", cause: `It did not end within the ${minutes} minutes that a job of this kind may take.` };
    }
    case null:
      break;
  }
  if (error instanceof JobFailure) return { kind: "failed", code: error.code, cause: storableText(error.message), retryInMs: error.retryInMs };
  context.log.error({ err: error }, "a handler threw");
  const isFull = (error as NodeJS.ErrnoException | null)?.code === "ENOSPC";
  return {
    kind: "failed",
    code: isFull ? "insufficient_storage" : "internal",
    cause: isFull ? "The worker's disk is full." : "Something broke in the worker; its log says what.",
    retryInMs: Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (attemptNumber - 1)),
  };
}

/** False when the lease was lost: then nothing is written, neither the end of the job nor the handler's own rows. */
async function writeOutcome(ports: Ports, jobId: string, leaseToken: string, ended: Ended): Promise<boolean> {
  return ports.transact(async (tx) => {
    const finished = await finishJob(tx, jobId, leaseToken, ended.outcome);
    if (finished.kind === "lost") return false;
    await ended.commit?.(tx);
    return true;
  });
}
