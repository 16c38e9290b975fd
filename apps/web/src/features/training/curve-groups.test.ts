import { expect, test } from "vitest";
import type { JobMetricPoint } from "@flotilla/fleet";
import { curveGroups, type CurveRun } from "./curve-groups.ts";
import { noColumns, withPoints } from "./metric-columns.ts";

const look = { axis: "epoch", log: false, smooth: false } as const;

function run(id: string, label: string | null, values: Record<string, readonly number[]>): CurveRun {
  const points = Object.entries(values).flatMap(([name, list]) => list.map<JobMetricPoint>((value, place) => ({ name, step: (place + 1) * 10, value, at: new Date(place * 1000).toISOString() })));
  return { id, label, columns: withPoints(noColumns, points), stepsPerEpoch: 10, startMs: 0 };
}

test("a run has loss and accuracy first, the rest after them, and an empty loss before anything came", () => {
  const groups = curveGroups([run("a", null, { "learning rate": [0.1], "train loss": [2, 1], "validation loss": [2.5, 1.5], "validation accuracy": [0.5, 0.9], "examples/s": [900], "train auc": [0.5] })], look);
  expect(groups.map(({ quantity, main }) => [quantity, main])).toEqual([["loss", true], ["accuracy", true], ["auc", true], ["learning rate", false], ["examples/s", false]]);
  expect(groups[0]?.lines.map(({ label }) => label)).toEqual(["train", "validation"]);
  expect(groups[1]?.finding).toBe("Validation accuracy is 90 % at epoch 2, the highest so far.");
  expect(curveGroups([run("a", null, {})], look).map(({ quantity, lines }) => [quantity, lines.length])).toEqual([["loss", 0]]);
});

test("runs beside each other have a colour each and name themselves", () => {
  const [loss] = curveGroups([run("a", "first", { "train loss": [2, 1] }), run("b", "second", { "train loss": [3, 2], "validation loss": [3, 1] })], look);
  expect(loss?.lines.map(({ label, color }) => [label, color])).toEqual([["first, train", "--chart-1"], ["second, train", "--chart-2"], ["second, validation", "--chart-2"]]);
  expect(loss?.finding).toContain("second: validation loss is 1 at epoch 2");
});

test("a logarithmic scale is for losses and rates, never for shares", () => {
  const scales = curveGroups([run("a", null, { "train loss": [1], "train accuracy": [0.5], "learning rate": [0.1], "examples/s": [10] })], { ...look, log: true });
  expect(Object.fromEntries(scales.map(({ quantity, scale }) => [quantity, scale]))).toEqual({ loss: "log", accuracy: "share", "learning rate": "log", "examples/s": "zero" });
});

test("smoothing adds a line and leaves the raw one", () => {
  const long = Array.from({ length: 30 }, (_, place) => (place % 2) + 1);
  const [loss] = curveGroups([run("a", null, { "train loss": long })], { ...look, smooth: true });
  expect(loss?.lines.map(({ label, faint }) => [label, faint ?? false])).toEqual([["train", true], ["train, smoothed", false]]);
});
