import { seededRandom } from "@flotilla/runtime";
import { writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { DEFAULT_RECIPE, type TrainingRecipe } from "../recipe.ts";
import { buildTemplate } from "../templates/template.ts";
import type { TrainingPoint } from "./epoch-numbers.ts";
import { train, type TrainingContext } from "./train.ts";
import type { ExampleSource, TrainingSource } from "./training-source.ts";

const CLASSES = 3;

/** Points around three centres in the plane: any network should tell them apart. */
function clouds(count: number, seed: number): ExampleSource {
  const random = seededRandom(seed);
  const examples = Array.from({ length: count }, (_, i) => {
    const label = i % CLASSES;
    const angle = (2 * Math.PI * label) / CLASSES;
    return { label, data: Float32Array.of(Math.cos(angle) + 0.4 * (random() - 0.5), Math.sin(angle) + 0.4 * (random() - 0.5)) };
  });
  return { count, read: async (index) => ({ label: examples[index]?.label ?? 0, feeds: { input: { elementType: "float32", shape: [1, 2], data: examples[index]?.data ?? new Float32Array(2) } } }) };
}

const SOURCE: TrainingSource = { train: clouds(90, 1), validation: clouds(30, 2) };
const network = (): OnnxModel => buildTemplate("mlp", "small", { input: [2], answers: CLASSES, isClassifier: true }, 3);
const recipe = (some: Partial<TrainingRecipe> = {}): TrainingRecipe => ({ ...DEFAULT_RECIPE, batchSize: 8, budget: { epochs: 6, minutes: null }, optimizer: { ...DEFAULT_RECIPE.optimizer, learningRate: 0.02 }, ...some });

type Heard = { points: TrainingPoint[]; checkpoints: Uint8Array[] };

function listening(some: Partial<TrainingContext> = {}): Heard & { context: TrainingContext } {
  const heard: Heard = { points: [], checkpoints: [] };
  const context: TrainingContext = {
    threads: 1, signal: new AbortController().signal,
    onPoints: (points) => void heard.points.push(...points),
    onCheckpoint: async (bytes) => void heard.checkpoints.push(bytes),
    ...some,
  };
  return { ...heard, context };
}

/** All but what a clock says. */
const curveOf = (points: readonly TrainingPoint[]): TrainingPoint[] => points.filter(({ name }) => name !== "examples/s");

test("a network learns what can be learnt, and the model that comes out is an inference graph for any batch", async () => {
  const { context, points } = listening();
  const result = await train(network(), SOURCE, recipe(), context);
  expect(result).toMatchObject({ epochs: 6, stoppedBy: "epochs", steps: 6 * 11, validation: { n: 30, accuracy: 1 } });
  const losses = points.filter(({ name }) => name === "train loss").map(({ value }) => value);
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
  expect(new Set(points.map(({ name }) => name))).toEqual(new Set(["train loss", "train accuracy", "learning rate", "gradient norm", "validation loss", "validation accuracy", "examples/s"]));
  expect(result.model.graph.inputs[0]?.type).toMatchObject({ shape: [{ kind: "param" }, { value: 2 }] });
});

test("the same recipe gives the same bytes, another seed others", async () => {
  const bytes = async (some: Partial<TrainingRecipe> = {}): Promise<string> => Buffer.from(writeOnnx((await train(network(), SOURCE, recipe(some), listening().context)).model)).toString("base64");
  const first = await bytes();
  expect(await bytes()).toBe(first);
  expect(await bytes({ seed: 2 })).not.toBe(first);
});

test.each([1, 3, 5])("going on from the checkpoint after epoch %i gives the curve and the weights of going through", async (epoch) => {
  for (const some of [{}, { emaDecay: 0.9, accumulation: 2, augmentation: { ...DEFAULT_RECIPE.augmentation, noise: 0.05, mixup: 0.2 }, optimizer: { ...recipe().optimizer, kind: "sgd" as const, weightDecay: 0.001 } }]) {
    const through = listening();
    const whole = await train(network(), SOURCE, recipe(some), through.context);
    const again = listening({ checkpoint: through.checkpoints[epoch - 1] ?? new Uint8Array() });
    const rest = await train(network(), SOURCE, recipe(some), again.context);
    expect(Buffer.from(writeOnnx(rest.model)).equals(Buffer.from(writeOnnx(whole.model)))).toBe(true);
    const later = again.points.length === 0 ? [] : curveOf(through.points).filter(({ step }) => step > epoch * (whole.steps / whole.epochs));
    expect(curveOf(again.points)).toEqual(later);
    expect(again.points.length).toBeGreaterThan(0);
  }
});

test("a checkpoint with one wrong byte, and one of another training, are refused", async () => {
  const { context, checkpoints } = listening();
  await train(network(), SOURCE, recipe({ budget: { epochs: 1, minutes: null } }), context);
  const [checkpoint = new Uint8Array()] = checkpoints;
  const broken = Uint8Array.from(checkpoint);
  broken[broken.length >> 1] = (broken[broken.length >> 1] ?? 0) ^ 1;
  await expect(train(network(), SOURCE, recipe(), listening({ checkpoint: broken }).context)).rejects.toMatchObject({ code: "checkpoint_unreadable" });
  await expect(train(network(), SOURCE, recipe(), listening({ checkpoint: checkpoint.subarray(0, 40) }).context)).rejects.toMatchObject({ code: "checkpoint_unreadable" });
  await expect(train(network(), SOURCE, recipe({ seed: 9 }), listening({ checkpoint }).context)).rejects.toMatchObject({ code: "checkpoint_of_another_training" });
});

test("frozen weights stay as they are, bit for bit, and the others do not", async () => {
  const before = network();
  const { model } = await train(before, SOURCE, recipe({ freeze: ["dense_1/*"] }), listening().context);
  const bytes = (from: OnnxModel, name: string): string => Buffer.from(from.graph.initializers.find((tensor) => tensor.name === name)?.data as Uint8Array).toString("hex");
  expect(bytes(model, "dense_1/kernel")).toBe(bytes(before, "dense_1/kernel"));
  expect(bytes(model, "dense_2/kernel")).not.toBe(bytes(before, "dense_2/kernel"));
  await expect(train(before, SOURCE, recipe({ freeze: ["*"] }), listening().context)).rejects.toMatchObject({ code: "nothing_to_train" });
});

test("who says stop gets the best so far; who cancels gets nothing", async () => {
  let asked = 0;
  const stopped = await train(network(), SOURCE, recipe({ budget: { epochs: 1_000, minutes: null } }), listening({ shouldStop: () => (asked += 1) > 30 }).context);
  expect(stopped).toMatchObject({ stoppedBy: "person", epochs: 3, steps: 30 });
  const cancel = new AbortController();
  const cancelled = train(network(), SOURCE, recipe({ budget: { epochs: 1_000, minutes: null } }), listening({ signal: cancel.signal, onPoints: () => cancel.abort(new Error("cancelled")) }).context);
  await expect(cancelled).rejects.toThrow("cancelled");
});

test("a training that gets no better ends early, with the best weights", async () => {
  const result = await train(network(), SOURCE, recipe({ budget: { epochs: 500, minutes: null }, patienceEpochs: 3 }), listening().context);
  expect(result.stoppedBy).toBe("early_stopping");
  expect(result.epochs).toBe((result.best?.epoch ?? 0) + 3);
  expect(result.validation?.accuracy).toBe(result.best?.value);
});

test("a training that runs away ends with what to do about it", async () => {
  const wild = recipe({ loss: "mean_squared_error", optimizer: { ...recipe().optimizer, kind: "sgd", learningRate: 1e6 } });
  const raw = buildTemplate("mlp", "small", { input: [2], answers: CLASSES, isClassifier: false }, 3);
  await expect(train(raw, SOURCE, wild, listening().context)).rejects.toMatchObject({ code: "training_diverged", reason: expect.stringContaining("lower learning rate") });
});

test("examples that do not fit the model are told, with numbers", async () => {
  const wide: TrainingSource = { ...SOURCE, train: { count: 8, read: async () => ({ label: 0, feeds: { input: { elementType: "float32", shape: [1, 3], data: new Float32Array(3) } } }) } };
  await expect(train(network(), wide, recipe(), listening().context)).rejects.toMatchObject({ code: "examples_do_not_fit", reason: expect.stringContaining("3 values") });
  const many: TrainingSource = { ...SOURCE, train: { count: 8, read: async () => ({ label: 7, feeds: { input: { elementType: "float32", shape: [1, 2], data: new Float32Array(2) } } }) } };
  await expect(train(network(), many, recipe(), listening().context)).rejects.toMatchObject({ code: "examples_do_not_fit", reason: expect.stringContaining("class 8") });
});
