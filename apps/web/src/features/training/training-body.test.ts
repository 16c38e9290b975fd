import { expect, test } from "vitest";
import { recipeOf } from "./training-body.ts";
import { freshDraft } from "./training-draft.ts";

const draft = freshDraft("template");

test("what is typed becomes a recipe: percents as shares, empty numbers as none, the loss that fits the labels", () => {
  expect(recipeOf({ ...draft, shift: "8", rotate: "8", noise: "2.5", clipNorm: "", patience: "", learningRate: "0,01" }, "classification")).toMatchObject({
    loss: "cross_entropy", optimizer: { kind: "adam", learningRate: 0.01 }, clipNorm: null, patienceEpochs: null, budget: { epochs: 10, minutes: null },
    augmentation: { shift: 0.08, rotateDegrees: 8, noise: 0.025, flip: false },
  });
  expect(recipeOf({ ...draft, budget: "minutes", minutes: "2.5" }, "classification").budget).toEqual({ epochs: null, minutes: 2.5 });
});

test("what only classes have is not said of numbers", () => {
  expect(recipeOf({ ...draft, labelSmoothing: "0.1", balanced: true }, "regression")).toMatchObject({ loss: "mean_squared_error", labelSmoothing: 0, classWeights: "none" });
});
