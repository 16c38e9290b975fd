import { expect, test } from "vitest";
import { keepsBudget } from "./budget.ts";

const version = { sizeBytes: 100, accuracy: { value: 0.9, n: 10, ci95: [0.8, 0.95] as [number, number], method: "" }, latencyMs: null };
const none = { maxMs: null, minAccuracy: null, maxBytes: null };

test("a limit that needs a number nobody measured is neither kept nor broken, unless another one is broken", () => {
  expect(keepsBudget(version, none)).toBe(true);
  expect(keepsBudget(version, { ...none, maxMs: 5 })).toBeNull();
  expect(keepsBudget(version, { ...none, maxMs: 5, minAccuracy: 0.95 })).toBe(false);
  expect(keepsBudget(version, { ...none, maxBytes: 99 })).toBe(false);
});
