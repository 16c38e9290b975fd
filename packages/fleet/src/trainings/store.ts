import type { Tx } from "@flotilla/db";
import { FLOTILLA_VERSION, FleetError } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { findDatasetVersion } from "../datasets/version-view-store.ts";
import type { DatasetSummary } from "../datasets/types.ts";
import { newId } from "../id.ts";
import { insertJob } from "../jobs/insert-store.ts";
import { findVersion } from "../models/version-view-store.ts";
import { requireRole, type Principal } from "../principal.ts";
import { nameOf, storableJson } from "../text-rules.ts";
import { parseTrainingRecipe, trainingDigest, type TrainingRecipe } from "./recipe.ts";
import { requireRoundable, withTeacher } from "./teacher-store.ts";
import type { FittingTemplate, TrainingStart, TrainingView } from "./types.ts";
import { trainingView } from "./view-store.ts";

const PARAMETERS_MAX_CHARACTERS = 16_384;

/** What a person asks for: a template in a size, or a version to train further. `modelName`: what it becomes a version of; a version's own model unless told. */
export type NewTraining = {
  datasetVersionId: string;
  template?: { id: string; preset: string } | undefined;
  versionId?: string | undefined;
  freezeUpTo?: string | undefined;
  /** Trained by an outside runner instead, which gets `parameters`. A version may be given along: it is the parent. */
  outside?: { script: string; parameters?: Record<string, unknown> | undefined } | undefined;
  modelName?: string | undefined;
  recipe?: unknown;
};

/**
 * Starts a training. `dataset_not_ready`, `version_not_ready`, `preprocessing_missing`; `bad_request` where template, classes, loss, rounding and teacher do not go together.
 */
export async function createTraining(tx: Tx, principal: Principal, input: NewTraining): Promise<TrainingView> {
  requireRole(principal, "jobs", "operator");
  const recipe = parseTrainingRecipe(input.recipe);
  const dataset = await readyDataset(tx, input.datasetVersionId);
  const { start: wanted, parentId, modelId, name } = await begun(tx, principal, dataset, input);
  requireFitting(dataset, wanted, recipe);
  await requireRoundable(tx, wanted, recipe);
  const { start, teacher } = await withTeacher(tx, wanted, recipe);
  const id = newId("trn");
  const recipeSha256 = trainingDigest({ recipe, start, dataset: dataset.artifactSha256, ...(teacher === null ? {} : { teacher }) });
  await tx.training.create({ data: { id, name, datasetVersionId: dataset.id, start: start as object, parentId, modelId, recipe, recipeSha256, codeVersion: FLOTILLA_VERSION, createdById: principal.id } });
  const job = await insertJob(tx, principal, { kind: "train", payload: { trainingId: id }, subject: { kind: "training", id }, outside: start.kind === "outside" });
  await tx.training.update({ where: { id }, data: { jobId: job.id } });
  await recordAudit(tx, principal, { action: "training.create", objectKind: "training", objectId: id, objectName: name, detail: { datasetVersionId: dataset.id, start, recipe } });
  await recordChange(tx, "training", id);
  return trainingView(tx, id);
}

type ReadyDataset = Awaited<ReturnType<typeof findDatasetVersion>>;

async function readyDataset(tx: Tx, id: string): Promise<ReadyDataset> {
  const dataset = await findDatasetVersion(tx, id);
  if (dataset.state !== "ready") throw new FleetError("dataset_not_ready", { public: `The dataset version is ${dataset.state}; only a ready one can be trained on.` });
  if ((dataset.summary as DatasetSummary).counts.train === 0) throw new FleetError("bad_request", { public: "datasetVersionId: this version has no training split, there is nothing to learn from." });
  return dataset;
}

type Begun = { start: TrainingStart; parentId: string | null; modelId: string; name: string };

async function begun(tx: Tx, principal: Principal, dataset: ReadyDataset, { outside, ...input }: NewTraining): Promise<Begun> {
  const { template, versionId } = input;
  if (template !== undefined && (versionId !== undefined || outside !== undefined)) throw new FleetError("bad_request", { public: "template: give either a template or a version to train further; an outside runner brings its own network." });
  if (template !== undefined) return fromTemplate(tx, principal, dataset, input);
  const further = versionId === undefined ? null : await fromVersion(tx, principal, { ...input, versionId });
  if (outside === undefined && further === null) throw new FleetError("bad_request", { public: "Give either a template or a version to train further." });
  if (outside === undefined) return further as Begun;
  if (input.freezeUpTo !== undefined) throw new FleetError("bad_request", { public: "freezeUpTo: what an outside runner leaves as it is, is its own business." });
  const parameters = outside.parameters ?? {};
  if (JSON.stringify(parameters).length > PARAMETERS_MAX_CHARACTERS) throw new FleetError("bad_request", { public: `outside.parameters: as JSON they may have ${PARAMETERS_MAX_CHARACTERS} characters.` });
  const start = { kind: "outside", title: nameOf("The script's name", outside.script, 100), versionId: versionId ?? null, parameters: storableJson(parameters) } as const;
  if (further !== null) return { ...further, start };
  const name = nameOf("The model's name", input.modelName ?? "", 100);
  return { start, parentId: null, modelId: await modelCalled(tx, principal, name), name };
}

async function fromTemplate(tx: Tx, principal: Principal, dataset: ReadyDataset, { template, modelName, freezeUpTo }: NewTraining): Promise<Begun> {
  if (freezeUpTo !== undefined) throw new FleetError("bad_request", { public: "freezeUpTo: a network that has learnt nothing has nothing to keep." });
  const templates = dataset.templates as FittingTemplate[] | null;
  if (templates === null) throw new FleetError("bad_request", { public: "template: this version of the dataset was read before networks could be trained; look at it again on its page, or upload it as a new version." });
  const found = templates.find(({ id }) => id === template?.id);
  if (found === undefined) throw new FleetError("bad_request", { public: `template: there is none "${(template?.id ?? "").slice(0, 40)}" for these examples; there are ${templates.map(({ id }) => id).join(", ") || "none"}.` });
  const preset = found.presets.find(({ id }) => id === template?.preset);
  if (preset === undefined) throw new FleetError("bad_request", { public: `template.preset: there are ${found.presets.map(({ id }) => id).join(", ")}.` });
  const name = nameOf("The model's name", modelName ?? "", 100);
  const { id, input, answers, isClassifier, preprocessing } = found;
  return { start: { kind: "template", template: id, preset: preset.id, title: `${found.title}, ${preset.title}`, input, answers, isClassifier, preprocessing }, parentId: null, modelId: await modelCalled(tx, principal, name), name };
}

async function fromVersion(tx: Tx, principal: Principal, { versionId, freezeUpTo, modelName }: NewTraining & { versionId: string }): Promise<Begun> {
  const version = await findVersion(tx, versionId);
  if (version.state !== "ready") throw new FleetError("version_not_ready", { public: `The version is ${version.state}; only a ready one can be trained further.` });
  if (version.preprocessing === null) throw new FleetError("preprocessing_missing", { public: "Say first how an example becomes this model's input: the version's page has a form for its preprocessing." });
  const model = await tx.model.findUniqueOrThrow({ where: { id: version.modelId } });
  const name = modelName === undefined ? model.name : nameOf("The model's name", modelName, 100);
  const start: TrainingStart = { kind: "version", versionId: version.id, name: `${model.name} v${version.number}`, freezeUpTo: freezeUpTo ?? null };
  return { start, parentId: version.id, modelId: name === model.name ? model.id : await modelCalled(tx, principal, name), name };
}

/** The model of that name; a new one when there is none. */
async function modelCalled(tx: Tx, principal: Principal, name: string): Promise<string> {
  const id = newId("mdl");
  const made = await tx.model.createMany({ data: [{ id, name, description: "", createdById: principal.id }], skipDuplicates: true });
  if (made.count === 0) return (await tx.model.findUniqueOrThrow({ where: { name } })).id;
  await recordAudit(tx, principal, { action: "model.create", objectKind: "model", objectId: id, objectName: name });
  await recordChange(tx, "model", id);
  return id;
}

function requireFitting(dataset: ReadyDataset, start: TrainingStart, recipe: TrainingRecipe): void {
  if (start.kind === "outside") return;
  const { task } = dataset.summary as DatasetSummary;
  const isOfClasses = recipe.loss === "cross_entropy";
  if (recipe.loss === "triplet" && (task !== "classification" || start.kind === "template")) throw new FleetError("bad_request", { public: "recipe.loss: triplets draw examples of one class together; they need examples with classes, and a version to train further whose answer is a point, not a class." });
  if (isOfClasses && task !== "classification") throw new FleetError("bad_request", { public: `recipe.loss: cross entropy is for classes, and these examples are for ${task === "regression" ? "regression" : "no task: they have no labels"}.` });
  if (start.kind === "template" && start.isClassifier !== isOfClasses) throw new FleetError("bad_request", { public: start.isClassifier ? "recipe.loss: this network answers classes; train it with cross entropy." : "recipe.loss: this network answers numbers; train it with mean squared error, mean absolute error or huber." });
}

/** Asks a running training to end and keep the best; one that has not begun is cancelled by its job instead. `illegal_transition` once it ended. */
export async function stopTraining(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<TrainingView> {
  requireRole(principal, "jobs", "operator");
  const view = await trainingView(tx, input.id);
  if (view.state !== "running") throw new FleetError("illegal_transition", { public: view.state === "queued" ? "The training has not begun: cancel it instead." : `The training is ${view.state} already.` });
  if (!view.stopRequested) {
    await tx.training.update({ where: { id: input.id }, data: { stopRequestedAt: new Date() } });
    await recordAudit(tx, principal, { action: "training.stop", objectKind: "training", objectId: input.id, objectName: view.name, reason: input.reason });
    await recordChange(tx, "training", input.id);
  }
  return trainingView(tx, input.id);
}

/** Networks that can be trained on a dataset version; empty for one that was read before there were any. */
export async function fittingTemplates(tx: Tx, principal: Principal, datasetVersionId: string): Promise<FittingTemplate[]> {
  requireRole(principal, "models", "viewer");
  return ((await findDatasetVersion(tx, datasetVersionId)).templates as FittingTemplate[] | null) ?? [];
}
