import { sqlOf, type Job, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";

/** A runner that says nothing for so long is taken for dead: its calls cross the internet, so it has three times as long as a worker. */
export const RUNNER_LEASE_MS = 60_000;

/** The job that the runner holds under this lease, locked until the transaction ends. `lease_lost` when it does not hold it (any more). */
export async function heldJob(tx: Tx, jobId: string, leaseToken: string): Promise<Job & { subjectId: string }> {
  await sqlOf(tx).query("select id from job where id = $1 for update", [jobId]);
  const job = await tx.job.findUnique({ where: { id: jobId } });
  if (job?.state !== "running" || job.leaseToken !== leaseToken || !job.outside || job.subjectId === null) throw leaseLost();
  return { ...job, subjectId: job.subjectId };
}

export function leaseLost(): FleetError {
  return new FleetError("lease_lost", { public: "This lease does not hold the job any more. Stop working on it, and claim again." });
}
