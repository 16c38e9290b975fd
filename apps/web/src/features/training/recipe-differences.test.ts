import { expect, test } from "vitest";
import { commonCount, pathWords, recipeDifferences } from "./recipe-differences.ts";

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
