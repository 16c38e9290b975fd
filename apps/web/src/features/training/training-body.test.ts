import { expect, test } from "vitest";
import { digits, net, seedCnn } from "./testing/form-rows.ts";
import { recipeOf, trainingBody } from "./training-body.ts";
import { freshDraft } from "./training-draft.ts";

const draft = freshDraft("template");

test("what is typed becomes a recipe: percents as shares, empty numbers as none, the loss that fits the labels", () => {
  expect(recipeOf({ ...draft, shift: "8", crop: "4", rotate: "8", noise: "2.5", clipNorm: "", patience: "", learningRate: "0,01" }, true, null)).toMatchObject({
    loss: "cross_entropy", optimizer: { kind: "adam", learningRate: 0.01 }, clipNorm: null, patienceEpochs: null, budget: { epochs: 10, minutes: null },
    augmentation: { shift: 0.08, cropPixels: 4, rotateDegrees: 8, noise: 0.025, flip: false },
  });
  expect(recipeOf({ ...draft, budget: "minutes", minutes: "2.5" }, true, null).budget).toEqual({ epochs: null, minutes: 2.5 });
});

test("what only classes have is not said of numbers", () => {
  expect(recipeOf({ ...draft, labelSmoothing: "0.1", balanced: true }, false, null)).toMatchObject({ loss: "mean_squared_error", labelSmoothing: 0, classWeights: "none" });
});

test("a run starts from a template with a name, or from a version with what is frozen", () => {
  expect(trainingBody({ ...draft, modelName: " digits " }, { dataset: digits, template: seedCnn, preset: "small", version: null, teacher: null })).toMatchObject({ datasetVersionId: "dsv_1", template: { id: "seed-cnn", preset: "small" }, modelName: "digits" });
  const tuned = trainingBody({ ...freshDraft("version"), freeze: "up_to", freezeUpTo: "conv2" }, { dataset: digits, template: null, preset: null, version: net, teacher: null });
  expect(tuned).toMatchObject({ versionId: "ver_1", freezeUpTo: "conv2" });
  expect(tuned).not.toHaveProperty("modelName");
});

test("an outside runner gets the name of its script and its parameters, and no recipe of ours", () => {
  const outside = { ...freshDraft("outside"), script: " train.py ", modelName: "digits", parameters: '{"epochs": 3}' };
  expect(trainingBody(outside, { dataset: digits, template: null, preset: null, version: null, teacher: null })).toEqual({ datasetVersionId: "dsv_1", modelName: "digits", outside: { script: "train.py", parameters: { epochs: 3 } } });
});

test("rounding is said of versions only, a teacher with its share of the loss; what is off is not in the recipe", () => {
  const rounded = { ...freshDraft("version"), rounding: "w4a8" as const, perChannel: false };
  expect(recipeOf(rounded, true, null)).toMatchObject({ quantization: { weightBits: 4, perChannel: false } });
  expect(recipeOf({ ...rounded, start: "template" }, true, null)).not.toHaveProperty("quantization");
  expect(recipeOf({ ...draft, teaches: true, temperature: "3", labelShare: "25" }, true, "ver_1")).toMatchObject({ distillation: { teacherVersionId: "ver_1", temperature: 3, hardShare: 0.25 } });
  expect(recipeOf(draft, true, "ver_1")).not.toHaveProperty("distillation");
});
