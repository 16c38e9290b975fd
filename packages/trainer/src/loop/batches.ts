import type { Tensor, Tensors } from "@flotilla/runtime";
import { augmented, isAugmenting } from "../augment/augment.ts";
import { LOSSES } from "../losses/losses.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { FEEDS } from "../step/training-step.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { streamOf } from "./drawn-numbers.ts";
import type { ExampleSource, TrainingExample } from "./training-source.ts";

type Shape = { readonly batchSize: number; readonly inputs: readonly { readonly name: string; readonly dims: readonly number[] }[]; readonly answers: number };

/** Puts examples together as a step is fed them: inputs, targets and what each example counts. */
export class Batches {
  readonly #source: ExampleSource;
  readonly #shape: Shape;
  readonly #recipe: TrainingRecipe;
  readonly #classWeights: readonly number[] | null;

  /** `classCounts`: examples of each class in the training split. */
  constructor(source: ExampleSource, shape: Shape, recipe: TrainingRecipe, classCounts: readonly number[]) {
    this.#source = source;
    this.#shape = shape;
    this.#recipe = recipe;
    const present = classCounts.filter((count) => count > 0).length;
    const total = classCounts.reduce((sum, count) => sum + count, 0);
    this.#classWeights = recipe.classWeights === "balanced" && LOSSES[recipe.loss].isOfClasses ? classCounts.map((count) => (count === 0 ? 0 : total / (present * count))) : null;
  }

  /** The examples of `indices`, as they are seen in this epoch. */
  async read(indices: ArrayLike<number>, epoch: number): Promise<Tensors> {
    const { batchSize, inputs, answers } = this.#shape;
    const examples = await Promise.all(Array.from({ length: batchSize }, (_, i) => this.#source.read(indices[i] ?? 0)));
    const feeds: Record<string, Tensor> = {};
    for (const { name, dims } of inputs) feeds[name] = this.#stacked(name, dims, examples, indices, epoch);
    const targets = new Float32Array(batchSize * answers);
    const weights = new Float32Array(batchSize);
    for (const [i, example] of examples.entries()) {
      const row = targets.subarray(i * answers, (i + 1) * answers);
      writeTarget(row, example, this.#recipe);
      weights[i] = this.#classWeights === null ? 1 : row.reduce((sum, share, k) => sum + share * (this.#classWeights?.[k] ?? 1), 0);
    }
    const blend = this.#recipe.augmentation.mixup > 0 ? mix(feeds, inputs, targets, batchSize, this.#recipe, epoch, indices[0] ?? 0) : targets;
    return { ...feeds, [FEEDS.targets]: { elementType: "float32", shape: [batchSize, answers], data: blend }, [FEEDS.weights]: { elementType: "float32", shape: [batchSize, 1], data: averagingOne(weights) } };
  }

  #stacked(name: string, dims: readonly number[], examples: readonly TrainingExample[], indices: ArrayLike<number>, epoch: number): Tensor {
    const each = dims.slice(1).reduce((product, dim) => product * dim, 1);
    const data = new Float32Array(examples.length * each);
    const { augmentation, seed } = this.#recipe;
    for (const [i, { feeds }] of examples.entries()) {
      const values = feeds[name];
      if (values === undefined || values.data.length !== each || values.elementType !== "float32") throw new TrainingRefusal("examples_do_not_fit", `An example has ${values === undefined ? "nothing" : `${values.data.length} values of ${values.elementType}`} for the input "${name}", which takes ${each} of float32.`);
      const numbers = values.data as Float32Array;
      data.set(isAugmenting(augmentation) ? augmented(numbers, dims.slice(1), augmentation, streamOf(seed, epoch, indices[i] ?? 0)) : numbers, i * each);
    }
    return { elementType: "float32", shape: dims, data };
  }
}

function writeTarget(row: Float32Array, { label, target }: TrainingExample, { loss, labelSmoothing }: TrainingRecipe): void {
  if (target !== undefined) {
    if (target.length !== row.length) throw new TrainingRefusal("examples_do_not_fit", `An example has ${target.length} numbers to predict, and the model answers ${row.length}.`);
    row.set(target);
    return;
  }
  if (label === null) throw new TrainingRefusal("examples_do_not_fit", "An example has no label to learn from.");
  if (row.length === 1) {
    row[0] = label;
    return;
  }
  if (!(label >= 0 && label < row.length)) throw new TrainingRefusal("examples_do_not_fit", `An example is of class ${label + 1}, and the model answers ${row.length} classes.`);
  const smoothing = LOSSES[loss].isOfClasses ? labelSmoothing : 0;
  row.fill(smoothing / row.length);
  row[label] = 1 - smoothing + smoothing / row.length;
}

/** Scaled so that they count 1 on average: the learning rate means the same whatever the classes of a batch. */
function averagingOne(weights: Float32Array): Float32Array {
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return mean > 0 ? weights.map((weight) => weight / mean) : weights;
}

/** Blends each example with its neighbour from the other end, inputs and targets alike, by a share that is drawn per batch (Zhang et al. 2018). */
function mix(feeds: Record<string, Tensor>, inputs: Shape["inputs"], targets: Float32Array, batchSize: number, { seed, augmentation }: TrainingRecipe, epoch: number, first: number): Float32Array {
  const share = betaOf(augmentation.mixup, streamOf(seed ^ 0x2545f491, epoch, first));
  const blended = (values: Float32Array): Float32Array => {
    const each = values.length / batchSize;
    return values.map((value, at) => share * value + (1 - share) * (values[(batchSize - 1 - Math.floor(at / each)) * each + (at % each)] ?? 0));
  };
  for (const { name } of inputs) {
    const tensor = feeds[name];
    if (tensor !== undefined) feeds[name] = { ...tensor, data: blended(tensor.data as Float32Array) };
  }
  return blended(targets);
}

/** One number of Beta(α, α), of two of Jöhnk's (1964). */
function betaOf(alpha: number, next: () => number): number {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const [x, y] = [next() ** (1 / alpha), next() ** (1 / alpha)];
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
  return 0.5;
}
