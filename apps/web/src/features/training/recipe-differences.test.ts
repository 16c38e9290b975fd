import { expect, test } from "vitest";
import { trainingRecipeSchema } from "@flotilla/fleet";
import { commonCount, pathWords, recipeDifferences, withoutTeacherId } from "./recipe-differences.ts";

test("only what differs is told, also where one run has nothing", () => {
  const a = { optimizer: { kind: "adam", learningRate: 0.001 }, batchSize: 32, freeze: ["conv1*"], clip: null };
  const b = { optimizer: { kind: "sgd", learningRate: 0.001, momentum: 0.9 }, batchSize: 32, freeze: [], clip: null };
  expect(recipeDifferences([a, b])).toEqual([
    { path: "optimizer.kind", values: ["adam", "sgd"] },
    { path: "freeze", values: ["conv1*", ""] },
    { path: "optimizer.momentum", values: [null, "0.9"] },
  ]);
  expect(commonCount([a, b])).toBe(2);
});

test("equal recipes differ in nothing", () => {
  expect(recipeDifferences([{ a: 1 }, { a: 1 }])).toEqual([]);
});

test("a path is written in words", () => {
  expect(pathWords("optimizer.learningRate")).toBe("optimizer: learning rate");
  expect(pathWords("batchSize")).toBe("batch size");
});

test("how runs were rounded and taught is compared; the teacher's id is left to its name", () => {
  const taught = trainingRecipeSchema.parse({ distillation: { teacherVersionId: "ver_1" }, quantization: {} });
  expect(recipeDifferences([trainingRecipeSchema.parse({}), taught].map(withoutTeacherId))).toEqual([
    { path: "quantization.weightBits", values: [null, "8"] }, { path: "quantization.perChannel", values: [null, "true"] },
    { path: "distillation.temperature", values: [null, "2"] }, { path: "distillation.hardShare", values: [null, "0.3"] },
  ]);
});
