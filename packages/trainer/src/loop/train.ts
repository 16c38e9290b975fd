import type { Tensors } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { withWeights } from "../export/export-model.ts";
import { LOSSES } from "../losses/losses.ts";
import { learningRateAt } from "../optimizers/schedule.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { buildTrainingStep, type TrainingStep } from "../step/training-step.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { Batches } from "./batches.ts";
import { shuffled } from "./drawn-numbers.ts";
import { EpochNumbers, type TrainingPoint } from "./epoch-numbers.ts";
import { isLearnt } from "./freeze.ts";
import { StepRunner } from "./step-runner.ts";
import { Teacher } from "./teacher.ts";
import type { ExampleSource, TrainingSource } from "./training-source.ts";
import { freshState, fromCheckpoint, keptVectors, toCheckpoint, weightsOf, type BestEpoch, type TrainingState } from "./training-state.ts";
import { validate, type Validation } from "./validate.ts";

export type TrainingContext = {
  /** Threads inside one operator. */
  readonly threads: number;
  /** Ends it at once: nothing is kept. */
  readonly signal: AbortSignal;
  /** Whom to learn from, where the recipe says distillation. Of the same inputs and classes. */
  readonly teacher?: OnnxModel;
  /** To go on from. */
  readonly checkpoint?: Uint8Array;
  onPoints(points: readonly TrainingPoint[]): void;
  /** After each epoch; the next one begins when the promise resolves. */
  onCheckpoint(checkpoint: Uint8Array, state: { readonly epoch: number; readonly step: number; readonly best: BestEpoch | null }): Promise<void>;
  /** Asked before each step: whether to end here and keep the best. */
  shouldStop?(): boolean;
};

export type StoppedBy = "epochs" | "minutes" | "early_stopping" | "person";

export type TrainingResult = {
  /** The inference graph with the best weights. */
  readonly model: OnnxModel;
  readonly epochs: number;
  readonly steps: number;
  readonly ranMs: number;
  readonly stoppedBy: StoppedBy;
  readonly best: BestEpoch | null;
  /** Of the best weights; null without a validation split. */
  readonly validation: Validation | null;
  readonly parameters: number;
};

const MINUTE_MS = 60_000;

/**
 * Trains a model on examples. The same recipe, examples and number of threads give the same weights on the same kind of processor; going on from a checkpoint
 * gives what going through would have given. Throws TrainingRefusal, AutodiffRefusal, or the signal's reason.
 */
export async function train(model: OnnxModel, source: TrainingSource, recipe: TrainingRecipe, context: TrainingContext): Promise<TrainingResult> {
  if (recipe.distillation !== undefined && context.teacher === undefined) throw new TrainingRefusal("teacher_does_not_fit", "The recipe says to learn from another model, and none is given.");
  if (source.train.count === 0) throw new TrainingRefusal("no_examples", "The training split is empty: there is nothing to learn from.");
  const batchSize = Math.min(recipe.batchSize, source.train.count);
  const step = await buildTrainingStep(model, { batchSize, recipe, trainable: isLearnt(recipe.freeze) });
  const state = context.checkpoint === undefined ? freshState(step, recipe) : fromCheckpoint(context.checkpoint, step, recipe);
  const runner = await StepRunner.open(step, recipe, context.threads);
  const teacher = recipe.distillation === undefined || context.teacher === undefined ? null : await Teacher.open(context.teacher, context.threads);
  try {
    const [, answers = 1] = step.answers;
    const counts = recipe.classWeights === "balanced" ? await classCounts(source.train, answers) : [];
    const batches = new Batches(source.train, { batchSize, inputs: step.inputs.map(({ name, type }) => ({ name, dims: type.dims })), answers }, recipe, counts);
    const run = new TrainingRun({ model, step, source, recipe, context, runner, batches, teacher, state, batchSize });
    return await run.run();
  } finally {
    await teacher?.close();
    await runner.close();
  }
}

type Parts = { model: OnnxModel; step: TrainingStep; source: TrainingSource; recipe: TrainingRecipe; context: TrainingContext; runner: StepRunner; batches: Batches; teacher: Teacher | null; state: TrainingState; batchSize: number };

class TrainingRun {
  readonly #parts: Parts;
  readonly #beganMs = performance.now();
  readonly #ranBeforeMs: number;
  readonly #stepsPerEpoch: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#ranBeforeMs = parts.state.ranMs;
    const { source, batchSize, recipe } = parts;
    // What is left over of an epoch is seen in another one: the order is drawn anew each time.
    this.#stepsPerEpoch = Math.max(1, Math.floor(source.train.count / (batchSize * recipe.accumulation)));
  }

  async run(): Promise<TrainingResult> {
    const { state, recipe, context, model, step, source } = this.#parts;
    let stoppedBy = this.#reached();
    while (stoppedBy === null) {
      stoppedBy = await this.#epoch();
      state.epoch += 1;
      const validation = await this.#validated(weightsOf(state.vectors, step));
      this.#compare(validation);
      state.ranMs = this.#ranMs();
      await context.onCheckpoint(toCheckpoint(state, step, recipe), { epoch: state.epoch, step: state.step, best: state.best });
      stoppedBy ??= this.#reached();
    }
    const weights = weightsOf(state.best?.vectors ?? state.vectors, step);
    const { best } = state;
    return {
      model: withWeights(model, weights), epochs: state.epoch, steps: state.step, ranMs: this.#ranMs(), stoppedBy, parameters: step.parts.reduce((sum, { length }) => sum + length, 0),
      best: best === null ? null : { epoch: best.epoch, metric: best.metric, value: best.value },
      validation: source.validation === null ? null : await this.#validated(weights, false),
    };
  }

  #ranMs(): number {
    return this.#ranBeforeMs + performance.now() - this.#beganMs;
  }

  #isOutOfTime(): boolean {
    const { minutes } = this.#parts.recipe.budget;
    return minutes !== null && this.#ranMs() >= minutes * MINUTE_MS;
  }

  /** Why it ends between two epochs. */
  #reached(): StoppedBy | null {
    const { state, recipe } = this.#parts;
    if (recipe.budget.epochs !== null && state.epoch >= recipe.budget.epochs) return "epochs";
    if (recipe.patienceEpochs !== null && state.epochsSinceBest >= recipe.patienceEpochs) return "early_stopping";
    return this.#isOutOfTime() ? "minutes" : null;
  }

  /** Answers why it ends in the middle of the epoch; null when it went through. */
  async #epoch(): Promise<StoppedBy | null> {
    const { state, recipe, context, runner, source, batchSize } = this.#parts;
    const order = shuffled(source.train.count, recipe.seed, state.epoch);
    const numbers = new EpochNumbers(this.#stepsPerEpoch, batchSize * recipe.accumulation, (points) => context.onPoints(points));
    const first = state.step;
    let next = this.#ahead(order, 0);
    for (let at = 0; at < this.#stepsPerEpoch; at += 1) {
      context.signal.throwIfAborted();
      const stoppedBy = context.shouldStop?.() === true ? "person" : this.#isOutOfTime() ? "minutes" : null;
      if (stoppedBy !== null) {
        await next;
        numbers.flush(state.step);
        return stoppedBy;
      }
      const batches = await next;
      // The next one is put together while this one is computed.
      next = at + 1 < this.#stepsPerEpoch ? this.#ahead(order, at + 1) : Promise.resolve([]);
      const rate = learningRateAt(recipe, this.#progress(state.step), state.epoch + at / this.#stepsPerEpoch);
      const found = await runner.take(state, batches, rate);
      if (!Number.isFinite(found.loss) || !Number.isFinite(found.gradientNorm)) {
        await next.catch(() => undefined);
        throw new TrainingRefusal("training_diverged", `The training diverged: its loss was no number any more at step ${state.step}. A lower learning rate than ${recipe.optimizer.learningRate}, or a limit for the gradient, usually helps.`);
      }
      numbers.add(state.step, found, rate);
    }
    numbers.flush(state.step);
    numbers.speed(state.step, state.step - first);
    return null;
  }

  /** Not waited for by a training that ends meanwhile: then nobody hears of its failure, which must not end the process. */
  #ahead(order: Uint32Array, at: number): Promise<Tensors[]> {
    const batches = this.#batchesOf(order, at);
    batches.catch(() => undefined);
    return batches;
  }

  async #batchesOf(order: Uint32Array, at: number): Promise<Tensors[]> {
    const { recipe, batchSize, batches, state, teacher, step } = this.#parts;
    const from = at * recipe.accumulation * batchSize;
    return Promise.all(Array.from({ length: recipe.accumulation }, async (_, k) => {
      const batch = await batches.read(wrapped(order, from + k * batchSize, batchSize), state.epoch);
      return teacher === null ? batch : teacher.taught(batch, step.answers);
    }));
  }

  /** Share of the way: of the steps, or of the time. */
  #progress(step: number): number {
    const { epochs, minutes } = this.#parts.recipe.budget;
    const ofSteps = epochs === null ? 0 : step / (epochs * this.#stepsPerEpoch);
    return Math.max(ofSteps, minutes === null ? 0 : this.#ranMs() / (minutes * MINUTE_MS));
  }

  async #validated(weights: ReadonlyMap<string, Float32Array>, isTold = true): Promise<Validation | null> {
    const { source, model, recipe, context, state } = this.#parts;
    if (source.validation === null) return null;
    const found = await validate(withWeights(model, weights), source.validation, { loss: recipe.loss, threads: context.threads, signal: context.signal });
    const points = [{ name: "validation loss", step: state.step, value: found.loss }];
    if (found.accuracy !== null) points.push({ name: "validation accuracy", step: state.step, value: found.accuracy });
    if (isTold) context.onPoints(points);
    return found;
  }

  /** Keeps the weights when they are the best so far: without validation, always the newest. */
  #compare(validation: Validation | null): void {
    const { state, recipe } = this.#parts;
    const isOfClasses = LOSSES[recipe.loss].isOfClasses && validation?.accuracy != null;
    const metric = validation === null ? "train loss" : isOfClasses ? "validation accuracy" : "validation loss";
    const value = validation === null ? Number.NaN : isOfClasses ? (validation.accuracy ?? 0) : validation.loss;
    const isBetter = state.best === null || validation === null || (isOfClasses ? value > state.best.value : value < state.best.value);
    if (isBetter) state.best = validation === null ? null : { epoch: state.epoch, metric, value, vectors: keptVectors(state) };
    state.epochsSinceBest = isBetter ? 0 : state.epochsSinceBest + 1;
  }
}

/** `count` numbers of the order from `from` on; a short order is gone through again. */
function wrapped(order: Uint32Array, from: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => order[(from + i) % order.length] ?? 0);
}

async function classCounts(source: ExampleSource, classes: number): Promise<number[]> {
  const counts = new Array<number>(classes).fill(0);
  for (let index = 0; index < source.count; index += 1) {
    const { label } = await source.read(index);
    if (label !== null && label >= 0 && label < classes) counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}
