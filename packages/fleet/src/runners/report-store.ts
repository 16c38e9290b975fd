import { sqlOf, type Job, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { jobCatalogue } from "../jobs/catalogue.ts";
import { finishJob, heartbeatJob, type JobOutcome } from "../jobs/worker-store.ts";
import { requireRole, type Principal } from "../principal.ts";
import { isStopRequested, noteTrainingProgress } from "../trainings/decision-store.ts";
import { heldJob, leaseLost, RUNNER_LEASE_MS } from "./held-job-store.ts";
import type { RunnerAnswer, RunnerReport } from "./types.ts";

/** Points kept of one training; a script that says more has to say less often. */
const MAX_POINTS = 100_000;
/** What a second of one training takes: a full call of 1,000 is followed by the next one 0.2 s later. */
const POINTS_PER_SECOND = 5_000;

/**
 * Extends the lease and writes what there is to tell. A job that a person cancelled, or that took longer than one may, ends here: the runner need not agree.
 * `lease_lost` when the job is not this runner's any more, `rate_limited` when points come too quickly, `too_many_points` when there is no room: then nothing was written.
 */
export async function reportFromRunner(tx: Tx, principal: Principal, input: { jobId: string; leaseToken: string; report: RunnerReport }): Promise<RunnerAnswer> {
  requireRole(principal, "runner", "operator");
  const { jobId, leaseToken, report: { reached, ...report } } = input;
  const job = await heldJob(tx, jobId, leaseToken);
  const ending = endingOf(job);
  if (ending !== null) {
    const ended = await finishJob(tx, jobId, leaseToken, ending);
    if (ended.kind === "lost") throw leaseLost();
    return { state: ended.state, leaseMs: 0, stopRequested: false };
  }
  if (report.metrics !== undefined && report.metrics.length > 0) await requireRoom(tx, jobId, report.metrics.length);
  if ((await heartbeatJob(tx, jobId, leaseToken, report, RUNNER_LEASE_MS)).kind === "lost") throw leaseLost();
  if (reached !== undefined) await noteTrainingProgress(tx, job.subjectId, { ...reached, ranMs: ranMsOf(job) });
  return { state: "running", leaseMs: RUNNER_LEASE_MS, stopRequested: await isStopRequested(tx, job.subjectId) };
}

/** How long an attempt has been at it. */
export function ranMsOf({ startedAt }: Pick<Job, "startedAt">): number {
  return startedAt === null ? 0 : Math.max(0, Date.now() - startedAt.getTime());
}

function endingOf(job: Job): JobOutcome | null {
  if (job.cancelRequestedAt !== null) return { kind: "cancelled" };
  const { timeLimitMs } = jobCatalogue.train;
  return ranMsOf(job) > timeLimitMs ? { kind: "failed", code: "time_limit", cause: `It did not end within the ${timeLimitMs / 3600_000} hours that a training may take.` } : null;
}

/** Points that replace others count as new ones: whoever is near the limit says less anyway. Times are the database's. */
async function requireRoom(tx: Tx, jobId: string, added: number): Promise<void> {
  const [found] = await sqlOf(tx).query<{ points: number; sinceMs: number | null }>(
    'select count(*)::int as points, (1000 * extract(epoch from clock_timestamp() - max(at)))::float8 as "sinceMs" from job_metric where job_id = $1', [jobId]);
  const { points, sinceMs } = found ?? { points: 0, sinceMs: null };
  if (points + added > MAX_POINTS) throw new FleetError("too_many_points", { public: `A training has at most ${MAX_POINTS} points, and this one has ${points}; say fewer.` });
  const retryAfterMs = sinceMs === null ? 0 : Math.ceil((1000 * added) / POINTS_PER_SECOND - sinceMs);
  if (retryAfterMs > 0) throw new FleetError("rate_limited", { public: `A training takes ${POINTS_PER_SECOND} points a second; send these again in ${retryAfterMs} ms.`, extra: { retryAfterMs } });
}
