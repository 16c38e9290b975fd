import { openModel, type OpenModel, type Tensor, type Tensors } from "@flotilla/runtime";
import { elementCount, writeOnnx } from "@flotilla/runtime/ir";
import { OPTIMIZERS } from "../optimizers/optimizer.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { FEEDS, FETCHES, newName, type TrainingStep } from "../step/training-step.ts";
import { streamOf } from "./drawn-numbers.ts";
import { AVERAGE, PARAMETERS, bufferKey, type TrainingState } from "./training-state.ts";

/** Loss and right answers of the batches of one step, and the length of its gradient. */
export type StepNumbers = { readonly loss: number; readonly correct: number | null; readonly gradientNorm: number };

/** Sets what is dropped apart from what else is drawn from the seed. */
const NOISE = 0x0d10;

/** Runs a training step's graphs on a state. */
export class StepRunner {
  readonly #step: TrainingStep;
  readonly #recipe: TrainingRecipe;
  readonly #forward: OpenModel;
  readonly #update: OpenModel | null;

  private constructor(step: TrainingStep, recipe: TrainingRecipe, forward: OpenModel, update: OpenModel | null) {
    this.#step = step;
    this.#recipe = recipe;
    this.#forward = forward;
    this.#update = update;
  }

  static async open(step: TrainingStep, recipe: TrainingRecipe, threads: number): Promise<StepRunner> {
    // Pairs of QuantizeLinear and DequantizeLinear must stay what the gradient was written for.
    const settings = { intraOpThreads: threads, graphOptimization: "extended", sessionConfig: { disable_quant_qdq: "1" } } as const;
    const forward = await openModel(writeOnnx(step.model), settings);
    return new StepRunner(step, recipe, forward, step.update === null ? null : await openModel(writeOnnx(step.update), settings));
  }

  /** Takes one step on these batches (as many as gradients are added up) and moves the state on. */
  async take(state: TrainingState, batches: readonly Tensors[], learningRate: number): Promise<StepNumbers> {
    state.step += 1;
    return this.#update === null ? this.#whole(state, batches[0] ?? {}, learningRate) : this.#summed(state, batches, learningRate, this.#update);
  }

  async close(): Promise<void> {
    await this.#forward.close();
    await this.#update?.close();
  }

  async #whole(state: TrainingState, batch: Tensors, learningRate: number): Promise<StepNumbers> {
    const found = await this.#forward.run({ ...batch, ...this.#forwardFeeds(state, 0), ...this.#updateFeeds(state, learningRate) });
    this.#takeBuffers(state, found);
    this.#takeUpdate(state, found);
    return { loss: numberIn(found, FETCHES.loss), correct: correctIn(found), gradientNorm: numberIn(found, FETCHES.norm) };
  }

  async #summed(state: TrainingState, batches: readonly Tensors[], learningRate: number, update: OpenModel): Promise<StepNumbers> {
    const length = state.vectors.get(PARAMETERS)?.length ?? 0;
    let sum = vector(new Float32Array(length));
    let [loss, correct] = [0, 0];
    for (const [at, batch] of batches.entries()) {
      const found = await this.#forward.run({ ...batch, ...this.#forwardFeeds(state, at), [FEEDS.accumulated]: sum });
      this.#takeBuffers(state, found);
      sum = found[FETCHES.gradient] as Tensor;
      loss += numberIn(found, FETCHES.loss) / batches.length;
      correct += correctIn(found) ?? Number.NaN;
    }
    const parameters = { [FEEDS.parameters]: vector(state.vectors.get(PARAMETERS) ?? new Float32Array()) };
    const found = await update.run({ ...parameters, ...this.#updateFeeds(state, learningRate), [FEEDS.accumulated]: sum, [FEEDS.share]: scalar(1 / batches.length) });
    this.#takeUpdate(state, found);
    return { loss, correct: Number.isNaN(correct) ? null : correct, gradientNorm: numberIn(found, FETCHES.norm) };
  }

  /** For batch `at` of this step. */
  #forwardFeeds({ vectors, step }: TrainingState, at: number): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = { [FEEDS.parameters]: vector(vectors.get(PARAMETERS) ?? new Float32Array()) };
    for (const { name, dims } of this.#step.buffers) feeds[name] = { elementType: "float32", shape: dims, data: vectors.get(bufferKey(name)) ?? new Float32Array() };
    const next = streamOf(this.#recipe.seed ^ NOISE, step, at);
    for (const { name, dims } of this.#step.noise) feeds[name] = { elementType: "float32", shape: dims, data: Float32Array.from({ length: elementCount(dims) }, next) };
    return feeds;
  }

  #updateFeeds({ vectors, step }: TrainingState, learningRate: number): Record<string, Tensor> {
    const { optimizer, emaDecay } = this.#recipe;
    const { states, scalars, scalarsAt } = OPTIMIZERS[optimizer.kind];
    const numbers = scalarsAt(optimizer, learningRate, step);
    const unused = optimizer.weightDecay === 0 ? "decay" : null;
    return {
      ...Object.fromEntries(states.map((name) => [name, vector(vectors.get(name) ?? new Float32Array())])),
      ...Object.fromEntries(scalars.map((name, i) => [name, scalar(numbers[i] ?? 0)]).filter(([name]) => name !== unused || this.#hasInput("decay"))),
      ...(emaDecay === null ? {} : { [FEEDS.average]: vector(vectors.get(AVERAGE) ?? new Float32Array()) }),
    };
  }

  #hasInput(name: string): boolean {
    return (this.#update ?? this.#forward).inputs.some((input) => input.name === name);
  }

  #takeBuffers({ vectors }: TrainingState, found: Tensors): void {
    for (const { name } of this.#step.buffers) vectors.set(bufferKey(name), (found[newName(name)] as Tensor).data as Float32Array);
  }

  #takeUpdate({ vectors }: TrainingState, found: Tensors): void {
    vectors.set(PARAMETERS, (found[FETCHES.parameters] as Tensor).data as Float32Array);
    for (const name of OPTIMIZERS[this.#recipe.optimizer.kind].states) vectors.set(name, (found[newName(name)] as Tensor).data as Float32Array);
    if (this.#recipe.emaDecay !== null) vectors.set(AVERAGE, (found[FETCHES.average] as Tensor).data as Float32Array);
  }
}

const vector = (data: Float32Array): Tensor => ({ elementType: "float32", shape: [data.length], data });
const scalar = (value: number): Tensor => ({ elementType: "float32", shape: [], data: Float32Array.of(value) });
const numberIn = (found: Tensors, name: string): number => Number(found[name]?.data[0] ?? Number.NaN);
const correctIn = (found: Tensors): number | null => (found[FETCHES.correct] === undefined ? null : numberIn(found, FETCHES.correct));
