import { sqlOf, type ModelVersion, type Optimization, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { findDatasetVersion } from "../datasets/version-view-store.ts";
import { newId } from "../id.ts";
import { insertJob } from "../jobs/insert-store.ts";
import { findVersion } from "../models/version-view-store.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { presets, techniqueInfos } from "./presets.ts";
import { parseGoal, parseRecipe, recipeDigest, type Goal, type Recipe } from "./recipe.ts";
import type { OptimizationView } from "./types.ts";

/** What a person asks for: a preset by name, or a recipe of their own; a goal given takes the place of the preset's. */
export type NewOptimization = {
  versionId: string;
  datasetVersionId?: string | undefined;
  preset?: string | undefined;
  recipe?: unknown;
  goal?: unknown;
};

/**
 * Starts an optimization of a ready version. `version_not_ready`, `dataset_not_ready`, and `preprocessing_missing` when nobody has
 * said how an example of the dataset becomes the model's input.
 */
export async function createOptimization(tx: Tx, principal: Principal, input: NewOptimization): Promise<{ optimizationId: string; jobId: string }> {
  requireRole(principal, "jobs", "operator");
  const { recipe, goal } = wishOf(input);
  const version = await findVersion(tx, input.versionId);
  if (version.state !== "ready") throw new FleetError("version_not_ready", { public: `The version is ${version.state}; only a ready one can be optimized.` });
  if (input.datasetVersionId !== undefined) await requireUsable(tx, version, input.datasetVersionId);
  else requireNoCalibration(recipe);
  const id = newId("opt");
  await tx.optimization.create({
    data: { id, versionId: version.id, datasetVersionId: input.datasetVersionId ?? null, recipe, recipeSha256: recipeDigest(recipe), goal, createdById: principal.id },
  });
  const job = await insertJob(tx, principal, { kind: "optimize", payload: { optimizationId: id }, subject: { kind: "optimization", id } });
  await tx.optimization.update({ where: { id }, data: { jobId: job.id } });
  await recordAudit(tx, principal, { action: "optimization.create", objectKind: "optimization", objectId: id, detail: { versionId: version.id, datasetVersionId: input.datasetVersionId, recipe, goal } });
  await recordChange(tx, "optimization", id);
  await recordChange(tx, "version", version.id);
  return { optimizationId: id, jobId: job.id };
}

/** Checks that examples of a dataset version can be fed to a model version: `dataset_not_ready` or `preprocessing_missing` otherwise. */
export async function requireUsable(tx: Tx, version: Pick<ModelVersion, "preprocessing">, datasetVersionId: string): Promise<void> {
  const dataset = await findDatasetVersion(tx, datasetVersionId);
  if (dataset.state !== "ready") throw new FleetError("dataset_not_ready", { public: `The dataset version is ${dataset.state}; only a ready one can be used.` });
  if (version.preprocessing !== null) return;
  throw new FleetError("preprocessing_missing", { public: "Say first how an example becomes this model's input: the version's page has a form for its preprocessing." });
}

function wishOf(input: NewOptimization): { recipe: Recipe; goal: Goal } {
  if (input.preset === undefined || input.preset === "custom") return { recipe: parseRecipe(input.recipe), goal: parseGoal(input.goal ?? {}) };
  const preset = presets.find(({ name }) => name === input.preset);
  if (preset === undefined) throw new FleetError("bad_request", { public: `There is no preset called "${input.preset.slice(0, 40)}"; there are ${presets.map(({ name }) => name).join(", ")}.` });
  if (input.recipe !== undefined) throw new FleetError("bad_request", { public: "Give a preset or a recipe, not both." });
  return { recipe: preset.recipe, goal: input.goal === undefined ? preset.goal : parseGoal(input.goal) };
}

function requireNoCalibration(recipe: Recipe): void {
  const technique = recipe.techniques.find(({ kind }) => techniqueInfos.find((info) => info.kind === kind)?.needsCalibration);
  if (technique === undefined) return;
  throw new FleetError("bad_request", { public: `datasetVersionId: ${technique.kind} needs a dataset to calibrate with.` });
}

/** Optimizations, newest first; with `versionId` those of that version. */
export async function listOptimizations(tx: Tx, principal: Principal, input: PageInput & { versionId?: string | undefined } = {}): Promise<Page<OptimizationView>> {
  requireRole(principal, "models", "viewer");
  const limit = pageSize(input);
  const rows = await tx.optimization.findMany({
    where: { ...(input.cursor ? { id: { lt: input.cursor } } : {}), ...(input.versionId ? { versionId: input.versionId } : {}) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const viewOf = await optimizationViewer(tx, rows);
  return pageOf(rows, limit, (row) => row.id, viewOf);
}

/** One optimization with what each technique came to; `not_found` when there is none. */
export async function getOptimization(tx: Tx, principal: Principal, id: string): Promise<OptimizationView> {
  requireRole(principal, "models", "viewer");
  const row = await tx.optimization.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such optimization." });
  return (await optimizationViewer(tx, [row]))(row);
}

async function optimizationViewer(tx: Tx, rows: readonly Optimization[]): Promise<(row: Optimization) => OptimizationView> {
  const results = await tx.optimizationResult.findMany({ where: { optimizationId: { in: rows.map((row) => row.id) } }, orderBy: { position: "asc" } });
  const versionIds = [...rows.map((row) => row.versionId), ...results.flatMap((result) => result.versionId ?? [])];
  const versions = await sqlOf(tx).query<{ id: string; number: number; name: string }>(
    "select v.id, v.number, m.name || ' v' || v.number as name from model_version v join model m on m.id = v.model_id where v.id = any($1::text[])",
    [versionIds],
  );
  const datasets = await sqlOf(tx).query<{ id: string; name: string }>(
    "select v.id, d.name || ' v' || v.number as name from dataset_version v join dataset d on d.id = v.dataset_id where v.id = any($1::text[])",
    [rows.flatMap((row) => row.datasetVersionId ?? [])],
  );
  const versionOf = new Map(versions.map((version) => [version.id, version]));
  const datasetNames = new Map(datasets.map((dataset) => [dataset.id, dataset.name]));
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  return (row) => ({
    id: row.id,
    state: row.state,
    failure: row.failure,
    versionId: row.versionId,
    versionName: versionOf.get(row.versionId)?.name ?? "",
    datasetVersionId: row.datasetVersionId,
    datasetVersionName: row.datasetVersionId === null ? null : (datasetNames.get(row.datasetVersionId) ?? null),
    recipe: row.recipe as Recipe,
    recipeSha256: row.recipeSha256,
    goal: row.goal as Goal,
    sentence: row.sentence,
    toolVersions: row.toolVersions as Record<string, string> | null,
    jobId: row.jobId,
    createdAt: row.createdAt.toISOString(),
    createdByName: names.get(row.createdById) ?? row.createdById,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    results: results
      .filter((result) => result.optimizationId === row.id)
      .map(({ position, kind, label, verdict, sentence, versionId }) => ({
        position, kind, label, sentence, versionId, verdict: verdict as OptimizationView["results"][number]["verdict"],
        versionNumber: versionId === null ? null : (versionOf.get(versionId)?.number ?? null),
      })),
  });
}
