import { Prisma, sqlOf, type Training, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { jobCatalogue } from "../jobs/catalogue.ts";
import { markVersionReady } from "../models/decision-store.ts";
import { keepGraph } from "../models/graph-store.ts";
import type { GraphSummary, Preprocessing, VersionInspection } from "../models/index.ts";
import { takeVersionNumber } from "../models/version-store.ts";
import { keepEvaluation, type NewEvaluation } from "../numbers/evaluation-store.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { nextTrainingState, type TrainingEvent } from "./transitions.ts";
import type { DeliveredModel, TrainingOutcome, TrainingProgress, TrainingStart, TrainingStateName } from "./types.ts";

const worker = systemPrincipal("worker");

/** A trained model that passed the same checks as an upload. Its bytes are in the store already. */
export type TrainedModel = {
  file: { name: string; sha256: string; sizeBytes: number };
  inspection: VersionInspection;
  graph: GraphSummary | null;
  /** Null where an outside runner did not say. */
  preprocessing: Preprocessing | null;
  evaluations: readonly Omit<NewEvaluation, "versionId" | "jobId">[];
  toolVersions: Record<string, string>;
};

/** A training as its job reads it. */
export type PendingTraining = { id: string; state: TrainingStateName; datasetVersionId: string; start: TrainingStart; recipe: TrainingRecipe; /** In earlier attempts, until their newest checkpoint. */ ranMs: number; /** What an outside runner made; null while it has not. */ delivered: DeliveredModel | null };

/** What a job is to train; `not_found` when there is no such training. */
export async function trainingOf(tx: Tx, id: string): Promise<PendingTraining> {
  const row = await tx.training.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such training." });
  const { state, datasetVersionId, start, recipe, reached, delivered } = row;
  return { id, state, datasetVersionId, start: start as TrainingStart, recipe: recipe as TrainingRecipe, ranMs: (reached as TrainingProgress | null)?.ranMs ?? 0, delivered: delivered as DeliveredModel | null };
}

/**
 * Notes where a training stands; the newest checkpoint is kept as a step of its job. Whoever dies after a checkpoint lost little: the job has all its attempts
 * again, and only one that dies over and over without getting any further is given up.
 */
export async function noteTrainingProgress(tx: Tx, id: string, reached: TrainingProgress): Promise<void> {
  const [noted] = await tx.training.updateManyAndReturn({ where: { id, state: "pending" }, data: { reached } });
  await sqlOf(tx).query("update job set max_attempts = greatest(max_attempts, attempt + $2::int) where id = $1 and not outside", [noted?.jobId ?? "", jobCatalogue.train.maxAttempts]);
  await recordChange(tx, "training", id);
}

/** Whether a person wants the training to end and keep the best. */
export async function isStopRequested(tx: Tx, id: string): Promise<boolean> {
  return (await tx.training.count({ where: { id, stopRequestedAt: { not: null } } })) > 0;
}

/** Ends a training: its weights become a version of its model. False when it was decided already (the job ran twice). */
export async function finishTraining(tx: Tx, id: string, jobId: string, outcome: TrainingOutcome, trained: TrainedModel): Promise<boolean> {
  const versionId = newId("ver");
  const moved = await moveTraining(tx, id, "finish", { outcome, versionId, failure: null, finishedAt: new Date() });
  if (moved === null) return false;
  const { number, modelName } = await takeVersionNumber(tx, moved.modelId);
  await tx.artifact.createMany({ data: [{ sha256: trained.file.sha256, sizeBytes: BigInt(trained.file.sizeBytes) }], skipDuplicates: true });
  await tx.modelVersion.create({
    data: {
      id: versionId, modelId: moved.modelId, number, source: "train", parentId: moved.parentId, createdById: moved.createdById, sizeBytes: BigInt(trained.file.sizeBytes),
      trainingId: id, recipe: moved.recipe as object, recipeSha256: moved.recipeSha256, toolVersions: trained.toolVersions, ...(trained.preprocessing === null ? {} : { preprocessing: trained.preprocessing }),
      files: { create: { ...trained.file, role: "model", sizeBytes: BigInt(trained.file.sizeBytes) } },
    },
  });
  await recordAudit(tx, worker, { action: "version.create", objectKind: "version", objectId: versionId, objectName: `${modelName} v${number}`, detail: { trainingId: id, datasetVersionId: moved.datasetVersionId } });
  await markVersionReady(tx, versionId, trained.inspection);
  if (trained.graph !== null) await keepGraph(tx, versionId, trained.graph);
  for (const evaluation of trained.evaluations) await keepEvaluation(tx, { ...evaluation, versionId, jobId });
  await recordAudit(tx, worker, { action: "training.finish", objectKind: "training", objectId: id, objectName: moved.name, detail: { versionId, stoppedBy: outcome.stoppedBy } });
  await recordChange(tx, "model", moved.modelId);
  return true;
}

/** Ends a training without a version. False when it was decided already. */
export async function failTraining(tx: Tx, id: string, failure: string, principal: Principal = worker): Promise<boolean> {
  if ((await moveTraining(tx, id, "fail", { failure, finishedAt: new Date() })) === null) return false;
  await recordAudit(tx, principal, { action: "training.fail", objectKind: "training", objectId: id, reason: failure });
  return true;
}

/** Opens a failed training again for its job; one of an outside runner waits for a runner. False when it had not failed. */
export async function reopenTraining(tx: Tx, id: string, jobId: string): Promise<boolean> {
  const moved = await moveTraining(tx, id, "retry", { failure: null, finishedAt: null, stopRequestedAt: null, jobId, delivered: Prisma.DbNull });
  if (moved !== null && (moved.start as TrainingStart).kind === "outside") await tx.job.update({ where: { id: jobId }, data: { outside: true } });
  return moved !== null;
}

/** The only writer of a training's state: compare-and-set from every state in which the event can happen. */
async function moveTraining(tx: Tx, id: string, event: TrainingEvent, change: Omit<Prisma.TrainingUncheckedUpdateManyInput, "state">): Promise<Training | null> {
  for (const from of ["pending", "finished", "failed"] satisfies TrainingStateName[]) {
    const to = nextTrainingState(from, event);
    if (to === null) continue;
    const [moved] = await tx.training.updateManyAndReturn({ where: { id, state: from }, data: { ...change, state: to } });
    if (moved === undefined) continue;
    await recordChange(tx, "training", id);
    return moved;
  }
  return null;
}
