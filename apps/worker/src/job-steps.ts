import { jobSteps, keepJobStep, type JobStep } from "@flotilla/fleet";
import { canonicalDigest } from "./canonical-json.ts";
import { JobAborted } from "./job-lease.ts";
import type { Ports } from "./ports.ts";

/** What a step made: a JSON value, and bytes that lie in the store. */
export type StepResult = Pick<JobStep, "result" | "artifact">;

/**
 * Runs a step of a job, or takes the result that an earlier attempt kept. `inputs` is everything that decides the result: a
 * result of other inputs is not taken. Results are kept under the lease: a worker that lost it keeps nothing and stops.
 */
export type RunStep = (name: string, inputs: unknown, make: () => Promise<StepResult>) => Promise<StepResult & { wasKept: boolean }>;

/** A step that an attempt kept, whatever it was made from: for work that goes on from the newest one. */
export async function keptStep(ports: Pick<Ports, "transact" | "store">, jobId: string, name: string): Promise<StepResult | null> {
  const known = (await ports.transact((tx) => jobSteps(tx, jobId))).get(name);
  if (known === undefined || (known.artifact !== null && !(await ports.store.has(known.artifact.sha256)))) return null;
  return { result: known.result, artifact: known.artifact };
}

/** The steps of one attempt at a job. */
export function stepsOf(ports: Pick<Ports, "transact" | "store">, jobId: string, leaseToken: string): RunStep {
  let kept: Promise<Map<string, JobStep>> | undefined;
  return async (name, inputs, make) => {
    kept ??= ports.transact((tx) => jobSteps(tx, jobId));
    const key = canonicalDigest(inputs);
    const known = (await kept).get(name);
    if (known?.key === key && (known.artifact === null || (await ports.store.has(known.artifact.sha256)))) return { result: known.result, artifact: known.artifact, wasKept: true };
    const { result, artifact } = await make();
    if (!(await ports.transact((tx) => keepJobStep(tx, jobId, leaseToken, { name, key, result, artifact })))) throw new JobAborted("lease_lost");
    return { result, artifact, wasKept: false };
  };
}
