import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { centreWindow, fitPixels, resizePixels } from "../images/resize.ts";
import type { ImageExample, ValuesExample } from "../types.ts";
import { asElementType } from "./element-data.ts";
import { preprocess } from "./preprocess.ts";
import { type ImagePreprocessing, parsePreprocessing } from "./preprocessing.ts";

const PLAIN: ImagePreprocessing = { kind: "image", resize: null, centreCrop: null, channels: "rgb", layout: "nhwc", invert: false, scale: 1, mean: [], std: [], elementType: "float32" };
/** Two pixels side by side. */
const PAIR: ImageExample = { kind: "image", id: "", label: null, shape: [1, 2, 3], pixels: Uint8Array.from([10, 20, 30, 40, 50, 60]) };
const GREY: ImageExample = { kind: "image", id: "", label: null, shape: [2, 2, 1], pixels: Uint8Array.from([0, 255, 100, 50]) };

describe("images", () => {
  test.each<[string, ImageExample, Partial<ImagePreprocessing>, number[], number[]]>([
    ["as they are", PAIR, {}, [1, 1, 2, 3], [10, 20, 30, 40, 50, 60]],
    ["planes of channels", PAIR, { layout: "nchw" }, [1, 3, 1, 2], [10, 40, 20, 50, 30, 60]],
    ["blue first", PAIR, { channels: "bgr" }, [1, 1, 2, 3], [30, 20, 10, 60, 50, 40]],
    ["grey by BT.601", PAIR, { channels: "grey" }, [1, 1, 2, 1], [18, 48]],
    ["grey to three channels", GREY, { layout: "nchw" }, [1, 3, 2, 2], [0, 255, 100, 50, 0, 255, 100, 50, 0, 255, 100, 50]],
    ["scaled, less the mean, by the deviation, in the model's order", PAIR, { channels: "bgr", scale: 0.1, mean: [1, 2, 3], std: [2, 1, 0.5] }, [1, 1, 2, 3], [1, 0, -4, 2.5, 3, 2]],
    ["one mean for all", GREY, { channels: "grey", mean: [100], std: [50] }, [1, 2, 2, 1], [-2, 3.1, 0, -1]],
    ["inverted before all", GREY, { channels: "grey", invert: true, scale: 1 / 255 }, [1, 2, 2, 1], [1, 0, 155 / 255, 205 / 255]],
  ])("%s", (_, example, changes, shape, values) => {
    const input = preprocess(example, { ...PLAIN, ...changes });
    expect(input.shape).toEqual(shape);
    expect([...input.data]).toEqual(values.map(Math.fround));
  });

  test("bytes round and clamp, halves are halves", () => {
    expect(preprocess(GREY, { ...PLAIN, channels: "grey", scale: 2, mean: [0.4], elementType: "uint8" })).toEqual({ elementType: "uint8", shape: [1, 2, 2, 1], data: Uint8Array.from([0, 255, 200, 100]) });
    expect(preprocess(GREY, { ...PLAIN, channels: "grey", scale: 1 / 255, elementType: "float16" }).data).toEqual(Uint16Array.from([0, 0x3c00, 0x3646, 0x3246]));
  });

  test("a mean that does not fit the channels is refused", () => {
    expect(() => preprocess(PAIR, { ...PLAIN, mean: [1, 2] })).toThrow("Mean and std have 2 numbers; the examples have 3");
    expect(() => preprocess(PAIR, { kind: "values", scale: 1, mean: [], std: [], elementType: "float32" })).toThrow("for values, the examples are of kind image");
  });
});

describe("resizing", () => {
  const image = (width: number, height: number, pixels: readonly number[]): { width: number; height: number; channels: number; pixels: Uint8Array } => ({ width, height, channels: 1, pixels: Uint8Array.from(pixels) });

  test("halving averages with a triangle over four pixels", () => {
    // Weights 1, 3, 3, 1 of 8; at the edges those that exist.
    expect([...resizePixels(image(4, 1, [0, 80, 160, 240]), 2, 1).pixels]).toEqual([Math.round((3 * 80 + 160) / 7), Math.round((80 + 3 * 160 + 3 * 240) / 7)]);
  });

  test("doubling is linear between centres", () => {
    expect([...resizePixels(image(2, 1, [0, 100]), 4, 1).pixels]).toEqual([0, 25, 75, 100]);
  });

  test("an even picture stays even at any size, and no value leaves the range of its picture", () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 12, maxLength: 12 }), sizes, sizes, fc.integer({ min: 0, max: 255 }), (pixels, width, height, shade) => {
        const resized = resizePixels(image(4, 3, pixels), width, height).pixels;
        expect(Math.min(...resized)).toBeGreaterThanOrEqual(Math.min(...pixels));
        expect(Math.max(...resized)).toBeLessThanOrEqual(Math.max(...pixels));
        expect(new Set(resizePixels(image(4, 3, Array.from({ length: 12 }, () => shade)), width, height).pixels)).toEqual(new Set([shade]));
      }),
      { numRuns: 60 },
    );
  });

  test("cover fills and cuts, contain fits and pads, crop takes the middle", () => {
    const wide = image(4, 2, [1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...fitPixels(wide, 2, 2, "cover").pixels]).toEqual([2, 3, 6, 7]);
    expect([...fitPixels(wide, 4, 4, "contain").pixels]).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
    expect(fitPixels(wide, 3, 3, "stretch")).toMatchObject({ width: 3, height: 3 });
    expect([...centreWindow(wide, 2, 1).pixels]).toEqual([2, 3]);
  });
});

test("tables are standardised per feature, sounds cut and padded", () => {
  const row: ValuesExample = { kind: "table", id: "", label: null, shape: [2], values: Float32Array.of(3, 10) };
  expect(preprocess(row, { kind: "values", scale: 1, mean: [1, 10], std: [2, 5], elementType: "float32" })).toEqual({ elementType: "float32", shape: [1, 2], data: Float32Array.of(1, 0) });
  const sound: ValuesExample = { kind: "audio", id: "", label: null, shape: [2], values: Float32Array.of(0.5, -0.5) };
  expect(preprocess(sound, { kind: "audio", lengthSamples: 3, channelAxis: true, scale: 2, elementType: "float32" })).toEqual({ elementType: "float32", shape: [1, 1, 3], data: Float32Array.of(1, -1, 0) });
  expect(preprocess(sound, { kind: "audio", lengthSamples: 1, channelAxis: false, scale: 1, elementType: "float32" })).toMatchObject({ shape: [1, 1], data: Float32Array.of(0.5) });
});

/** The number behind half-precision bits, by the definition. */
function halfValue(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1_023];
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1_024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

test("half precision keeps every half and takes the nearest otherwise, ties to even", () => {
  const finite = Array.from({ length: 0x7c00 }, (_, bits) => bits);
  expect(asElementType(Float32Array.from(finite, halfValue), "float16")).toEqual(Uint16Array.from(finite));
  expect(asElementType(Float32Array.from(finite, (bits) => -halfValue(bits)), "float16")).toEqual(Uint16Array.from(finite, (bits) => bits | 0x8000));
  const between = finite.slice(0, -1).map((bits) => (halfValue(bits) + halfValue(bits + 1)) / 2);
  expect(asElementType(Float32Array.from(between), "float16")).toEqual(Uint16Array.from(between, (_, bits) => bits + (bits & 1)));
  expect(asElementType(Float32Array.of(65_519, 65_520, Number.POSITIVE_INFINITY, Number.NaN), "float16")).toEqual(Uint16Array.of(0x7bff, 0x7c00, 0x7c00, 0x7e00));
});

describe("a stored preprocessing", () => {
  test("comes back as it was", () => {
    for (const one of [PLAIN, { ...PLAIN, resize: { width: 8, height: 9, fit: "cover" }, centreCrop: { width: 4, height: 4 }, mean: [1, 2, 3] }, { kind: "audio", lengthSamples: 5, channelAxis: true, scale: 1, elementType: "float16" }]) {
      expect(parsePreprocessing(JSON.parse(JSON.stringify(one)))).toEqual(one);
    }
  });

  test.each<[string, unknown, string]>([
    ["nothing", null, "needs a kind"],
    ["an unknown kind", { ...PLAIN, kind: "toString" }, "needs a kind"],
    ["a missing field", { ...PLAIN, layout: undefined }, "field layout"],
    ["an unknown field", { ...PLAIN, extra: 1 }, "field extra"],
    ["a size of nothing", { ...PLAIN, resize: { width: 0, height: 4, fit: "cover" } }, "field resize"],
    ["a size of everything", { ...PLAIN, centreCrop: { width: 1e6, height: 4 } }, "field centreCrop"],
    ["a deviation of zero", { ...PLAIN, std: [1, 0, 1] }, "field std"],
    ["a mean that is no number", { ...PLAIN, mean: [Number.NaN] }, "field mean"],
    ["an endless scale", { ...PLAIN, scale: Number.POSITIVE_INFINITY }, "field scale"],
  ])("%s is refused by the name of the field", (_, value, says) => {
    expect(() => parsePreprocessing(value)).toThrow(says);
  });
});
