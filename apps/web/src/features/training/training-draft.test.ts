import { expect, test } from "vitest";
import { freshDraft, learnsClasses, numberIn, numberProblem, trainingDoubts, trainingProblem, type Chosen } from "./training-draft.ts";
import { digits, net, seedCnn } from "./testing/form-rows.ts";

const ready: Chosen = { dataset: digits, template: seedCnn, preset: "small", version: null, teacher: null };
const draft = { ...freshDraft("template"), modelName: "digits" };

test("what is missing is asked for in the order of the form, in sentences", () => {
  expect(trainingProblem(draft, { ...ready, dataset: null })).toBe("Choose the examples to learn from.");
  expect(trainingProblem(draft, { ...ready, preset: null })).toBe("Choose a template and its size.");
  expect(trainingProblem({ ...draft, modelName: " " }, ready)).toBe("Say what the model is called.");
  expect(trainingProblem({ ...draft, learningRate: "fast" }, ready)).toBe("The learning rate is a number above 0, for example 0.001.");
  expect(trainingProblem(draft, ready)).toBeNull();
});

test("a version to go on from must be ready, know its input and say where freezing ends", () => {
  const tuning = freshDraft("version");
  expect(trainingProblem(tuning, { ...ready, version: null })).toBe("Choose the model version to go on from.");
  expect(trainingProblem(tuning, { ...ready, version: { ...net, preprocessing: null } })).toContain("under Preprocessing");
  expect(trainingProblem({ ...tuning, freeze: "up_to" }, { ...ready, version: net })).toContain("up to where");
  expect(trainingProblem({ ...tuning, freeze: "up_to", freezeUpTo: "conv3" }, { ...ready, version: net })).toBeNull();
});

test("numbers that what is chosen does not use may be anything", () => {
  expect(trainingProblem({ ...draft, minutes: "?", momentum: "?" }, ready)).toBeNull();
  expect(trainingProblem({ ...draft, budget: "minutes", minutes: "?" }, ready)).toContain("between 0.1 minutes");
  expect(trainingProblem({ ...draft, optimizer: "sgd", momentum: "?" }, ready)).toContain("Momentum");
});

test("a comma is a decimal point, an empty field is none, and an optional one may be empty", () => {
  expect(numberIn({ ...draft, learningRate: "0,01" }, "learningRate")).toBe(0.01);
  expect(numberIn({ ...draft, seed: "" }, "seed")).toBeNull();
  expect(numberProblem({ ...draft, clipNorm: "" }, "clipNorm")).toBeNull();
  expect(numberProblem({ ...draft, batchSize: "1.5" }, "batchSize")).toContain("1 to 4,096");
});

test("doubts are told, not forbidden", () => {
  const small = { ...digits, summary: digits.summary === null ? null : { ...digits.summary, counts: { train: 10, calibration: 0, validation: 0, test: 0 } } };
  expect(trainingDoubts(draft, { ...ready, dataset: small })).toHaveLength(2);
  expect(trainingDoubts(draft, ready)).toEqual([]);
  expect(trainingDoubts(freshDraft("version"), { ...ready, version: { ...net, inspection: net.inspection === null ? null : { ...net.inspection, outputs: [{ name: "y", elementType: "float32", shape: ["batch", 7] }] } } })).toEqual(["The model answers 7 classes, the dataset has 2."]);
});

test("a template says itself whether it learns classes: an autoencoder of labelled pictures does not", () => {
  expect(learnsClasses(draft, ready)).toBe(true);
  expect(learnsClasses(draft, { ...ready, template: { ...seedCnn, isClassifier: false } })).toBe(false);
  expect(learnsClasses(freshDraft("version"), { ...ready, template: null, version: net })).toBe(true);
});

test("for an outside runner only script, name and parameters are asked", () => {
  const outside = { ...freshDraft("outside"), script: "train.py", modelName: "digits", epochs: "?" };
  expect(trainingProblem({ ...outside, script: "" }, ready)).toContain("which script");
  expect(trainingProblem({ ...outside, parameters: "[1]" }, ready)).toContain("JSON object");
  expect(trainingProblem(outside, ready)).toBeNull();
});

test("a teacher must be chosen, ready and know its input; only classes are taught, and what is rounded is not frozen", () => {
  const taught = { ...draft, teaches: true };
  expect(trainingProblem(taught, ready)).toBe("Choose the version to learn from.");
  expect(trainingProblem(taught, { ...ready, teacher: { ...net, state: "validating" } })).toContain("is validating");
  expect(trainingProblem(taught, { ...ready, teacher: { ...net, preprocessing: null } })).toContain("under Preprocessing");
  expect(trainingProblem({ ...taught, loss: "huber" }, { ...ready, teacher: net })).toContain("tells classes apart");
  expect(trainingProblem({ ...taught, temperature: "0" }, { ...ready, teacher: net })).toContain("temperature");
  expect(trainingProblem(taught, { ...ready, teacher: net })).toBeNull();
  expect(trainingProblem({ ...draft, temperature: "?" }, ready)).toBeNull();
  expect(trainingProblem({ ...freshDraft("version"), rounding: "int8", freeze: "up_to", freezeUpTo: "conv3" }, { ...ready, version: net })).toContain("all weights");
  expect(trainingDoubts(taught, { ...ready, teacher: { ...net, inspection: net.inspection === null ? null : { ...net.inspection, outputs: [{ name: "y", elementType: "float32", shape: [1, 9] }] } } })).toEqual(["The version to learn from answers 9 classes, the dataset has 2."]);
});
