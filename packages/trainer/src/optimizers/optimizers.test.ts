import { openModel, seededRandom, type Tensor } from "@flotilla/runtime";
import { writeOnnx } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import { GraphMath } from "../autodiff/graph-math.ts";
import { GraphBuilder } from "../graph/graph-builder.ts";
import { float32 } from "../graph/static-type.ts";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { OPTIMIZERS } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";

type Settings = TrainingRecipe["optimizer"];
const N = 6;
const DECAYS = [1, 1, 1, 0, 0, 1];

/** The textbook's form, in double precision: one parameter at a time. */
function plainStep(settings: Settings, rate: number, step: number, p: number, g0: number, decays: number, state: number[]): number {
  const { kind, weightDecay, momentum, nesterov } = settings;
  const g = kind === "adamw" ? g0 : g0 + weightDecay * decays * p;
  if (kind === "sgd") {
    state[0] = momentum * (state[0] ?? 0) + g;
    return p - rate * (nesterov ? g + momentum * state[0] : state[0]);
  }
  state[0] = 0.9 * (state[0] ?? 0) + 0.1 * g;
  state[1] = 0.999 * (state[1] ?? 0) + 0.001 * g * g;
  const change = (state[0] / (1 - 0.9 ** step)) / (Math.sqrt(state[1] / (1 - 0.999 ** step)) + 1e-8);
  return (kind === "adamw" ? p * (1 - rate * weightDecay * decays) : p) - rate * change;
}

const CASES: readonly [string, Partial<Settings>][] = [
  ["adam", {}], ["adam with weight decay", { weightDecay: 0.1 }], ["adamw", { kind: "adamw", weightDecay: 0.1 }],
  ["sgd", { kind: "sgd", momentum: 0 }], ["sgd with momentum", { kind: "sgd", weightDecay: 0.01 }], ["sgd with Nesterov momentum", { kind: "sgd", nesterov: true }],
];

describe("twenty steps are those of the textbook", () => {
  test.each(CASES)("%s", async (_, some) => {
    const settings: Settings = { ...DEFAULT_RECIPE.optimizer, learningRate: 0.01, ...some };
    const optimizer = OPTIMIZERS[settings.kind];
    const builder = new GraphBuilder("update");
    const vector = (name: string): string => builder.input(name, float32([N]));
    const result = optimizer.write({
      math: new GraphMath(builder), parameters: vector("p"), gradient: vector("g"), states: optimizer.states.map(vector), scalars: optimizer.scalars.map((name) => builder.input(name, float32([]))), decays: builder.floats(DECAYS), settings,
    });
    builder.output(result.parameters, "new p");
    optimizer.states.forEach((name, i) => builder.output(result.states[i] ?? "", `new ${name}`));
    const open = await openModel(writeOnnx(builder.toModel()));
    const random = seededRandom(3);
    let p: Float32Array = Float32Array.from({ length: N }, () => 2 * random() - 1);
    let states: Float32Array[] = optimizer.states.map(() => new Float32Array(N));
    const plain = [...p];
    const plainStates = plain.map(() => [0, 0]);
    const tensor = (shape: number[], data: Float32Array): Tensor => ({ elementType: "float32", shape, data });
    for (let step = 1; step <= 20; step += 1) {
      const g = Float32Array.from({ length: N }, () => 2 * random() - 1);
      const rate = settings.learningRate / step;
      const scalars = optimizer.scalarsAt(settings, rate, step);
      const found = await open.run({
        p: tensor([N], p), g: tensor([N], g), ...Object.fromEntries(optimizer.states.map((name, i) => [name, tensor([N], states[i] ?? new Float32Array(N))])),
        ...Object.fromEntries(optimizer.scalars.map((name, i) => [name, tensor([], Float32Array.of(scalars[i] ?? 0))])),
      });
      p = (found["new p"] as Tensor).data as Float32Array;
      states = optimizer.states.map((name) => (found[`new ${name}`] as Tensor).data as Float32Array);
      for (let i = 0; i < N; i += 1) plain[i] = plainStep(settings, rate, step, plain[i] ?? 0, g[i] ?? 0, DECAYS[i] ?? 0, plainStates[i] ?? []);
    }
    for (let i = 0; i < N; i += 1) expect(p[i]).toBeCloseTo(plain[i] ?? 0, 5);
    await open.close();
  });
});

test("the learning rate rises over the warm-up and then follows its curve", () => {
  const recipe = (kind: "constant" | "step" | "cosine", warmupEpochs = 0) => ({ optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 1 }, schedule: { kind, warmupEpochs } });
  expect([0, 0.5, 1].map((at) => learningRateAt(recipe("cosine"), at, 10 * at))).toEqual([1, expect.closeTo(0.5, 10), expect.closeTo(0, 10)]);
  expect([0.4, 0.6, 0.8].map((at) => learningRateAt(recipe("step"), at, 10 * at))).toEqual([1, 0.1, expect.closeTo(0.01, 10)]);
  expect(learningRateAt(recipe("constant", 2), 0.05, 0.5)).toBe(0.25);
});
