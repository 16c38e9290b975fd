import { kernelMacs, openModel, syntheticFeeds, type Tensor } from "@flotilla/runtime";
import { checkModel, elementCount, inferShapes, writeOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { buildTemplate, describeTemplate, listTemplates, type TemplateOptions } from "./template.ts";
import { TemplateRefusal } from "./template-refusal.ts";

const INPUTS: Readonly<Record<string, readonly number[]>> = { images: [3, 32, 32], table: [12], audio: [16_000], series: [3, 128] };
const CASES = listTemplates().flatMap(({ id, suits, presets, learnsItsInput = false }) => presets.map(({ id: preset }) => ({ id, preset, options: { input: INPUTS[suits] ?? [], answers: 4, isClassifier: !learnsItsInput } satisfies TemplateOptions })));

test.each(CASES)("$id in its size $preset is sound, and answers one example and three with shares of the classes", async ({ id, preset, options }) => {
  const model = buildTemplate(id, preset, options, 7);
  expect(checkModel(model)).toEqual([]);
  const open = await openModel(writeOnnx(model));
  for (const batch of [1, 3]) {
    const feeds = syntheticFeeds(open.inputs.map((spec) => ({ ...spec, shape: [batch, ...options.input] })), 1);
    const found = (await open.run(feeds))["output"] as Tensor;
    expect(found.shape).toEqual([batch, options.isClassifier ? options.answers : elementCount(options.input)]);
    const answers = [...(found.data as Float32Array)];
    expect(answers.every(Number.isFinite)).toBe(true);
    if (options.isClassifier) expect(answers.reduce((sum, share) => sum + share, 0)).toBeCloseTo(batch, 4);
  }
  await open.close();
});

/** By the runtime's own formula, without the matrices of a formula. */
function countedMacs(model: OnnxModel): number {
  const types = inferShapes(model);
  const shape = (name: string): number[] => (types.get(name)?.shape ?? []).map((size) => (typeof size === "number" ? size : 1));
  return model.graph.nodes.filter(({ inputs }) => !(inputs[1] ?? "").startsWith("fixed/"))
    .reduce((sum, { opType, inputs, outputs }) => sum + (kernelMacs({ opType, inputShapes: inputs.map(shape), outputShapes: outputs.map(shape) }) ?? 0), 0);
}

test.each(CASES)("what is said of $id in its size $preset is what its graph holds", ({ id, preset, options }) => {
  const model = buildTemplate(id, preset, options, 1);
  const { parameters, macs } = describeTemplate(id, preset, options);
  expect(macs).toBe(countedMacs(model));
  const learnt = model.graph.initializers.filter(({ name, elementType }) => elementType === "float32" && /\/(?:kernel|bias|gamma|beta)$/.test(name));
  expect(parameters).toBe(learnt.reduce((sum, { dims }) => sum + elementCount(dims), 0));
});

test("the network for digits has the weights and multiplications counted by hand", () => {
  const macs = 26 * 26 * 32 * 9 + 11 * 11 * 64 * 288 + 3 * 3 * 64 * 576 + 576 * 64 + 64 * 10;
  expect(describeTemplate("cnn", "medium", { input: [1, 28, 28], answers: 10, isClassifier: true })).toEqual({ parameters: 93_322, macs });
});

test("the same seed gives the same bytes, another one others", () => {
  const bytes = (seed: number): string => Buffer.from(writeOnnx(buildTemplate("cnn", "small", { input: [1, 28, 28], answers: 10, isClassifier: true }, seed))).toString("base64");
  expect(bytes(5)).toBe(bytes(5));
  expect(bytes(6)).not.toBe(bytes(5));
});

test.each<[string, string, TemplateOptions, string]>([
  ["cnn", "small", { input: [1, 8, 8], answers: 2, isClassifier: true }, "too small"],
  ["cnn", "small", { input: [64], answers: 2, isClassifier: true }, "channels × height × width"],
  ["cnn", "small", { input: [1, 28, 28], answers: 0, isClassifier: true }, "1 to 10000"],
  ["mlp", "small", { input: [2 ** 23], answers: 2, isClassifier: true }, "too large"],
  ["mlp", "small", { input: [0.5], answers: 2, isClassifier: true }, "is none"],
  ["mlp", "huge", { input: [4], answers: 2, isClassifier: true }, "no size"],
  ["image-autoencoder", "small", { input: [64], answers: 64, isClassifier: false }, "channels × height × width"],
  ["ds-cnn", "small", { input: [100], answers: 2, isClassifier: true }, "too few"],
  ["gpt", "small", { input: [4], answers: 2, isClassifier: true }, "no template"],
])("%s in its size %s with %j is refused with a reason", (id, preset, options, reason) => {
  expect(() => buildTemplate(id, preset, options, 1)).toThrow(TemplateRefusal);
  expect(() => describeTemplate(id, preset, options)).toThrow(reason);
});
