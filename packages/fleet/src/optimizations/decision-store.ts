import type { Optimization, Prisma, Tx } from "@flotilla/db";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { markVersionReady } from "../models/decision-store.ts";
import type { GraphSummary, Preprocessing, VersionInspection } from "../models/index.ts";
import { withElementType } from "../models/preprocessing.ts";
import { keepGraph } from "../models/graph-store.ts";
import { takeVersionNumber } from "../models/version-store.ts";
import { keepEvaluation, type NewEvaluation } from "../numbers/evaluation-store.ts";
import { keepMeasurement, type NewMeasurement } from "../numbers/measurement-store.ts";
import type { VariantReport } from "../numbers/types.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import { recipeDigest, type Technique } from "./recipe.ts";
import { nextOptimizationState, type OptimizationEvent } from "./transitions.ts";
import type { OptimizationStateName, Verdict } from "./types.ts";

const worker = systemPrincipal("worker");

/** A variant that passed the same checks as an upload. Its bytes are in the store already. */
export type MadeVariant = {
  file: { name: string; sha256: string; sizeBytes: number };
  inspection: VersionInspection;
  graph: GraphSummary | null;
  report: VariantReport;
  evaluations: readonly Omit<NewEvaluation, "versionId" | "jobId">[];
  measurements: readonly Omit<NewMeasurement, "versionId" | "jobId">[];
};

export type OptimizationOutcome = {
  sentence: string;
  toolVersions: Record<string, string>;
  /** One per technique, in the recipe's order. `made` null: refused, with the reason as its sentence. */
  results: readonly { technique: Technique; label: string; verdict: Verdict; sentence: string; made: MadeVariant | null }[];
  /** Of the parent, on the same examples and in the same rounds. */
  parent: Pick<MadeVariant, "evaluations" | "measurements">;
};

/** Ends an optimization: variants become versions of the same model. False when it was decided already (the job ran twice). */
export async function finishOptimization(tx: Tx, id: string, jobId: string, outcome: OptimizationOutcome): Promise<boolean> {
  const moved = await moveOptimization(tx, id, "finish", { sentence: outcome.sentence, toolVersions: outcome.toolVersions, failure: null, finishedAt: new Date() });
  if (moved === null) return false;
  const parent = await tx.modelVersion.findUniqueOrThrow({ where: { id: moved.versionId } });
  await keepNumbers(tx, parent.id, jobId, outcome.parent);
  for (const [position, result] of outcome.results.entries()) {
    const versionId = result.made === null ? null : await versionOf(tx, moved, jobId, parent, { ...result, made: result.made }, outcome.toolVersions);
    await tx.optimizationResult.create({ data: { optimizationId: id, position, kind: result.technique.kind, label: result.label, verdict: result.verdict, sentence: result.sentence, versionId } });
  }
  await recordAudit(tx, worker, { action: "optimization.finish", objectKind: "optimization", objectId: id, detail: { sentence: outcome.sentence } });
  return true;
}

/** Ends an optimization without a result. False when it was decided already. */
export async function failOptimization(tx: Tx, id: string, failure: string, principal: Principal = worker): Promise<boolean> {
  if ((await moveOptimization(tx, id, "fail", { failure, finishedAt: new Date() })) === null) return false;
  await recordAudit(tx, principal, { action: "optimization.fail", objectKind: "optimization", objectId: id, reason: failure });
  return true;
}

/** Opens a failed optimization again for its job. False when it had not failed. */
export async function reopenOptimization(tx: Tx, id: string, jobId: string): Promise<boolean> {
  return (await moveOptimization(tx, id, "retry", { failure: null, finishedAt: null, jobId })) !== null;
}

type Parent = { id: string; modelId: string; preprocessing: Prisma.JsonValue };
type Result = OptimizationOutcome["results"][number] & { made: MadeVariant };

/** The version of a variant: a new one, or the one that has these bytes since the same recipe was run before. */
async function versionOf(tx: Tx, optimization: Optimization, jobId: string, parent: Parent, result: Result, toolVersions: Record<string, string>): Promise<string> {
  const { made } = result;
  const known = await tx.modelVersion.findFirst({ where: { parentId: parent.id, files: { some: { sha256: made.file.sha256 } } }, select: { id: true } });
  const id = known?.id ?? (await newVersion(tx, optimization, parent, result, toolVersions));
  await tx.versionReport.upsert({ where: { versionId: id }, create: { versionId: id, report: made.report }, update: { report: made.report } });
  // A person's present goal decides what is offered, also for bytes that are known.
  await tx.modelVersion.update({ where: { id }, data: { offered: result.verdict === "helps", notOfferedReason: result.verdict === "helps" ? null : result.sentence } });
  await keepNumbers(tx, id, jobId, made);
  return id;
}

async function newVersion(tx: Tx, optimization: Optimization, parent: Parent, result: Result, toolVersions: Record<string, string>): Promise<string> {
  const { made, technique } = result;
  const id = newId("ver");
  const { number, modelName } = await takeVersionNumber(tx, parent.modelId);
  await tx.artifact.createMany({ data: [{ sha256: made.file.sha256, sizeBytes: BigInt(made.file.sizeBytes) }], skipDuplicates: true });
  await tx.modelVersion.create({
    data: {
      id, modelId: parent.modelId, number, source: "optimize", parentId: parent.id, createdById: optimization.createdById,
      sizeBytes: BigInt(made.file.sizeBytes),
      optimizationId: optimization.id, variantKind: technique.kind, variantLabel: result.label,
      recipe: technique, recipeSha256: recipeDigest({ technique, recipe: optimization.recipe }), toolVersions,
      ...(parent.preprocessing === null ? {} : { preprocessing: withElementType(parent.preprocessing as Preprocessing, made.inspection) }),
      files: { create: { ...made.file, role: "model", sizeBytes: BigInt(made.file.sizeBytes) } },
    },
  });
  await recordAudit(tx, worker, { action: "version.create", objectKind: "version", objectId: id, objectName: `${modelName} v${number}`, detail: { optimizationId: optimization.id, technique } });
  await markVersionReady(tx, id, made.inspection);
  if (made.graph !== null) await keepGraph(tx, id, made.graph);
  return id;
}

async function keepNumbers(tx: Tx, versionId: string, jobId: string, found: Pick<MadeVariant, "evaluations" | "measurements">): Promise<void> {
  for (const evaluation of found.evaluations) await keepEvaluation(tx, { ...evaluation, versionId, jobId });
  for (const measurement of found.measurements) await keepMeasurement(tx, { ...measurement, versionId, jobId });
}

/** The only writer of an optimization's state: compare-and-set from every state in which the event can happen. */
async function moveOptimization(tx: Tx, id: string, event: OptimizationEvent, change: Omit<Prisma.OptimizationUncheckedUpdateManyInput, "state">): Promise<Optimization | null> {
  for (const from of ["pending", "finished", "failed"] satisfies OptimizationStateName[]) {
    const to = nextOptimizationState(from, event);
    if (to === null) continue;
    const [moved] = await tx.optimization.updateManyAndReturn({ where: { id, state: from }, data: { ...change, state: to } });
    if (moved === undefined) continue;
    await recordChange(tx, "optimization", id);
    await recordChange(tx, "version", moved.versionId);
    return moved;
  }
  return null;
}
