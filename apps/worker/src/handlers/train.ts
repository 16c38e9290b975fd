import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { finishTraining, getVersion, isStopRequested, systemPrincipal, trainingOf, type JobPayload, type PendingTraining, type Preprocessing, type TrainingOutcome, type VersionView } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { listTemplates } from "@flotilla/trainer";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import type { TrainModelInput } from "../sandbox/train-model.ts";
import { trainModelOutputSchema } from "../sandbox/training-schemas.ts";
import { stageFiles, type StagedFiles } from "../staged-files.ts";
import { checkDelivered } from "./check-delivered.ts";
import { CheckpointKeeper, digestOfParts, newestCheckpoint } from "./checkpoint-keeper.ts";
import { evaluatedOnTest } from "./evaluated-on-test.ts";
import { lookAtModel } from "./look-at-model.ts";
import { stageDataset, type StagedDataset } from "./staged-dataset.ts";

const worker = systemPrincipal("worker");

/** Of the job's eight days. */
const RUN_SECONDS = 7 * 24 * 3600 + 3600;
/** Batches, activations and their gradients, beside the examples that are kept ready. */
const WORKING_BYTES = 1024 ** 3;
const MODEL_COPIES = 12;
const STOP_EVERY_MS = 1_000;
const CRASH_RETRY_MS = 1_000;
const REFUSAL_CODES = ["training_diverged", "nothing_to_train", "teacher_does_not_fit", "examples_do_not_fit", "checkpoint_unreadable", "checkpoint_of_another_training", "no_examples", "no_gradient_rule", "operator_form_unsupported", "element_type_unsupported", "shape_unknown", "template_does_not_fit", "load_failed", "run_failed"];

/**
 * Trains a network in a sandbox child and makes a version of it. A checkpoint is kept after every epoch, under the lease; a later attempt goes on from the
 * newest one. Finds nothing to do when the training is decided already.
 */
export async function trainModel({ trainingId }: JobPayload<"train">, context: JobContext): Promise<JobDone> {
  const training = await context.transact((tx) => trainingOf(tx, trainingId));
  if (training.state !== "pending") return { result: { state: training.state } };
  if (training.delivered !== null) return checkDelivered(training, training.delivered, context);
  context.report({ progress: 0, progressText: "Copying and checking the files" });
  const dataset = await stageDataset(training.datasetVersionId, context);
  const parent = await stagedParent(training, context);
  const outDir = join(context.workDir, "out");
  await mkdir(outDir, { mode: 0o700 });
  const trained = await runTraining(training, dataset, parent, outDir, context);
  context.report({ progress: 0.97, progressText: "Checking the trained model" });
  const file = { name: "model.onnx", ...(await context.store.put({ file: trained.modelPath })) };
  const staged = await stageFiles(context.store, [{ ...file, role: "model" }], join(context.workDir, "trained"), context.signal);
  const looked = await lookAtModel(staged, context, () => undefined);
  if (looked.kind === "refused") throw new JobFailure(looked.code, sentence(`the trained model is not sound: ${looked.reason}`));
  // Points that triplets were learnt for are no classes.
  const evaluations = training.recipe.loss === "triplet" ? [] : await evaluatedOnTest(staged, dataset, parent.preprocessing, context);
  const { modelPath: _, ...outcome } = trained satisfies TrainingOutcome;
  const toolVersions = { flotilla: FLOTILLA_VERSION, node: process.version, onnxruntime: looked.inspection.measuredOn.ortVersion };
  return {
    result: { state: "finished", epochs: outcome.epochs, stoppedBy: outcome.stoppedBy, accuracy: outcome.validation?.accuracy ?? null },
    commit: async (tx) => {
      await finishTraining(tx, trainingId, context.jobId, outcome, { file, inspection: looked.inspection, graph: looked.graph, preprocessing: parent.preprocessing, evaluations, toolVersions });
    },
  };
}

/** Models that are read, with the digests of their files. */
type Staged = { files: StagedFiles; digests: readonly string[] };
type Parent = { model: Staged | null; teacher: Staged | null; preprocessing: Preprocessing };

async function stagedParent(training: PendingTraining, context: JobContext): Promise<Parent> {
  const { start, recipe } = training;
  const { teacherVersionId } = recipe.distillation ?? {};
  const teacher = teacherVersionId === undefined ? null : await stagedModel(await context.transact((tx) => getVersion(tx, worker, teacherVersionId)), "teacher", context);
  if (start.kind === "template") return { model: null, teacher, preprocessing: start.preprocessing };
  if (start.kind === "outside") throw new JobFailure("waits_for_a_runner", "This training is for an outside runner, which has delivered nothing.");
  const version = await context.transact((tx) => getVersion(tx, worker, start.versionId));
  if (version.preprocessing === null) throw new JobFailure("preprocessing_missing", "Nobody has said how an example becomes this model's input.");
  return { model: await stagedModel(version, "files", context), teacher, preprocessing: version.preprocessing };
}

async function stagedModel({ files }: VersionView, folder: string, context: JobContext): Promise<Staged> {
  return { files: await stageFiles(context.store, files, join(context.workDir, folder), context.signal), digests: files.map(({ sha256 }) => sha256).sort() };
}

function pathsOf(staged: Staged | null): TrainModelInput["model"] {
  return staged === null ? null : { path: staged.files.modelPath, externalFiles: staged.files.externalFiles.map(({ name }) => name) };
}

async function runTraining(training: PendingTraining, dataset: StagedDataset, { model, teacher, preprocessing }: Parent, outDir: string, context: JobContext) {
  const parts = digestOfParts(training, dataset, { model: model?.digests ?? null, teacher: teacher?.digests ?? null });
  const checkpointPath = await newestCheckpoint(parts, context);
  const keeper = new CheckpointKeeper({ training, parts, examples: dataset.summary.counts.train, ranBeforeMs: checkpointPath === null ? 0 : training.ranMs }, context);
  const watching = setInterval(() => void stopWhenAsked(training.id, outDir, context), STOP_EVERY_MS);
  try {
    const run = await runModel<TrainModelInput, unknown>({
      entry: new URL("../sandbox/train-model.ts", import.meta.url),
      input: {
        start: training.start, recipe: training.recipe, preprocessing, model: pathsOf(model), teacher: pathsOf(teacher),
        datasetPath: dataset.path, hasValidation: dataset.summary.counts.validation > 0, isUnlabelled: isUnlabelled(training, dataset), checkpointPath, threads: Math.max(1, availableParallelism() - 1), outDir,
      },
      limits: limitsFor(MODEL_COPIES * ((model?.files.totalBytes ?? 0) + (teacher?.files.totalBytes ?? 0)) + WORKING_BYTES, RUN_SECONDS),
      workDir: context.workDir,
      signal: context.signal,
      refusalCodes: REFUSAL_CODES,
      doing: () => "training",
      onProgress: (value) => keeper.take(value),
    });
    await keeper.done();
    // A child may be killed for what is not its fault; its checkpoints are kept. One that crashes each time runs out of attempts.
    if (run.kind === "refused") throw new JobFailure(run.code, sentence(run.reason), run.code === "sandbox_crashed" ? { retryInMs: CRASH_RETRY_MS } : {});
    const output = trainModelOutputSchema.safeParse(run.output);
    if (!output.success) throw new JobFailure("sandbox_failed", "Training gave something else than a model.");
    return output.data;
  } finally {
    clearInterval(watching);
    await keeper.done().catch(() => undefined);
  }
}

/** An autoencoder learns its own input, and so does whatever is trained on examples without labels. */
function isUnlabelled({ start }: PendingTraining, { summary }: StagedDataset): boolean {
  return summary.task === "unlabelled" || (start.kind === "template" && listTemplates().some(({ id, learnsItsInput }) => id === start.template && learnsItsInput === true));
}

async function stopWhenAsked(id: string, outDir: string, context: JobContext): Promise<void> {
  try {
    if (await context.transact((tx) => isStopRequested(tx, id))) await writeFile(join(outDir, "stop"), "");
  } catch (error) {
    context.log.warn({ err: error }, "whether the training should stop could not be asked");
  }
}
