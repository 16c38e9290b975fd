import { expect, test } from "vitest";
import { comparableMeasurements } from "./choose-measurements.ts";
import { pairedDifference, worstClassOf, type Outcomes } from "./paired-difference.ts";
import { frontOf } from "./pareto.ts";
import type { MeasurementMode, MeasurementView } from "./types.ts";

/** Outcomes of examples of class 1: right ones are put there, wrong ones into class 300. */
function outcomes(right: readonly boolean[]): Outcomes {
  const correct = new Uint8Array(Math.ceil(right.length / 8));
  const predicted = new Uint8Array(2 * right.length);
  for (const [index, isRight] of right.entries()) {
    if (isRight) correct[index >> 3] = (correct[index >> 3] ?? 0) | (1 << (index & 7));
    new DataView(predicted.buffer).setUint16(2 * index, isRight ? 1 : 300, true);
  }
  return { correct, predicted, n: right.length };
}

test("gained and lost examples, their difference and agreement are counted example by example", () => {
  const before = outcomes([true, true, true, false, false, true, true, true, true, false]);
  const after = outcomes([true, false, true, true, false, false, true, true, false, false]);
  expect(pairedDifference(before, after, null)).toMatchObject({ n: 10, gained: 1, lost: 3, value: -0.2, agreement: 0.6, pValue: 0.375 });
});

test("the interval is that of the literature", () => {
  // Newcombe 1998, table III, method 10: 36 pairs right by both, 12 gained, 2 lost, none wrong by both.
  const before = outcomes([...Array<boolean>(36).fill(true), ...Array<boolean>(12).fill(false), true, true]);
  const after = outcomes([...Array<boolean>(48).fill(true), false, false]);
  const found = pairedDifference(before, after, null);
  expect(found?.ci95[0]).toBeCloseTo(0.0569, 4);
  expect(found?.ci95[1]).toBeCloseTo(0.3404, 4);
});

test("equal versions differ by nothing, but never with certainty; other numbers of examples do not compare", () => {
  const same = outcomes(Array<boolean>(100).fill(true));
  const found = pairedDifference(same, same, null);
  expect(found).toMatchObject({ value: 0, pValue: 1, agreement: 1 });
  expect((found?.ci95[1] ?? 0) - (found?.ci95[0] ?? 0)).toBeGreaterThan(0.01);
  expect(pairedDifference(same, outcomes([true]), null)).toBeNull();
});

test("the test does not overflow on many examples", () => {
  const before = outcomes(Array.from({ length: 40_000 }, (_, index) => index % 2 === 0));
  const after = outcomes(Array.from({ length: 40_000 }, (_, index) => index % 2 === 1));
  expect(pairedDifference(before, after, null)?.pValue).toBeGreaterThan(0.98);
});

test("the worst class is the one that lost the largest share, and none when none lost", () => {
  const before = [{ index: 0, name: "a", n: 10, correct: 9 }, { index: 1, name: "b", n: 100, correct: 90 }];
  expect(worstClassOf(before, [{ index: 0, n: 10, correct: 7 }, { index: 1, n: 100, correct: 80 }])).toEqual({ index: 0, name: "a", n: 10, value: -0.2 });
  expect(worstClassOf(before, before)).toBeNull();
});

test("on the front stands what nothing beats; what lacks a number that others have is neither on nor off it", () => {
  const candidates = [
    { sizeBytes: 100, latencyMs: 10, accuracy: 0.9 },
    { sizeBytes: 50, latencyMs: 5, accuracy: 0.9 },
    { sizeBytes: 40, latencyMs: 20, accuracy: 0.8 },
    { sizeBytes: 10, latencyMs: null, accuracy: 0.9 },
  ];
  expect(frontOf(candidates)).toEqual([false, true, true, null]);
  expect(frontOf([{ sizeBytes: 2, latencyMs: null, accuracy: null }, { sizeBytes: 1, latencyMs: null, accuracy: null }])).toEqual([false, true]);
});

function measurement(versionId: string, mode: MeasurementMode, machineId: string, jobId = "job"): MeasurementView {
  const latencyMs = { p50: 1, p90: 1, p95: 1, p99: 1, min: 1, max: 1, mean: 1, n: 1, method: jobId };
  return { versionId, mode, machineId, jobId, at: "", numbers: { latencyMs, loadMs: null, firstRunMs: null, peakMemoryBytes: null, machine: { cpu: machineId, arch: "", isa: [], ortVersion: "", threads: 1 }, speedUp: null } };
}

test("times compare only within one mode, one machine and, taken in turns, one job; the newest counts", () => {
  const mixed = [measurement("a", "scheduled", "m1"), measurement("b", "back_to_back", "m1"), measurement("a", "back_to_back", "m2")];
  expect(comparableMeasurements(["a", "b"], mixed)).toBeNull();
  const inTurns = [measurement("a", "interleaved", "m1", "j1"), measurement("b", "interleaved", "m1", "j2")];
  expect(comparableMeasurements(["a", "b"], inTurns)).toBeNull();
  const both = [measurement("a", "back_to_back", "m1", "new"), measurement("a", "back_to_back", "m1", "old"), measurement("b", "back_to_back", "m1"), ...inTurns, measurement("b", "interleaved", "m1", "j1")];
  expect(comparableMeasurements(["a", "b"], both)?.get("a")).toMatchObject({ mode: "interleaved" });
  expect(comparableMeasurements(["a", "b"], both.slice(0, 3))?.get("a")).toMatchObject({ jobId: "new" });
});
