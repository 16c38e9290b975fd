import type { OpenModel, Tensor } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import type { Bounds } from "./activation-bounds.ts";
import { errorModel, SCHEDULE, stepModel } from "./rounding-graphs.ts";
import type { RowSample } from "./sample-rows.ts";

/** One layer to round. Arrays are `[groups, depth, columns]`, those of one number a column `[groups, columns]`. */
export type LayerProblem = {
  readonly groups: number;
  readonly depth: number;
  readonly columns: number;
  /** Weight ÷ scale − zero point, rounded down, at most one below the highest level. */
  readonly floor: Float32Array;
  /** What is missing to the weight, 0 to 1; 0 and 1 stay as they are. */
  readonly fraction: Float32Array;
  /** Of the weights, times the layer's factor. */
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly bounds: Bounds;
};

export type FitOptions = {
  readonly iterations: number;
  readonly batch: number;
  /** λ: weight of the penalty for values between two levels. */
  readonly penalty: number;
  readonly rate: number;
  readonly seed: number;
  readonly timeMs: number;
  readonly signal: AbortSignal | undefined;
  readonly onSteps: (steps: number) => void;
};

/** Steps that one run of the runtime makes: between runs others get their turn, and the budget is looked at. */
const STEPS_PER_RUN = 20;
/** β falls from the first to the last along half a cosine, after the part of the steps that has no penalty (Nagel et al., 2020). */
const BETA = { first: 20, last: 2 };
const WARM_START = 0.2;
const SETTLED = 12;

/** Fits the roundings of layers, one at a time. Memory: about twelve arrays of the size of the layer's weights beside the sample. */
export class LayerFitter {
  readonly #steps: OpenModel;
  readonly #errors: OpenModel;

  private constructor(steps: OpenModel, errors: OpenModel) {
    this.#steps = steps;
    this.#errors = errors;
  }

  static async open(threads: number): Promise<LayerFitter> {
    const steps = await openModel(writeOnnx(stepModel()), { intraOpThreads: threads });
    return new LayerFitter(steps, await openModel(writeOnnx(errorModel()), { intraOpThreads: threads }));
  }

  async close(): Promise<void> {
    await this.#steps.close();
    await this.#errors.close();
  }

  /** Mean over the rows of the squared distance between the layer with these levels and what the float model gives. */
  async error(problem: LayerProblem, levels: Float32Array, sample: RowSample): Promise<number> {
    const { groups, columns, scale } = problem;
    const perGroup = levels.length / groups;
    const weights = levels.map((level, at) => level * (scale[Math.floor(at / perGroup) * columns + (at % columns)] ?? 0));
    const { sum } = await this.#errors.run({ ...sampleFeeds(problem, sample), w: tensor(weights, shapeOf(problem)) });
    return Number(sum?.data[0] ?? Number.NaN) / sample.count;
  }

  /** For each weight 0 to round it down or 1 to round it up, and the steps made: fewer than asked for when the time is over. */
  async fit(problem: LayerProblem, sample: RowSample, nearestError: number, options: FitOptions): Promise<{ readonly up: Float32Array; readonly steps: number }> {
    const shape = shapeOf(problem);
    const random = seededRandom(options.seed);
    const start = performance.now();
    const size = problem.floor.length;
    let state: Readonly<Record<string, Tensor>> = {
      v: tensor(problem.fraction.map(variableFor), shape),
      first: tensor(new Float32Array(size), shape),
      second: tensor(new Float32Array(size), shape),
    };
    const fixed = {
      ...sampleFeeds(problem, sample),
      floor: tensor(problem.floor, shape),
      scale: tensor(problem.scale, [problem.groups, 1, problem.columns]),
      // The error counts as a multiple of that of nearest rounding, and once for each weight: λ then means the same in every layer.
      gain: tensor(Float32Array.of((2 * size) / (options.batch * Math.max(nearestError, Number.MIN_VALUE))), []),
    };
    let done = 0;
    while (done < options.iterations && performance.now() - start < options.timeMs) {
      const steps = Math.min(STEPS_PER_RUN, options.iterations - done);
      const batches = Int32Array.from({ length: steps * options.batch }, () => Math.floor(random() * sample.count));
      const results = await this.#steps.run({
        ...fixed,
        ...state,
        batches: { elementType: "int32", shape: [steps, options.batch], data: batches },
        schedule: tensor(scheduleOf(done, steps, options), [steps, SCHEDULE.length]),
        steps: { elementType: "int64", shape: [], data: BigInt64Array.of(BigInt(steps)) },
      });
      state = Object.fromEntries(Object.keys(state).map((name) => [name, results[`${name}_out`] ?? tensor(new Float32Array(size), shape)]));
      done += steps;
      options.onSteps(steps);
      await new Promise((resolve) => setImmediate(resolve));
      options.signal?.throwIfAborted();
    }
    // h(V) ≥ ½ exactly where V ≥ 0.
    return { up: Float32Array.from(state.v?.data as Float32Array, (v) => (v >= 0 ? 1 : 0)), steps: done };
  }
}

function shapeOf({ groups, depth, columns }: LayerProblem): readonly number[] {
  return [groups, depth, columns];
}

function tensor(data: Float32Array, shape: readonly number[]): Tensor {
  return { elementType: "float32", shape, data };
}

function sampleFeeds({ groups, depth, columns, bias, bounds }: LayerProblem, { inputs, targets, count }: RowSample): Record<string, Tensor> {
  return {
    x: tensor(inputs, [count, groups, depth]),
    y: tensor(targets, [count, groups, columns]),
    bias: tensor(bias, [groups, 1, columns]),
    low: tensor(Float32Array.of(bounds.low), []),
    high: tensor(Float32Array.of(bounds.high), []),
  };
}

/** V with h(V) = fraction; far outside for weights that lie on a level, where the gradient is 0. */
function variableFor(fraction: number): number {
  if (fraction <= 0) return -SETTLED;
  if (fraction >= 1) return SETTLED;
  const sigma = (fraction + 0.1) / 1.2;
  return Math.log(sigma / (1 - sigma));
}

function scheduleOf(done: number, steps: number, { iterations, penalty, rate }: FitOptions): Float32Array {
  const warm = Math.floor(iterations * WARM_START);
  const schedule = new Float32Array(steps * SCHEDULE.length);
  for (let at = 0; at < steps; at += 1) {
    const step = done + at;
    const progress = Math.max(0, step - warm) / Math.max(1, iterations - warm);
    const beta = BETA.last + 0.5 * (BETA.first - BETA.last) * (1 + Math.cos(progress * Math.PI));
    const lambda = step < warm ? 0 : penalty;
    schedule.set([-2 * lambda * beta, beta - 1, rate / (1 - 0.9 ** (step + 1)), 1 / Math.sqrt(1 - 0.999 ** (step + 1))], at * SCHEDULE.length);
  }
  return schedule;
}
