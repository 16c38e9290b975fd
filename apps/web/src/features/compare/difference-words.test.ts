import { expect, test } from "vitest";
import { accuracyFinding, accuracyNote, latencyFinding, latencyNote } from "./difference-words.ts";

test("a difference whose interval holds none is said to be within noise, and only then", () => {
  expect(accuracyFinding({ ci95: [-0.01, 0.002] })).toBe("noise");
  expect(accuracyFinding({ ci95: [0, 0.002] })).toBe("noise");
  expect(accuracyFinding({ ci95: [-0.01, -0.002] })).toBe("worse");
  expect(accuracyFinding({ ci95: [0.001, 0.002] })).toBe("better");
  expect(latencyFinding([0.98, 1.01])).toBe("noise");
  expect(latencyFinding([0.5, 0.6])).toBe("better");
  expect(latencyFinding([1.5, 1.6])).toBe("worse");
});

test("the interval, the number of examples and what was won and lost stand with a difference", () => {
  const difference = { n: 1000, value: -0.003, ci95: [-0.008, 0.001] as [number, number], gained: 2, lost: 5, pValue: 0.3, agreement: 0.99, worstClass: null, method: "paired" };
  expect(accuracyNote(difference)).toBe("within noise: 95 % from −0.80 to +0.10 pp, n = 1,000, 2 won, 5 lost");
});

test("a ratio of two separate medians claims no certainty", () => {
  const delta = { sizeRatio: 1, latencyRatio: 0.5, latencyRatioCi95: null, memoryRatio: null, accuracy: null };
  expect(latencyFinding(null)).toBeNull();
  expect(latencyNote(delta)).toContain("without an interval");
  expect(latencyNote({ ...delta, latencyRatioCi95: [0.48, 0.53] })).toBe("more than noise: 95 % between 0.48 and 0.53 ×, run in turns with the baseline");
  expect(latencyNote({ ...delta, latencyRatio: null })).toBe("not measured alike");
});
