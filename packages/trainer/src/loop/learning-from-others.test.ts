import { seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { buildTemplate } from "../templates/template.ts";
import { train, type TrainingContext } from "./train.ts";
import type { ExampleSource } from "./training-source.ts";

/** Points in the plane, by the quarter they lie in; none is near an axis. */
function quarters(count: number, seed: number, labelled: boolean): ExampleSource {
  const random = seededRandom(seed);
  const away = (): number => (random() < 0.5 ? -1 : 1) * (0.4 + 1.6 * random());
  const points = Array.from({ length: count }, () => Float32Array.of(away(), away()));
  const quarterOf = ([x = 0, y = 0]: Float32Array): number => (x > 0 ? 1 : 0) + (y > 0 ? 2 : 0);
  return { count, read: (index) => { const data = points[index] ?? new Float32Array(2); return Promise.resolve({ label: labelled ? quarterOf(data) : 0, feeds: { input: { elementType: "float32", shape: [1, 2], data } } }); } };
}

const network = (seed: number, answers: number, isClassifier: boolean): OnnxModel => buildTemplate("mlp", "small", { input: [2], answers, isClassifier }, seed);
const recipe = (some: Partial<TrainingRecipe>): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 16, budget: { epochs: 15, minutes: null }, patienceEpochs: null, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.01 }, ...some });
const context = (some: Partial<TrainingContext> = {}): TrainingContext => ({ threads: 1, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve(), ...some });
const validation = quarters(200, 2, true);

test("a network learns from another one's answers alone, with labels that are all wrong", async () => {
  const teacher = (await train(network(1, 4, true), { train: quarters(256, 1, true), validation }, recipe({}), context())).model;
  const distillation = { temperature: 2, hardShare: 0 };
  const learnt = await train(network(9, 4, true), { train: quarters(256, 3, false), validation }, recipe({ distillation, budget: { epochs: 15, minutes: null } }), context({ teacher }));
  const unaided = await train(network(9, 4, true), { train: quarters(256, 3, false), validation }, recipe({}), context());
  expect(learnt.validation?.accuracy).toBeGreaterThan(0.9);
  expect(unaided.validation?.accuracy).toBeLessThan(0.5);
});

test("without the other model, or with one that answers other classes, it says so", async () => {
  const source = { train: quarters(32, 3, true), validation: null };
  const distillation = { temperature: 2, hardShare: 0.5 };
  await expect(train(network(1, 4, true), source, recipe({ distillation }), context())).rejects.toMatchObject({ code: "teacher_does_not_fit" });
  await expect(train(network(1, 4, true), source, recipe({ distillation }), context({ teacher: network(2, 3, true) }))).rejects.toMatchObject({ code: "teacher_does_not_fit", reason: expect.stringContaining("3 numbers") });
});

test("with triplets examples are nearer to their class than to each one of another, by about the margin", async () => {
  const source = { train: quarters(256, 1, true), validation };
  const { validation: found } = await train(network(5, 2, false), source, recipe({ loss: "triplet", batchSize: 32 }), context());
  expect(found).toMatchObject({ n: 200, accuracy: null, confusion: null });
  // Answers that are all the same would have a loss of 1, the margin.
  expect(found?.loss).toBeLessThan(0.1);
});
