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

/**
 * Extends the lease and writes what there is to tell. A job that a person cancelled, or that took longer than one may, ends here: the runner need not agree.
 * `lease_lost` when the job is not this runner's any more: then nothing was written.
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
  if ((report.metrics?.length ?? 0) > 0) await requireRoom(tx, jobId);
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

async function requireRoom(tx: Tx, jobId: string): Promise<void> {
  const [found] = await sqlOf(tx).query<{ points: bigint }>("select count(*) as points from (select 1 from job_metric where job_id = $1 limit $2::int) kept", [jobId, MAX_POINTS]);
  if (Number(found?.points ?? 0) >= MAX_POINTS) throw new FleetError("bad_request", { public: `A training has at most ${MAX_POINTS} points; say fewer.` });
}
