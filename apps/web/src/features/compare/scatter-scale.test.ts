import { expect, test } from "vitest";
import { frontLine, radiusOf, scaleOf, type Dot } from "./scatter-scale.ts";

const dot = (id: string, latencyMs: number, accuracy: number): Dot => ({ id, label: id, latencyMs, accuracy, ci95: [accuracy, accuracy], sizeBytes: 1, isOnFront: true, isBaseline: false, isOffered: true, isOutside: false });

test("the line goes through what nothing else beats in time and accuracy", () => {
  expect(frontLine([dot("slow", 9, 0.99), dot("quick", 1, 0.9), dot("beaten", 5, 0.9), dot("twin", 1, 0.89)]).map(({ id }) => id)).toEqual(["quick", "slow"]);
});

test("every value is inside, ticks are round and inside, one value alone has room around it", () => {
  for (const values of [[3, 7, 9.5], [0.981], [0.00002, 0.00005]]) {
    const scale = scaleOf(values, 0, 100);
    for (const place of [...values, ...scale.ticks].map(scale.at)) {
      expect(place).toBeGreaterThanOrEqual(-1e-6);
      expect(place).toBeLessThanOrEqual(100 + 1e-6);
    }
    expect(scale.ticks.length).toBeGreaterThan(0);
  }
});

test("equal accuracies get an axis of a point's width, without ticks below none or above all", () => {
  const scale = scaleOf([0, 0], 100, 0, { least: 0, most: 1, span: 0.01 });
  expect(scale.ticks[0]).toBe(0);
  expect(new Set(scale.ticks).size).toBeGreaterThan(1);
  expect(scale.at(0)).toBeCloseTo(50);
});

test("four times the bytes are four times the area above the smallest bubble", () => {
  expect((radiusOf(4, 4) - 5) / (radiusOf(1, 4) - 5)).toBeCloseTo(2);
});
