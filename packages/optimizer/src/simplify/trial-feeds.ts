import { syntheticFeeds } from "@flotilla/runtime";
import type { DimensionOverrides, Tensor, Tensors, TensorSpec } from "@flotilla/runtime";

/** How far the numbers of a trial input reach: [low, high) of a uniform distribution. Inputs of [0, 1) alone never show what a Relu hides. */
const RANGES: readonly (readonly [low: number, high: number])[] = [
  [-1, 1],
  [0, 1],
  [-3, 3],
  [-2, 0],
];

/**
 * Sizes tried for symbolic dimensions: the first one of a shape (as a rule the batch), and all others. Images of one pixel run through
 * many models and tell little, so they come late.
 */
const SIZES: readonly (readonly [first: number, others: number])[] = [
  [1, 32],
  [2, 48],
  [3, 17],
  [1, 224],
  [2, 3],
  [1, 1],
];

/** Choices of sizes for the symbolic dimensions of these inputs, most telling first; one empty choice where all is fixed. */
export function dimensionChoices(inputs: readonly TensorSpec[], given: DimensionOverrides): DimensionOverrides[] {
  const isFirst = new Map<string, boolean>();
  for (const { shape } of inputs) {
    for (const [axis, dim] of shape.entries()) {
      if (typeof dim === "string" && !Object.hasOwn(given, dim)) isFirst.set(dim, (isFirst.get(dim) ?? true) && axis === 0);
    }
  }
  if (isFirst.size === 0) return [given];
  return SIZES.map(([first, others]) => ({
    ...given,
    ...Object.fromEntries([...isFirst].map(([name, leads]) => [name, leads ? first : others])),
  }));
}

/** Inputs number `trial` of the stream that `seed` begins: floats over a range that changes with the trial, other types as `syntheticFeeds`. */
export function trialFeeds(inputs: readonly TensorSpec[], dimensions: DimensionOverrides, seed: number, trial: number): Tensors {
  const trialSeed = Math.imul(seed, 0x9e3779b1) + trial;
  const [low, high] = RANGES[trial % RANGES.length] ?? [-1, 1];
  return Object.fromEntries(
    Object.entries(syntheticFeeds(inputs, trialSeed, dimensions)).map(([name, tensor]) => [name, stretched(tensor, low, high)]),
  );
}

function stretched(tensor: Tensor, low: number, high: number): Tensor {
  const { data } = tensor;
  if (data instanceof Float32Array) return { ...tensor, data: data.map((unit) => low + unit * (high - low)) };
  if (data instanceof Float64Array) return { ...tensor, data: data.map((unit) => low + unit * (high - low)) };
  return tensor;
}
