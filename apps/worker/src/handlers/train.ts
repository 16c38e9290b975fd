import { mkdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { finishTraining, getVersion, isStopRequested, noteTrainingProgress, systemPrincipal, trainingOf, type JobPayload, type PendingTraining, type Preprocessing, type TrainingOutcome } from "@flotilla/fleet";
import { FLOTILLA_VERSION } from "@flotilla/protocol";
import { z } from "zod";
import { JobFailure } from "../job-failure.ts";
import type { JobContext, JobDone } from "../ports.ts";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel, sentence } from "../sandbox/run-model.ts";
import type { TrainModelInput } from "../sandbox/train-model.ts";
import { trainModelOutputSchema, trainModelStepSchema, type ToldCheckpoint } from "../sandbox/training-schemas.ts";
import { layFiles, stageFiles, type StagedFiles } from "../staged-files.ts";
import { checkDelivered } from "./check-delivered.ts";
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
const REFUSAL_CODES = ["training_diverged", "nothing_to_train", "examples_do_not_fit", "checkpoint_unreadable", "checkpoint_of_another_training", "no_examples", "no_gradient_rule", "operator_form_unsupported", "element_type_unsupported", "shape_unknown", "template_does_not_fit", "load_failed", "run_failed"];
/** The step that holds the newest checkpoint. */
const CHECKPOINT = "checkpoint";
const keptSchema = z.object({ epoch: z.number(), step: z.number(), points: z.array(z.object({ name: z.string(), step: z.number(), value: z.number() })) });
/** Points that are younger than that may not be written yet when a worker dies: a checkpoint carries them along. */
const UNWRITTEN_MS = 10_000;

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
  const evaluations = await evaluatedOnTest(staged, dataset, parent.preprocessing, context);
  const { modelPath: _, ...outcome } = trained satisfies TrainingOutcome;
  const toolVersions = { flotilla: FLOTILLA_VERSION, node: process.version, onnxruntime: looked.inspection.measuredOn.ortVersion };
  return {
    result: { state: "finished", epochs: outcome.epochs, stoppedBy: outcome.stoppedBy, accuracy: outcome.validation?.accuracy ?? null },
    commit: async (tx) => {
      await finishTraining(tx, trainingId, context.jobId, outcome, { file, inspection: looked.inspection, graph: looked.graph, preprocessing: parent.preprocessing, evaluations, toolVersions });
    },
  };
}

type Parent = { staged: StagedFiles | null; preprocessing: Preprocessing };

async function stagedParent({ start }: PendingTraining, context: JobContext): Promise<Parent> {
  if (start.kind === "template") return { staged: null, preprocessing: start.preprocessing };
  if (start.kind === "outside") throw new JobFailure("waits_for_a_runner", "This training is for an outside runner, which has delivered nothing.");
  const version = await context.transact((tx) => getVersion(tx, worker, start.versionId));
  if (version.preprocessing === null) throw new JobFailure("preprocessing_missing", "Nobody has said how an example becomes this model's input.");
  return { staged: await stageFiles(context.store, version.files, join(context.workDir, "files"), context.signal), preprocessing: version.preprocessing };
}

async function runTraining(training: PendingTraining, dataset: StagedDataset, { staged, preprocessing }: Parent, outDir: string, context: JobContext) {
  const checkpointPath = await newestCheckpoint(context);
  const keeper = new CheckpointKeeper(training, dataset, context);
  const watching = setInterval(() => void stopWhenAsked(training.id, outDir, context), STOP_EVERY_MS);
  try {
    const run = await runModel<TrainModelInput, unknown>({
      entry: new URL("../sandbox/train-model.ts", import.meta.url),
      input: {
        start: training.start, recipe: training.recipe, preprocessing, modelPath: staged?.modelPath ?? null, externalFiles: staged?.externalFiles.map(({ name }) => name) ?? [],
        datasetPath: dataset.path, hasValidation: dataset.summary.counts.validation > 0, isUnlabelled: isUnlabelled(training, dataset), checkpointPath, threads: Math.max(1, availableParallelism() - 1), outDir,
      },
      limits: limitsFor(MODEL_COPIES * (staged?.totalBytes ?? 0) + WORKING_BYTES, RUN_SECONDS),
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
  return summary.task === "unlabelled" || (start.kind === "template" && start.template === "autoencoder");
}

/** The newest checkpoint in the job's directory, when an earlier attempt kept one. */
async function newestCheckpoint(context: JobContext): Promise<string | null> {
  const kept = await context.kept(CHECKPOINT);
  if (kept?.artifact == null) return null;
  const { epoch, points } = keptSchema.parse(kept.result);
  const [laid] = await layFiles(context.store, [{ name: "checkpoint", ...kept.artifact }], join(context.workDir, "checkpoint"), context.signal);
  context.report({ metrics: points, logs: [{ level: "info", text: `Goes on behind epoch ${epoch}, which an earlier attempt finished.` }] });
  return laid?.path ?? null;
}

type Point = z.infer<typeof keptSchema>["points"][number];

/** Takes what the child tells: points go to the job at once, checkpoints into the store one after the other. */
class CheckpointKeeper {
  readonly #training: PendingTraining;
  readonly #context: JobContext;
  readonly #stepsPerEpoch: number;
  readonly #beganMs = performance.now();
  #keeping: Promise<void> = Promise.resolve();
  #recent: { points: readonly Point[]; atMs: number }[] = [];

  constructor(training: PendingTraining, dataset: StagedDataset, context: JobContext) {
    this.#training = training;
    this.#context = context;
    const { batchSize, accumulation } = training.recipe;
    const examples = dataset.summary.counts.train;
    this.#stepsPerEpoch = Math.max(1, Math.floor(examples / (Math.min(batchSize, examples) * accumulation)));
  }

  take(value: unknown): void {
    const step = trainModelStepSchema.safeParse(value);
    if (!step.success) return;
    if ("points" in step.data) {
      this.#recent.push({ points: step.data.points, atMs: performance.now() });
      this.#context.report({ metrics: step.data.points });
    } else {
      const { checkpoint } = step.data;
      this.#recent = this.#recent.filter(({ atMs }) => performance.now() - atMs < UNWRITTEN_MS);
      const points = this.#recent.flatMap((told) => told.points);
      this.#keeping = this.#keeping.then(() => this.#keep(checkpoint, points));
      // Who awaits `done` hears of it; until then it is nobody's.
      this.#keeping.catch(() => undefined);
    }
  }

  done(): Promise<void> {
    return this.#keeping;
  }

  async #keep({ path, epoch, step, best }: ToldCheckpoint, points: readonly Point[]): Promise<void> {
    const { id, recipe } = this.#training;
    await this.#context.step(CHECKPOINT, { epoch, step }, async () => ({ result: { epoch, step, best, points }, artifact: await this.#context.store.put({ file: path }) }));
    await rm(path, { force: true });
    const ranMs = this.#training.ranMs + performance.now() - this.#beganMs;
    await this.#context.transact((tx) => noteTrainingProgress(tx, id, { epoch, step, stepsPerEpoch: this.#stepsPerEpoch, ranMs, best }));
    const { epochs, minutes } = recipe.budget;
    const share = Math.max(epochs === null ? 0 : epoch / epochs, minutes === null ? 0 : ranMs / (minutes * 60_000));
    const found = best === null ? "" : `; best ${best.metric} ${best.metric.endsWith("accuracy") ? `${(100 * best.value).toFixed(2)} %` : best.value.toPrecision(4)} in epoch ${best.epoch}`;
    this.#context.report({ progress: 0.95 * Math.min(1, share), progressText: `Epoch ${epoch}${epochs === null ? "" : ` of ${epochs}`}${found}`, logs: [{ level: "info", text: `Epoch ${epoch} is over${found}.` }] });
  }
}

async function stopWhenAsked(id: string, outDir: string, context: JobContext): Promise<void> {
  try {
    if (await context.transact((tx) => isStopRequested(tx, id))) await writeFile(join(outDir, "stop"), "");
  } catch (error) {
    context.log.warn({ err: error }, "whether the training should stop could not be asked");
  }
}
