import { seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { train } from "../loop/train.ts";
import type { ExampleSource } from "../loop/training-source.ts";
import { validate } from "../loop/validate.ts";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { buildTemplate } from "../templates/template.ts";

const [SIDE, CLASSES, NEW_CLASS] = [18, 3, 2];
const context = { threads: 1, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };

/** Bars that lie, stand or lean, of the classes that are asked for. */
function bars(count: number, seed: number, classes: number): ExampleSource {
  const random = seededRandom(seed);
  const examples = Array.from({ length: count }, (_, i) => {
    const [label, at] = [i % classes, 4 + Math.floor(10 * random())];
    const isOn = (x: number, y: number): boolean => (label === 0 ? y === at : label === 1 ? x === at : (x + y) % SIDE === at);
    return { label, data: Float32Array.from({ length: SIDE * SIDE }, (__, j) => (isOn(j % SIDE, Math.floor(j / SIDE)) ? 1 : 0) + 0.2 * random()) };
  });
  return { count, read: (index) => Promise.resolve({ label: examples[index]?.label ?? 0, feeds: { input: { elementType: "float32", shape: [1, 1, SIDE, SIDE], data: examples[index]?.data ?? new Float32Array() } } }) };
}

const recipe = (some: Partial<TrainingRecipe>): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 16, patienceEpochs: null, budget: { epochs: 6, minutes: null }, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.003 }, ...some });
const bytesOf = (model: OnnxModel): Map<string, string> => new Map(model.graph.initializers.map(({ name, data }) => [name, Buffer.from(data as Uint8Array).toString("hex")]));

test("a network learns a class that it never saw, with its convolutions frozen to the last bit", async () => {
  const test = bars(96, 2, CLASSES);
  const found = (model: OnnxModel) => validate(model, test, { loss: "cross_entropy", threads: 1, signal: context.signal });
  const network = buildTemplate("cnn", "small", { input: [1, SIDE, SIDE], answers: CLASSES, isClassifier: true }, 3);
  const known = (await train(network, { train: bars(128, 1, NEW_CLASS), validation: null }, recipe({}), context)).model;
  const further = (await train(known, { train: bars(192, 4, CLASSES), validation: null }, recipe({ freeze: ["conv_*"] }), context)).model;
  const [before, after] = [await found(known), await found(further)];
  expect(before.confusion?.[NEW_CLASS]?.[NEW_CLASS]).toBe(0);
  expect(after.confusion?.[NEW_CLASS]?.[NEW_CLASS]).toBeGreaterThan(24);
  expect(after.accuracy).toBeGreaterThan((before.accuracy ?? 1) + 0.2);
  const [was, is] = [bytesOf(known), bytesOf(further)];
  for (const [name, bytes] of was) if (/kernel|bias/.test(name)) expect([name, is.get(name) === bytes]).toEqual([name, name.startsWith("conv_")]);
});
