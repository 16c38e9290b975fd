import { describe, expect, test } from "vitest";
import { NUMBER_FORMATS } from "./number-formats.ts";
import { biasScale, channelLayout, quantiseBias, quantiseWeights, scalesThatHoldBias, weightScales } from "./weight-quantisation.ts";

describe("weights", () => {
  test("get the scale of their channel, whichever axis that is", () => {
    const weights = [1, -2, 4, 10, 20, -40];
    const rows = channelLayout([2, 3], 0);
    expect(weightScales(weights, rows, NUMBER_FORMATS.int8Symmetric).map(({ scale }) => scale)).toEqual([4 / 127, 40 / 127].map(Math.fround));
    const columns = channelLayout([2, 3], 1);
    expect(weightScales(weights, columns, NUMBER_FORMATS.int8Symmetric).map(({ scale }) => scale)).toEqual([10 / 127, 20 / 127, 40 / 127].map(Math.fround));
    expect(Array.from(quantiseWeights(weights, columns, weightScales(weights, columns, NUMBER_FORMATS.int8Symmetric)).values)).toEqual([13, -13, 13, 127, 127, -127]);
  });

  test("stay within seven bits in the reduced format", () => {
    const weights = Float32Array.from({ length: 100 }, (_, index) => Math.sin(index));
    const layout = channelLayout([100], null);
    const { values } = quantiseWeights(weights, layout, weightScales(weights, layout, NUMBER_FORMATS.int8SymmetricReduced));
    expect(Math.max(...values.map(Math.abs))).toBe(64);
  });

  test("with a scale per channel must be symmetric, and finite", () => {
    expect(() => weightScales([1, 2], channelLayout([2], 0), NUMBER_FORMATS.uint8)).toThrow(/symmetric/);
    expect(() => weightScales([1, Number.NaN], channelLayout([2], 0), NUMBER_FORMATS.int8Symmetric)).toThrow(/NaN/);
    expect(() => channelLayout([2], 1)).toThrow(/axis 1/);
  });
});

describe("a bias", () => {
  test("has the scale of the accumulator, computed in float32", () => {
    const [sx, sw] = [0.1, 0.3];
    expect(biasScale(sx, sw)).toBe(Math.fround(Math.fround(0.1) * Math.fround(0.3)));
    expect(biasScale(sx, sw)).not.toBe(sx * sw);
    expect(Array.from(quantiseBias([0.015, -0.045, 0.075], [0.03]))).toEqual([0, -2, 2]);
  });

  test("that would overflow int32 makes its channel's weights coarser and no other's", () => {
    const layout = channelLayout([2, 1], 0);
    const scales = weightScales([1e-6, 1], layout, NUMBER_FORMATS.int8Symmetric);
    const bias = [500, 500];
    const held = scalesThatHoldBias(scales, bias, 1e-3);
    expect(held[1]).toBe(scales[1]);
    const integers = quantiseBias(bias, held.map(({ scale }) => biasScale(1e-3, scale)));
    expect(integers[0]).toBeGreaterThan(2 ** 30);
    expect(integers[0]).toBeLessThan(2 ** 31 - 1);
    expect((integers[0] ?? 0) * biasScale(1e-3, held[0]?.scale ?? 0)).toBeCloseTo(500, 4);
    expect(quantiseBias([500], [biasScale(1e-3, scales[0]?.scale ?? 0)])[0]).toBe(2 ** 31 - 1);
  });
});
