import { expect, test } from "vitest";
import type { PairedDifference } from "../numbers/types.ts";
import { concludeOptimization, judge, type Evidence } from "./decide.ts";
import { parseGoal } from "./recipe.ts";

const drop = (value: number): PairedDifference => ({ n: 10_000, value, ci95: [value - 0.002, value + 0.002], gained: 0, lost: 0, pValue: 1, agreement: 1, worstClass: null, method: "" });
const evidence: Evidence = {
  label: "int8 static", bytes: 1_300_000, parentBytes: 4_700_000, accuracy: drop(-0.001), agreement: { value: 0.99, n: 10_000 },
  speed: { ratio: 2.6, ci95: [2.5, 2.7], parentMsP50: 5, msP50: 1.92, msP95: 2.1 }, saturatedNodes: 3, isExact: false,
};
const slower: Evidence = { ...evidence, speed: { ratio: 0.6, ci95: [0.58, 0.62], parentMsP50: 0.027, msP50: 0.045, msP95: 0.05 } };

test("what is smaller, quicker and within the goal is offered with all its numbers", () => {
  expect(judge(parseGoal({}), evidence)).toEqual({
    verdict: "helps",
    sentence: "1.30 MB instead of 4.70 MB, 2.60 × faster (1.92 ms instead of 5.00 ms), accuracy −0.10 points (95 %: −0.30 to +0.10, n = 10,000).",
  });
});

test("a slower variant is not offered for speed, and the sentence says by how much", () => {
  expect(judge(parseGoal({ objective: "latency" }), slower)).toEqual({ verdict: "no_help", sentence: "int8 static is 1.67 × slower on this model: 45 µs instead of 27 µs." });
});

test("for size a slower variant is offered, and its sentence does not hide it", () => {
  const judged = judge(parseGoal({ objective: "size" }), slower);
  expect(judged.verdict).toBe("helps");
  expect(judged.sentence).toContain("but 1.67 × slower");
});

test("a difference that could be chance is no gain in speed", () => {
  const same = { ...evidence, speed: { ...slower.speed, ratio: 1.02, ci95: [0.97, 1.07], parentMsP50: 1, msP50: 0.98, msP95: 1 } satisfies Evidence["speed"] };
  expect(judge(parseGoal({ objective: "latency" }), same)).toMatchObject({ verdict: "no_help", sentence: expect.stringContaining("as quick as its parent") as unknown });
});

test.each([
  ["accuracy", { maxAccuracyDropPoints: 0.5 }, { accuracy: drop(-0.02) }, "loses 2.00 points"],
  ["size", { maxSizeBytes: 1_000_000 }, {}, "the goal allows 1.00 MB"],
  ["latency", { maxLatencyMsP95: 2 }, {}, "the goal allows 2.00 ms"],
  ["an unmeasured latency", { maxLatencyMsP95: 2, objective: "size" }, { speed: null }, "was not measured"],
  ["saturation", { safeOnEveryCpu: true }, {}, "saturates in 3 nodes"],
  ["no examples", {}, { accuracy: null, agreement: null }, "was not measured"],
  ["disagreement without labels", { maxAccuracyDropPoints: 0.5 }, { accuracy: null }, "1.00 % of 10,000 examples"],
] as const)("a limit of the goal that is broken keeps a candidate back: %s", (_name, goal, changes, words) => {
  const judged = judge(parseGoal(goal), { ...evidence, ...changes });
  expect(judged.verdict).toBe("no_help");
  expect(judged.sentence).toContain(words);
});

test("what only rounds needs no examples to be trusted", () => {
  expect(judge(parseGoal({}), { ...evidence, accuracy: null, agreement: null, isExact: true }).verdict).toBe("helps");
});

test("the conclusion names the best by the goal's objective, or says that nothing helps and why", () => {
  const goal = parseGoal({ objective: "size" });
  const result = (label: string, bytes: number, verdict: "helps" | "no_help") => ({ verdict, sentence: `${label} is so.`, evidence: { ...evidence, label, bytes } });
  expect(concludeOptimization(goal, [result("a", 300, "helps"), result("b", 200, "helps"), result("c", 100, "no_help")])).toBe("b is the smallest of 2 within the goal: b is so.");
  expect(concludeOptimization(goal, [result("a", 300, "no_help"), result("b", 200, "no_help")])).toBe("Nothing helps: a is so. The other 1 have their reasons below.");
});
