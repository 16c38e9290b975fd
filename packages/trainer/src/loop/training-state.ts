import { createHash } from "node:crypto";
import { OPTIMIZERS } from "../optimizers/optimizer.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { vectorOf } from "../step/parameter-vector.ts";
import type { TrainingStep } from "../step/training-step.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";

export type BestEpoch = { readonly epoch: number; readonly metric: "validation accuracy" | "validation loss" | "train loss"; readonly value: number };

/** Where a training stands: all that the next step depends on. */
export type TrainingState = {
  /** Vectors by name: parameters, the optimizer's, the average, running statistics. */
  vectors: Map<string, Float32Array>;
  /** Epochs that are over, and steps that were taken. */
  epoch: number;
  step: number;
  /** In this and earlier attempts. */
  ranMs: number;
  best: (BestEpoch & { readonly vectors: ReadonlyMap<string, Float32Array> }) | null;
  epochsSinceBest: number;
};

export const PARAMETERS = "parameters";
export const AVERAGE = "average";

export function freshState(step: TrainingStep, recipe: TrainingRecipe): TrainingState {
  const parameters = vectorOf(step.parameters);
  const vectors = new Map<string, Float32Array>([[PARAMETERS, parameters]]);
  for (const name of OPTIMIZERS[recipe.optimizer.kind].states) vectors.set(name, new Float32Array(parameters.length));
  if (recipe.emaDecay !== null) vectors.set(AVERAGE, Float32Array.from(parameters));
  for (const { name, values } of step.buffers) vectors.set(bufferKey(name), Float32Array.from(values));
  return { vectors, epoch: 0, step: 0, ranMs: 0, best: null, epochsSinceBest: 0 };
}

export const bufferKey = (name: string): string => `running ${name}`;

/** What must be the same for a training to go on: its recipe but for the budget, and the tensors that are learnt. */
function identityOf(step: TrainingStep, recipe: TrainingRecipe): string {
  const { budget: _, ...rest } = recipe;
  return createHash("sha256").update(JSON.stringify([rest, step.parts, step.buffers.map(({ name, dims }) => [name, dims])])).digest("hex");
}

const BEST = "best ";

export function toCheckpoint(state: TrainingState, step: TrainingStep, recipe: TrainingRecipe): Uint8Array {
  const { best, vectors, ...facts } = state;
  const kept = new Map(vectors);
  for (const [name, values] of best?.vectors ?? []) kept.set(`${BEST}${name}`, values);
  return writeCheckpoint({ facts: { ...facts, identity: identityOf(step, recipe), best: best === null ? null : { epoch: best.epoch, metric: best.metric, value: best.value } }, vectors: kept });
}

/** Throws TrainingRefusal `checkpoint_unreadable`, `checkpoint_of_another_training`. */
export function fromCheckpoint(bytes: Uint8Array, step: TrainingStep, recipe: TrainingRecipe): TrainingState {
  const { facts, vectors } = readCheckpoint(bytes);
  if (facts["identity"] !== identityOf(step, recipe)) throw new TrainingRefusal("checkpoint_of_another_training", "The checkpoint belongs to a training with another recipe or another model.");
  const { epoch, step: steps, ranMs, best, epochsSinceBest } = facts as Pick<TrainingState, "epoch" | "step" | "ranMs" | "epochsSinceBest"> & { best: BestEpoch | null };
  const of = (isBest: boolean): Map<string, Float32Array> => new Map([...vectors].filter(([name]) => name.startsWith(BEST) === isBest).map(([name, values]) => [isBest ? name.slice(BEST.length) : name, values]));
  return { vectors: of(false), epoch, step: steps, ranMs, epochsSinceBest, best: best === null ? null : { ...best, vectors: of(true) } };
}

/** The tensors of a set of vectors by name: weights (the average where one is kept) and running statistics. */
export function weightsOf(vectors: ReadonlyMap<string, Float32Array>, step: TrainingStep): Map<string, Float32Array> {
  const all = vectors.get(AVERAGE) ?? vectors.get(PARAMETERS) ?? new Float32Array();
  const weights = new Map<string, Float32Array>(step.parts.map(({ name, offset, length }) => [name, all.slice(offset, offset + length)]));
  for (const { name } of step.buffers) weights.set(name, vectors.get(bufferKey(name)) ?? new Float32Array());
  return weights;
}

/** What of the vectors makes up a model. */
export function keptVectors({ vectors }: TrainingState): Map<string, Float32Array> {
  return new Map([...vectors].filter(([name]) => name === PARAMETERS || name === AVERAGE || name.startsWith("running ")).map(([name, values]) => [name, Float32Array.from(values)]));
}
