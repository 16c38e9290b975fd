import { openModel, seededRandom, type Tensor } from "@flotilla/runtime";
import { checkModel, tensorNumbers, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { isLearnt } from "../loop/freeze.ts";
import { train, type TrainingContext } from "../loop/train.ts";
import type { ExampleSource } from "../loop/training-source.ts";
import { validate } from "../loop/validate.ts";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { buildTrainingStep, type TrainingStep } from "../step/training-step.ts";
import { buildTemplate } from "../templates/template.ts";
import { quantizeForTraining, type QuantizationForTraining } from "./quantize-for-training.ts";
import { storeQuantized } from "./store-quantized.ts";

const context: TrainingContext = { threads: 1, signal: new AbortController().signal, onPoints: () => undefined, onCheckpoint: () => Promise.resolve() };

const SIDE = 18;

/** Bars that lie, stand or lean, in noise. */
function bars(count: number, seed: number): ExampleSource {
  const random = seededRandom(seed);
  const examples = Array.from({ length: count }, (_, i) => {
    const [label, at] = [i % 3, 4 + Math.floor(10 * random())];
    const isOn = (x: number, y: number): boolean => (label === 0 ? y === at : label === 1 ? x === at : (x + y) % SIDE === at);
    return { label, data: Float32Array.from({ length: SIDE * SIDE }, (__, j) => (isOn(j % SIDE, Math.floor(j / SIDE)) ? 1 : 0) + 0.3 * random()) };
  });
  return { count, read: (index) => Promise.resolve({ label: examples[index]?.label ?? 0, feeds: { input: { elementType: "float32", shape: [1, 1, SIDE, SIDE], data: examples[index]?.data ?? new Float32Array() } } }) };
}

const [LEARNT, VALIDATION] = [bars(192, 1), bars(96, 2)];
const SOURCE = { train: LEARNT, validation: VALIDATION };
const recipe = (some: Partial<TrainingRecipe> = {}): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 16, budget: { epochs: 3, minutes: null }, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.003 }, ...some });
const network = (): OnnxModel => buildTemplate("cnn", "small", { input: [1, SIDE, SIDE], answers: 3, isClassifier: true }, 3);
const rightShare = async (model: OnnxModel): Promise<number> => (await validate(model, VALIDATION, { loss: "cross_entropy", threads: 1, signal: context.signal })).accuracy ?? 0;

async function answersOf(model: OnnxModel): Promise<number[]> {
  const open = await openModel(writeOnnx(model), { graphOptimization: "disabled" });
  const answers: number[] = [];
  for (let index = 0; index < 8; index += 1) answers.push(...((await open.run((await VALIDATION.read(index)).feeds))["output"] as Tensor).data as Float32Array);
  await open.close();
  return answers;
}

const integers = (model: OnnxModel): number[][] => model.graph.initializers.filter(({ elementType, dims }) => elementType === "int8" && dims.length > 1).map((tensor) => [...tensorNumbers(tensor)]);

const KINDS: readonly QuantizationForTraining[] = ([8, 4, 3] as const).flatMap((weightBits) => [false, true].map((perChannel) => ({ weightBits, perChannel })));

test.each(KINDS)("with $weightBits bits, per channel $perChannel, the stored integers compute what the training computed, to the last bit", async (kind) => {
  const rounded = await quantizeForTraining(network(), LEARNT, kind, context);
  const { model } = await train(rounded, SOURCE, recipe({ batchSize: 32, budget: { epochs: 1, minutes: null } }), context);
  const stored = await storeQuantized(model);
  expect(checkModel(stored).filter(({ severity }) => severity === "error")).toEqual([]);
  expect(await answersOf(stored)).toEqual(await answersOf(model));
  const largest = 2 ** (kind.weightBits - 1) - 1;
  expect(integers(stored)).toHaveLength(5);
  for (const values of integers(stored)) expect(Math.max(...values.map(Math.abs))).toBe(largest);
  expect(stored.graph.initializers.some(({ name }) => name === "conv_1/kernel")).toBe(false);
});

test("convolutions with rounded weights are computed as quickly as others: together with their pools, or as a product", async () => {
  const rounded = await quantizeForTraining(network(), LEARNT, { weightBits: 4, perChannel: false }, context);
  const [before, after] = await Promise.all([network(), rounded].map((model) => buildTrainingStep(model, { batchSize: 8, recipe: recipe(), trainable: isLearnt([]) })));
  const count = (step: TrainingStep | undefined, opType: string): number | undefined => step?.model.graph.nodes.filter((node) => node.opType === opType).length;
  for (const opType of ["Conv", "MaxPool", "MaxUnpool", "ConvTranspose", "Gemm"]) expect([opType, count(after, opType)]).toEqual([opType, count(before, opType)]);
  expect(count(after, "Conv")).toBe(0);
});

test("a network that rounding spoiled learns to live with it, from labels and from its own answers in float", async () => {
  const longer = recipe({ batchSize: 8, budget: { epochs: 8, minutes: null }, patienceEpochs: null });
  const teacher = (await train(network(), SOURCE, longer, context)).model;
  const rounded = await quantizeForTraining(teacher, LEARNT, { weightBits: 3, perChannel: false }, context);
  const [before, spoiled] = [await rightShare(teacher), await rightShare(rounded)];
  const fromLabels = await train(rounded, SOURCE, longer, context);
  const fromTeacher = await train(rounded, SOURCE, { ...longer, distillation: { temperature: 2, hardShare: 0 } }, { ...context, teacher });
  const after = await Promise.all([fromLabels, fromTeacher].map(async ({ model }) => rightShare(await storeQuantized(model))));
  expect(spoiled).toBeLessThan(before);
  for (const share of after) expect(share).toBeGreaterThanOrEqual(before - 0.2 * (before - spoiled));
});

test("a model without a layer for integers is told so", async () => {
  const model = network();
  model.graph.nodes = model.graph.nodes.filter(({ opType }) => opType === "Relu");
  await expect(quantizeForTraining(model, LEARNT, { weightBits: 8, perChannel: true }, context)).rejects.toMatchObject({ code: "nothing_to_train" });
});
