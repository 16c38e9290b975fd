import { describe, expect, test } from "vitest";
import { extent, linearTicks, logTicks, timeTicks } from "./axis.ts";

describe("axis steps", () => {
  test("linear steps are round and free of binary dust", () => {
    expect(linearTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks(3, 47, 5)).toEqual([10, 20, 30, 40]);
    expect(linearTicks(5, 5, 5)).toEqual([]);
  });
  test("logarithmic steps are 1-2-5, and only decades when there are many", () => {
    expect(logTicks(0.8, 30)).toEqual([1, 2, 5, 10, 20]);
    expect(logTicks(0.01, 60_000)).toEqual([0.01, 0.1, 1, 10, 100, 1000, 10_000]);
    expect(logTicks(0, 10)).toEqual([]);
  });
  test("time steps start at local midnight and keep to the count", () => {
    const from = Date.parse("2026-11-23T15:00:00Z");
    const { ticks, stepMs } = timeTicks(from, from + 3 * 86_400_000, 4, 3_600_000);
    expect(stepMs).toBe(86_400_000);
    expect(ticks.map((t) => new Date(t).toISOString())).toEqual(["2026-11-23T23:00:00.000Z", "2026-11-24T23:00:00.000Z", "2026-11-25T23:00:00.000Z"]);
    for (const minutes of [15, 60, 360, 1440, 10_080]) expect(timeTicks(from, from + minutes * 60_000, 8).ticks.length).toBeLessThanOrEqual(9);
  });
  test("extent ignores gaps and tells an empty series", () => {
    expect(extent([null, 3, undefined, 1, Number.NaN])).toEqual({ min: 1, max: 3 });
    expect(extent([null])).toBeNull();
  });
});
