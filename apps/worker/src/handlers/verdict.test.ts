import type { Goal, PairedDifference } from "@flotilla/fleet";
import { expect, test } from "vitest";
import { conclude, judge, type Evidence } from "./verdict.ts";

const goal: Goal = { objective: "latency", maxAccuracyDropPoints: 0.5, safeOnEveryCpu: false };
const drop = (value: number): PairedDifference => ({ n: 10_000, value, ci95: [value - 0.002, value + 0.002], gained: 0, lost: 0, pValue: 1, agreement: 1, worstClass: null, method: "" });
const evidence: Evidence = {
  label: "int8", bytes: 1_300_000, parentBytes: 4_700_000, accuracy: drop(-0.001), agreement: { n: 10_000, top1: 0.99, isOfRealInputs: true },
  parentMs: { p50: 5, p95: 5.5 }, candidateMs: { p50: 2, p95: 2.2 }, ratio: { median: 0.4, low: 0.39, high: 0.41, pairs: 300 },
  saturation: null, usesIntegers: true, isExact: false,
};
const slower: Evidence = { ...evidence, parentMs: { p50: 0.027, p95: 0.03 }, candidateMs: { p50: 0.045, p95: 0.05 }, ratio: { median: 1.67, low: 1.6, high: 1.7, pairs: 300 } };

test("what gains and keeps its limits is offered", () => {
  expect(judge(goal, evidence)).toMatchObject({ verdict: "helps", sentence: expect.stringContaining("2.5 × faster") as unknown });
});

test("a slower variant is not offered for speed, with both times; for size it is, and its sentence does not hide the speed", () => {
  expect(judge(goal, slower)).toMatchObject({ verdict: "no_help", sentence: expect.stringMatching(/1.7 × slower on this model: 45 µs against 27 µs/) as unknown });
  expect(judge({ ...goal, objective: "size" }, slower)).toMatchObject({ verdict: "helps", sentence: expect.stringContaining("1.7 × slower") as unknown });
});

test.each([
  ["too much accuracy is lost", goal, { accuracy: drop(-0.02) }, "beyond the limit"],
  ["there were no examples", goal, { accuracy: null, agreement: { n: 32, top1: 1, isOfRealInputs: false } }, "was not measured"],
  ["without labels too many answers changed", goal, { accuracy: null }, "changes the class of 1.00 %"],
  ["it is too slow for the limit", { ...goal, maxLatencyMsP95: 2 }, {}, "over the limit"],
  ["it is too large for the limit", { ...goal, maxSizeBytes: 1_000_000 }, {}, "over the limit"],
  ["nobody knows whether it saturates", { ...goal, safeOnEveryCpu: true }, {}, "is not known"],
  ["it saturates", { ...goal, safeOnEveryCpu: true }, { saturation: { saturatedNodes: 2, agreement: null, accuracy: null, sentence: "", method: "" } }, "saturates in 2 layers"],
] satisfies [string, Goal, Partial<Evidence>, string][])("it is kept back when %s", (_why, wish, changes, words) => {
  const judged = judge(wish, { ...evidence, ...changes });
  expect(judged.verdict).toBe("no_help");
  expect(judged.sentence).toContain(words);
});

test("what only rounds needs no examples to be trusted", () => {
  expect(judge(goal, { ...evidence, accuracy: null, agreement: { n: 32, top1: null, isOfRealInputs: false }, isExact: true }).verdict).toBe("helps");
});

test("the conclusion tells the best by the goal's objective, or that nothing helps with every reason", () => {
  const result = (label: string, bytes: number, verdict: "helps" | "no_help") => ({ verdict, sentence: `${label} is so.`, evidence: { ...evidence, label, bytes } });
  expect(conclude({ ...goal, objective: "size" }, [result("a", 300, "helps"), result("b", 200, "helps"), result("c", 100, "no_help")])).toBe("B is so. It is the smallest of 2 that help.");
  expect(conclude(goal, [result("a", 300, "no_help"), result("b", 200, "no_help")])).toBe("Nothing helps. a is so. b is so.");
});
