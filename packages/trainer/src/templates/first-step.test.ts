import { seededRandom } from "@flotilla/runtime";
import { expect, test } from "vitest";
import { Batches } from "../loop/batches.ts";
import { isLearnt } from "../loop/freeze.ts";
import { StepRunner } from "../loop/step-runner.ts";
import { freshState } from "../loop/training-state.ts";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { buildTrainingStep } from "../step/training-step.ts";
import { buildTemplate, listTemplates, type TrainingTemplate } from "./template.ts";

const [BATCH, CLASSES] = [8, 3];
/** Share of the loss that a step would take away, were the slope the same all the way. */
const LOWERED = 0.002;

/** Examples of each kind of which a class says what they are: bars that lie, stand or lean; tones; sums of a table's columns. */
const KINDS: Readonly<Record<TrainingTemplate["suits"], { readonly input: readonly number[]; readonly valueAt: (place: number, label: number) => number }>> = {
  images: { input: [1, 25, 26], valueAt: (i, label) => { const [x, y] = [i % 26, Math.floor(i / 26)]; return (label === 0 ? y : label === 1 ? x : x + y) % 6 < 2 ? 1 : 0; } },
  table: { input: [12], valueAt: (i, label) => (i % CLASSES === label ? 1 : 0) },
  audio: { input: [4_000], valueAt: (i, label) => 0.5 * Math.sin(i * 0.1 * (label + 1)) },
  series: { input: [2, 64], valueAt: (i, label) => Math.sin((i % 64) * 0.2 * (label + 1)) },
};

async function batchOf({ suits, learnsItsInput = false }: TrainingTemplate, names: readonly { readonly name: string; readonly dims: readonly number[] }[], answers: number, recipe: TrainingRecipe) {
  const { input, valueAt } = KINDS[suits];
  const random = seededRandom(4);
  const examples = Array.from({ length: BATCH }, (_, index) => {
    const label = index % CLASSES;
    const data = Float32Array.from({ length: input.reduce((a, b) => a * b, 1) }, (__, i) => valueAt(i, label) + 0.2 * random());
    return { label, feeds: { input: { elementType: "float32" as const, shape: [1, ...input], data } }, ...(learnsItsInput ? { target: [...data] } : {}) };
  });
  const source = { count: BATCH, read: (index: number) => Promise.resolve(examples[index] ?? { label: null, feeds: {} }) };
  return new Batches(source, { batchSize: BATCH, inputs: names, answers }, recipe, []).read([...examples.keys()], 0);
}

test.each(listTemplates().map((template) => [template.id, template] as const))("one step along the gradient lowers the loss of %s on examples of its kind, by as much as its slope says", async (id, template) => {
  const isClassifier = template.learnsItsInput !== true;
  const recipe: TrainingRecipe = { ...DEFAULT_RECIPE, batchSize: BATCH, loss: isClassifier ? "cross_entropy" : "mean_squared_error", optimizer: { ...DEFAULT_RECIPE.optimizer, kind: "sgd", momentum: 0 } };
  const model = buildTemplate(id, "small", { input: KINDS[template.suits].input, answers: CLASSES, isClassifier }, 2);
  const step = await buildTrainingStep(model, { batchSize: BATCH, recipe, trainable: isLearnt([]) });
  const batch = await batchOf(template, step.inputs.map(({ name, type }) => ({ name, dims: type.dims })), step.answers[1] ?? 1, recipe);
  const runner = await StepRunner.open(step, recipe, 1);
  const state = freshState(step, recipe);
  const before = await runner.take(state, [batch], 0);
  const rate = (LOWERED * before.loss) / before.gradientNorm ** 2;
  await runner.take(state, [batch], rate);
  const after = await runner.take(state, [batch], 0);
  await runner.close();
  const lowered = (before.loss - after.loss) / (LOWERED * before.loss);
  expect(lowered).toBeGreaterThan(0.9);
  expect(lowered).toBeLessThan(1.1);
});
