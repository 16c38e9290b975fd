import { Prisma, sqlOf, type Job, type Training, type Tx } from "@flotilla/db";
import { recordAudit } from "../access/audit-store.ts";
import { getDatasetVersion } from "../datasets/version-view-store.ts";
import type { DatasetSummary } from "../datasets/types.ts";
import { claimJob } from "../jobs/worker-store.ts";
import { loadVersionView } from "../models/version-view-store.ts";
import { requireRole, systemPrincipal, type Principal } from "../principal.ts";
import { nameOf } from "../text-rules.ts";
import type { TrainingStart } from "../trainings/types.ts";
import { RUNNER_LEASE_MS } from "./held-job-store.ts";
import type { RunnerTask } from "./types.ts";

/** Claims see all datasets: the key's area decides that a runner may train on them. */
const reader = systemPrincipal("runners");

/** Takes the training that has waited longest for an outside runner; null when none waits. Two runners never get the same one. */
export async function claimForRunner(tx: Tx, principal: Principal, input: { runner: string }): Promise<RunnerTask | null> {
  requireRole(principal, "runner", "operator");
  const runner = nameOf("The runner's name", input.runner, 100);
  const [waiting] = await sqlOf(tx).query<{ id: string }>("select id from job where outside and state = 'queued' order by id limit 1 for update skip locked", []);
  const claim = waiting === undefined ? null : await claimJob(tx, waiting.id, runner, RUNNER_LEASE_MS, "runner");
  if (claim?.kind !== "claimed") return null;
  const { job, leaseToken } = claim;
  const training = await begunAnew(tx, job);
  const start = training.start as Extract<TrainingStart, { kind: "outside" }>;
  const dataset = await getDatasetVersion(tx, reader, training.datasetVersionId);
  const parent = start.versionId === null ? null : await loadVersionView(tx, start.versionId);
  await recordAudit(tx, principal, { action: "runner.claim", objectKind: "training", objectId: training.id, objectName: training.name, detail: { runner, attempt: job.attempt } });
  return {
    jobId: job.id, leaseToken, leaseMs: RUNNER_LEASE_MS, attempt: job.attempt,
    training: { id: training.id, name: training.name, script: start.title, parameters: start.parameters, recipe: training.recipe },
    dataset: { versionId: dataset.id, name: dataset.datasetName, number: dataset.number, options: dataset.options, summary: dataset.summary as DatasetSummary, files: dataset.files },
    parent: parent === null ? null : { versionId: parent.id, preprocessing: parent.preprocessing, files: parent.files.map(({ name, sha256, sizeBytes }) => ({ name, sha256, sizeBytes })) },
  };
}

/** What an earlier attempt has told is no part of this one: curves would be those of two runs, and take its room. */
async function begunAnew(tx: Tx, { id, subjectId }: Job): Promise<Training> {
  await tx.jobMetric.deleteMany({ where: { jobId: id } });
  return tx.training.update({ where: { id: subjectId ?? "" }, data: { reached: Prisma.DbNull } });
}
