import { expect, test } from "vitest";
import type { ChartLine } from "../../components/charts/line-options.ts";
import { shareRange, xRange } from "./curve-options.ts";
import { bestWords, curveFinding, formatAccuracyTick, formatLoss, tableRows, valueUpTo } from "./curve-reading.ts";

const nameX = (x: number): string => `epoch ${x}`;

test("a place between two values of a line reads the one before", () => {
  expect(valueUpTo([null, 3, null, null], 3)).toBe(3);
  expect(valueUpTo([null, 3], 0)).toBeNull();
});

test("the finding tells the newest value, and the best one when it was another", () => {
  const run = { name: "validation loss", of: null, xs: [1, 2, 3], best: "lowest" as const, format: formatLoss, nameX };
  expect(curveFinding({ ...run, values: [0.5, 0.2, 0.3] })).toBe("Validation loss is 0.3 at epoch 3; lowest 0.2 at epoch 2.");
  expect(curveFinding({ ...run, values: [0.5, 0.3, 0.2] })).toBe("Validation loss is 0.2 at epoch 3, the lowest so far.");
  expect(curveFinding({ ...run, xs: [], values: [] })).toBe("Validation loss: no value yet.");
});

test("a table of a long run keeps every rare value and stays short", () => {
  const xs = Array.from({ length: 5_000 }, (_, index) => index);
  const dense: ChartLine = { key: "t", label: "train", values: xs.map(() => 1), color: "--chart-1" };
  const rare: ChartLine = { key: "v", label: "validation", values: xs.map((x) => (x === 1_237 ? 0.5 : null)), color: "--chart-2" };
  const rows = tableRows({ xs, lines: [dense, rare], format: formatLoss, nameX });
  expect(rows.length).toBeLessThan(205);
  expect(rows.some(({ cells }) => cells[0] === "epoch 1237" && cells[2] === "0.5")).toBe(true);
  expect(rows[0]?.cells[0]).toBe("epoch 4999");
});

test("numbers keep the digits that runs differ in", () => {
  expect(formatLoss(0.081234)).toBe("0.08123");
  expect(formatLoss(0.00001)).toBe("1e-5");
  expect(formatLoss(null)).toBe("–");
  expect(formatAccuracyTick(0.98765)).toBe("98.77 %");
  expect(formatAccuracyTick(0.995)).toBe("99.5 %");
  expect(formatAccuracyTick(1)).toBe("100 %");
});

test("axes keep shares within 0 and 1, show a single point, and stay where the reader zoomed", () => {
  expect(shareRange(0.99, 1)[1]).toBe(1);
  expect(shareRange(null, null)).toEqual([0, 1]);
  expect(xRange(3, 3, null)).toEqual([2, 4]);
  expect(xRange(0, 10, { from: 2, to: 4 })).toEqual([2, 4]);
});

test("the best of a run is written as its metric is", () => {
  expect(bestWords({ metric: "validation accuracy", value: 0.98 })).toBe("validation accuracy 98 %");
  expect(bestWords({ metric: "validation loss", value: 0.0812 })).toBe("validation loss 0.0812");
});
