import { expect, test } from "vitest";
import type { JobMetricPoint } from "@flotilla/fleet";
import { align, noColumns, positions, resumeAfter, smoothed, thinned, withPoints } from "./metric-columns.ts";

const at = "2026-11-28T12:00:00.000Z";
const point = (name: string, step: number, value: number): JobMetricPoint => ({ name, step, value, at });

test("points that come twice, late or out of order give one rising line", () => {
  let columns = withPoints(noColumns, [point("train loss", 1, 2), point("train loss", 2, 1.5)]);
  columns = withPoints(columns, [point("train loss", 2, 1.5), point("train loss", 4, 0.5)]);
  columns = withPoints(columns, [point("train loss", 3, 1)]);
  expect(columns.get("train loss")?.steps).toEqual([1, 2, 3, 4]);
  expect(columns.get("train loss")?.values).toEqual([2, 1.5, 1, 0.5]);
});

test("what is asked for next misses nothing of a metric that is written once an epoch", () => {
  expect(resumeAfter(noColumns)).toBe(0);
  const columns = withPoints(noColumns, [1, 2, 3, 4, 5].map((step) => point("train loss", step, 1)).concat([point("validation loss", 2, 1), point("validation loss", 4, 1), point("test accuracy", 0, 1)]));
  expect(resumeAfter(columns)).toBe(4);
});

test("an empty answer keeps the same object, so that nothing is drawn again", () => {
  const columns = withPoints(noColumns, [point("a", 1, 1)]);
  expect(withPoints(columns, [])).toBe(columns);
});

test("lines of different steps share one axis", () => {
  const { xs, columns } = align([{ xs: [1, 2, 4], values: [10, 20, 40] }, { xs: [2, 3], values: [5, 6] }]);
  expect(xs).toEqual([1, 2, 3, 4]);
  expect(columns).toEqual([[10, 20, null, 40], [null, 5, 6, null]]);
});

test("the axis counts steps, epochs or seconds, and falls back to steps where epochs are not known", () => {
  const column = { steps: [50, 100], values: [1, 2], atMs: [1_000, 3_500] };
  expect(positions(column, "epoch", { stepsPerEpoch: 100, startMs: 500 })).toEqual([0.5, 1]);
  expect(positions(column, "epoch", { stepsPerEpoch: null, startMs: 500 })).toEqual([50, 100]);
  expect(positions(column, "time", { stepsPerEpoch: null, startMs: 500 })).toEqual([0.5, 3]);
});

test("a smoothed constant is that constant from its first point on", () => {
  for (const value of smoothed([3, 3, 3, 3])) expect(value).toBeCloseTo(3, 10);
  expect(smoothed([0, 10])[1]).toBeLessThan(10);
});

test("a thinned line keeps its ends", () => {
  const values = Array.from({ length: 101 }, (_, index) => index);
  expect(thinned(values, 5)).toEqual([0, 25, 50, 75, 100]);
  expect(thinned([1, 2], 5)).toEqual([1, 2]);
});
