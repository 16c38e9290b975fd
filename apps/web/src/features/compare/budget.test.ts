import { expect, test } from "vitest";
import { accuracyFloor, judge, type Budget } from "./budget.ts";

const none: Budget = { maxMs: null, minAccuracy: null, maxDrop: null, maxMiB: null };
const share = (value: number) => ({ value, n: 1000, ci95: [value, value] as [number, number], method: "Wilson" });
const version = { sizeBytes: 2 * 1024 * 1024, comparableMs: 8, accuracy: share(0.895) };

test("without a budget nothing is judged", () => {
  expect(judge(version, none, 0.9)).toBeNull();
  const address = { ...none, versions: ["a"] };
  expect(judge(version, address, 0.9)).toBeNull();
});

test("exactly on a limit is within it", () => {
  expect(judge(version, { maxMs: 8, minAccuracy: 89.5, maxDrop: 0.5, maxMiB: 2 }, 0.9)).toEqual({ keeps: true, reasons: [] });
});

test("each limit that is broken is named with both numbers", () => {
  expect(judge(version, { maxMs: 7, minAccuracy: 90, maxDrop: null, maxMiB: 1 }, 0.9)).toEqual({
    keeps: false, reasons: ["8 ms is above 7 ms", "89.50 % is below 90.00 %", "2 MiB is above 1 MiB"],
  });
});

test("what was not measured keeps no limit", () => {
  const unknown = { ...version, comparableMs: null, accuracy: null };
  expect(judge(unknown, { ...none, maxMs: 8 }, 0.9)?.reasons).toEqual(["its latency is not known"]);
  expect(judge(unknown, { ...none, maxDrop: 1 }, 0.9)?.reasons).toEqual(["its accuracy is not known"]);
  expect(judge(version, { ...none, maxDrop: 1 }, null)?.reasons).toEqual(["the accuracy of the baseline is not known"]);
});

test("the stricter of floor and drop holds", () => {
  expect(accuracyFloor({ ...none, minAccuracy: 80, maxDrop: 1 }, 0.9)).toBeCloseTo(0.89);
  expect(accuracyFloor({ ...none, minAccuracy: 95, maxDrop: 1 }, 0.9)).toBeCloseTo(0.95);
  expect(accuracyFloor(none, 0.9)).toBeNull();
});
