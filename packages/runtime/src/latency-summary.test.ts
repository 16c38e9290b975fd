import { expect, test } from "vitest";
import { median, summarizeLatency } from "./latency-summary.ts";

test("percentiles are samples themselves, at the nearest rank", () => {
  const samples = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(summarizeLatency(samples, "m")).toEqual({ p50: 100, p90: 180, p95: 190, p99: 198, min: 1, max: 200, mean: 100.5, n: 200, method: "m" });
  expect(summarizeLatency([7], "m")).toMatchObject({ p50: 7, p99: 7, min: 7, max: 7, n: 1 });
  expect(samples[0]).toBe(200);
});

test("a tail shows in p99 and max, not in p50", () => {
  const samples = Array.from({ length: 100 }, (_, index) => (index < 2 ? 50 : 1));
  expect(summarizeLatency(samples, "m")).toMatchObject({ p50: 1, p95: 1, p99: 50, max: 50 });
});

test("no samples are no summary", () => {
  expect(() => summarizeLatency([], "m")).toThrow(RangeError);
  expect(median([3, 1, 2, 10])).toBe(2);
});
