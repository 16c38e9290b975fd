import type { GraphMath } from "../autodiff/graph-math.ts";
import type { TrainingRecipe } from "../recipe.ts";

type Settings = TrainingRecipe["optimizer"];

/** What one step is written from: vectors of all parameters, one behind the other. */
export type UpdateInputs = {
  readonly math: GraphMath;
  readonly parameters: string;
  readonly gradient: string;
  /** Vectors that go from step to step, as many as `states`. */
  readonly states: readonly string[];
  /** Numbers of this step, in the order of `scalars`. */
  readonly scalars: readonly string[];
  /** 1 where weight decay applies, 0 for biases and norms. */
  readonly decays: string;
  readonly settings: Settings;
};

export type Optimizer = {
  /** Names of the vectors it keeps; all begin at zero. */
  readonly states: readonly string[];
  /** Names of the numbers it is told at each step. */
  readonly scalars: readonly string[];
  /** Their values at step `step` (from 1) with this learning rate. */
  readonly scalarsAt: (settings: Settings, learningRate: number, step: number) => readonly number[];
  readonly write: (inputs: UpdateInputs) => { readonly parameters: string; readonly states: readonly string[] };
};

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/**
 * Adam (Kingma and Ba 2015) on moments that are kept without their factors 1 − β: M ← β₁M + g, V ← β₂V + g². What the bias correction and these factors
 * come to is worked out per step and told as `rate` and `epsilon`, so that a step is nine passes over the vectors.
 */
function adam(isDecoupled: boolean): Optimizer {
  return {
    states: ["moment 1", "moment 2"],
    scalars: ["rate", "epsilon", "decay"],
    scalarsAt: ({ weightDecay }, learningRate, step) => {
      const correction = Math.sqrt((1 - BETA2) / (1 - BETA2 ** step));
      return [(learningRate * (1 - BETA1)) / ((1 - BETA1 ** step) * correction), EPSILON / correction, isDecoupled ? learningRate * weightDecay : weightDecay];
    },
    write: ({ math, parameters, gradient, states: [first = "", second = ""], scalars: [rate = "", epsilon = "", decay = ""], decays, settings }) => {
      const pulled = settings.weightDecay === 0 ? null : math.multiply(math.multiply(parameters, decays), decay);
      const g = pulled === null || isDecoupled ? gradient : math.add(gradient, pulled);
      const one = math.add(math.scale(first, BETA1), g);
      const two = math.add(math.scale(second, BETA2), math.multiply(g, g));
      const change = math.multiply(math.divide(one, math.add(math.unary("Sqrt", two), epsilon)), rate);
      const from = pulled !== null && isDecoupled ? math.subtract(parameters, pulled) : parameters;
      return { parameters: math.subtract(from, change), states: [one, two] };
    },
  };
}

/** With momentum as PyTorch has it: M ← μM + g, θ ← θ − η·M, or η·(g + μM) with Nesterov's (Sutskever et al. 2013). */
const sgd: Optimizer = {
  states: ["momentum"],
  scalars: ["rate", "decay"],
  scalarsAt: ({ weightDecay }, learningRate) => [learningRate, weightDecay],
  write: ({ math, parameters, gradient, states: [velocity = ""], scalars: [rate = "", decay = ""], decays, settings }) => {
    const g = settings.weightDecay === 0 ? gradient : math.add(gradient, math.multiply(math.multiply(parameters, decays), decay));
    const moved = math.add(math.scale(velocity, settings.momentum), g);
    const along = settings.nesterov ? math.add(g, math.scale(moved, settings.momentum)) : moved;
    return { parameters: math.subtract(parameters, math.multiply(along, rate)), states: [moved] };
  },
};

export const OPTIMIZERS: Readonly<Record<Settings["kind"], Optimizer>> = { adam: adam(false), adamw: adam(true), sgd };
