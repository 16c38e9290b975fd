import { syntheticFeeds, type Tensor, type Tensors, type TensorSpec } from "@flotilla/runtime";
import type { buildTrainingStep } from "@flotilla/trainer";

type Step = Awaited<ReturnType<typeof buildTrainingStep>>;
const SMALL_STEP = 1e-5;

/** What a step is fed before the first one: a batch of noise, the model's weights, an optimizer that has seen nothing and takes steps too small to matter. */
export function firstFeeds({ parameters, buffers }: Step, inputs: readonly TensorSpec[], batchSize: number): Tensors {
  const weights = Float32Array.from(parameters.flatMap(({ values }) => [...values]));
  const isVector = ({ shape }: TensorSpec): boolean => shape.length === 1 && shape[0] === weights.length;
  return {
    ...syntheticFeeds(inputs, 1),
    ...Object.fromEntries(inputs.filter(isVector).map(({ name }) => [name, single([weights.length], name === "parameters" ? weights : new Float32Array(weights.length))])),
    ...Object.fromEntries(inputs.filter(({ shape }) => shape.length === 0).map(({ name }) => [name, single([], Float32Array.of(SMALL_STEP))])),
    ...Object.fromEntries(buffers.map(({ name, dims, values }) => [name, single(dims, values)])),
    "example weights": single([batchSize, 1], new Float32Array(batchSize).fill(1)),
  };
}

/** A target per example: the share of one class is 1. */
export function oneClassEach(batchSize: number, classes: number): Tensor {
  return single([batchSize, classes], Float32Array.from({ length: batchSize * classes }, (_, i) => (i % classes === (3 * Math.floor(i / classes)) % classes ? 1 : 0)));
}

export function single(shape: readonly number[], data: Float32Array): Tensor {
  return { elementType: "float32", shape, data };
}
