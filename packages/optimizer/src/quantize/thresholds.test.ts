import { seededRandom } from "@flotilla/runtime";
import { describe, expect, test } from "vitest";
import { ActivationHistogram } from "./histogram.ts";
import type { Range } from "./number-formats.ts";
import { dequantise, NUMBER_FORMATS, quantisationFor, quantise } from "./number-formats.ts";
import { leastDivergenceRange, leastSquaresRange, percentileRange } from "./thresholds.ts";

function normalNumbers(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

function histogramOf(values: Float32Array, bins = 2048): ActivationHistogram {
  const histogram = new ActivationHistogram({ min: Math.min(...values), max: Math.max(...values) }, bins);
  for (let start = 0; start < values.length; start += 1_000) histogram.add(values.subarray(start, start + 1_000));
  return histogram;
}

/** Mean squared error of quantising the values themselves. */
function trueError(values: Float32Array, range: Range): number {
  const quantisation = quantisationFor(NUMBER_FORMATS.uint8, range);
  return values.reduce((sum, x) => sum + (x - dequantise(quantise(x, quantisation), quantisation)) ** 2, 0) / values.length;
}

const normal = normalNumbers(50_000, 7);
const relu = normal.map((x) => Math.max(0, x));
/** One value in ten thousand lies ten times further out than all others. */
const withOutliers = normal.map((x, index) => (index % 10_000 === 0 ? 40 : x));

describe("a histogram", () => {
  test("counts every finite value once, zeros apart, however the samples are cut", () => {
    const values = Float32Array.of(0, -1, 1, 0.999, Number.NaN, Infinity, 0, 5);
    const histogram = new ActivationHistogram({ min: -1, max: 1 }, 4);
    histogram.add(values);
    expect(Array.from(histogram.counts)).toEqual([1, 0, 0, 3]);
    expect(histogram).toMatchObject({ zeros: 2, total: 6 });
  });

  test("of a tensor with one value has all in one bin", () => {
    const histogram = new ActivationHistogram({ min: 3, max: 3 }, 8);
    histogram.add(Float32Array.of(3, 3));
    expect(histogram.counts[0]).toBe(2);
  });
});

describe("the percentile", () => {
  test("cuts the same share of values on both sides", () => {
    const { min, max } = percentileRange(histogramOf(normal), 95);
    expect(min).toBeCloseTo(-1.96, 1);
    expect(max).toBeCloseTo(1.96, 1);
  });

  test("of values after a Relu cuts one side, with the zeros among the values", () => {
    const { min, max } = percentileRange(histogramOf(relu), 97.5);
    expect(min).toBe(0);
    expect(max).toBeCloseTo(1.96, 1);
  });

  test("of 100 keeps the observed range", () => {
    const histogram = histogramOf(normal);
    expect(percentileRange(histogram, 100)).toEqual(histogram.range);
  });
});

describe("the least squared error", () => {
  test("is within 2 % of the best that trying every pair of ends on the values themselves finds", () => {
    const found = trueError(withOutliers, leastSquaresRange(histogramOf(withOutliers, 8_192), NUMBER_FORMATS.uint8));
    let best = Infinity;
    for (let high = 1; high <= 40; high += 1) {
      for (let low = -5; low < 0; low += 0.5) best = Math.min(best, trueError(withOutliers, { min: low, max: high }));
    }
    expect(found).toBeLessThan(best * 1.02);
    expect(found).toBeLessThan(trueError(withOutliers, { min: Math.min(...withOutliers), max: 40 }));
  });

  test("of evenly spread values clips nothing", () => {
    const even = Float32Array.from({ length: 10_000 }, (_, index) => index / 10_000);
    expect(leastSquaresRange(histogramOf(even), NUMBER_FORMATS.uint8).max).toBeGreaterThan(0.99);
  });
});

describe("the least divergence", () => {
  test("cuts far outliers off and keeps what the others need", () => {
    const { min, max } = leastDivergenceRange(histogramOf(withOutliers));
    expect(max).toBeGreaterThan(2.5);
    expect(max).toBeLessThan(10);
    expect(min).toBeGreaterThan(-6);
    expect(min).toBeLessThan(-2.5);
  });

  test("of evenly spread values is the whole range", () => {
    const even = Float32Array.from({ length: 100_000 }, (_, index) => (index + 1) / 100_000);
    expect(leastDivergenceRange(histogramOf(even)).max).toBeGreaterThan(0.99);
  });

  test("gives one-sided values all levels on their side, whichever side that is", () => {
    const positive = leastDivergenceRange(histogramOf(relu));
    const negative = leastDivergenceRange(histogramOf(relu.map((x) => -x)));
    expect(positive.min).toBe(0);
    expect(negative.max).toBe(0);
    expect(-negative.min).toBeCloseTo(positive.max, 1);
    expect(positive.max).toBeGreaterThan(2.5);
  });
});
