import { buildModel, floatTensor, openModel } from "@flotilla/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dequantise, NUMBER_FORMATS, quantisationFor, quantise, rint } from "./number-formats.ts";

describe("rounding", () => {
  test("sends halves to the even neighbour, on both sides of zero", () => {
    expect([0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 254.5, 2 ** 40 + 0.5].map((x) => rint(x) + 0)).toEqual([0, 2, 2, 4, 0, -2, -2, 254, 2 ** 40]);
  });

  test("agrees with the nearest integer wherever there is one", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (x) => {
        expect(Math.abs(rint(x) - x)).toBeLessThanOrEqual(0.5);
        if (x % 1 !== 0.5 && x % 1 !== -0.5) expect(rint(x) + 0).toBe(Math.round(x) + 0);
      }),
    );
  });
});

describe("scale and zero point", () => {
  const range = { min: -1, max: 3 };
  test.each([
    ["uint8", 4 / 255, 64],
    ["uint8Symmetric", 6 / 255, 128],
    ["uint8Reduced", 4 / 127, 32],
    ["int8", 4 / 255, -64],
    ["int8Symmetric", 6 / 254, 0],
    ["int8SymmetricReduced", 6 / 128, 0],
    ["uint16", 4 / 65_535, 16_384],
    ["int16", 4 / 65_535, -16_384],
    ["int16Symmetric", 6 / 65_534, 0],
    ["uint4", 4 / 15, 4],
    ["int4Symmetric", 6 / 15, 0],
  ] as const)("of %s spread the range over its levels", (name, scale, zeroPoint) => {
    expect(quantisationFor(NUMBER_FORMATS[name], range)).toEqual({ format: NUMBER_FORMATS[name], scale: Math.fround(scale), zeroPoint });
  });

  test("keep 0 exact for ranges that lie on one side of it", () => {
    expect(quantisationFor(NUMBER_FORMATS.uint8, { min: 2, max: 5 })).toMatchObject({ scale: Math.fround(5 / 255), zeroPoint: 0 });
    expect(quantisationFor(NUMBER_FORMATS.uint8, { min: -5, max: -2 })).toMatchObject({ scale: Math.fround(5 / 255), zeroPoint: 255 });
  });

  test("of a tensor that is all zeros, or nearly, are 1 and a level that means 0", () => {
    for (const format of Object.values(NUMBER_FORMATS)) {
      const quantisation = quantisationFor(format, { min: 0, max: 1e-40 });
      expect(quantisation.scale).toBe(1);
      expect(dequantise(quantise(0, quantisation), quantisation)).toBe(0);
    }
  });

  test("are refused for ranges that are no ranges", () => {
    for (const bad of [{ min: Number.NaN, max: 1 }, { min: 0, max: Infinity }, { min: 2, max: 1 }]) {
      expect(() => quantisationFor(NUMBER_FORMATS.uint8, bad)).toThrow(RangeError);
    }
  });

  test("bring back every value of the range to within half a step", () => {
    const bound = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map(Math.fround);
    fc.assert(
      fc.property(bound, bound, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, position) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        const x = Math.fround(min + (max - min) * position);
        for (const format of [NUMBER_FORMATS.uint8, NUMBER_FORMATS.int8, NUMBER_FORMATS.int8Symmetric]) {
          const quantisation = quantisationFor(format, { min, max });
          if (quantisation.scale === 1) continue;
          const back = dequantise(quantise(x, quantisation), quantisation);
          // Rounding the zero point moves the ends of the range by up to half a step more.
          expect(Math.abs(back - x)).toBeLessThanOrEqual(quantisation.scale * 1.001);
        }
      }),
    );
  });
});

test("integers are those of ONNX Runtime's QuantizeLinear, and reals those of its DequantizeLinear", async () => {
  for (const [elementType, format] of [
    ["uint8", NUMBER_FORMATS.uint8],
    ["int8", NUMBER_FORMATS.int8],
    ["int8", NUMBER_FORMATS.int8Symmetric],
  ] as const) {
    const quantisation = quantisationFor(format, { min: -1.7, max: 3.1 });
    const zero = elementType === "uint8" ? Uint8Array.of(quantisation.zeroPoint) : new Uint8Array(Int8Array.of(quantisation.zeroPoint).buffer);
    const model = await openModel(
      buildModel({
        graph: {
          inputs: [{ name: "x", elementType: "float32", shape: ["n"] }],
          outputs: [
            { name: "q", elementType, shape: ["n"] },
            { name: "y", elementType: "float32", shape: ["n"] },
          ],
          initializers: [floatTensor("s", [], [quantisation.scale]), { name: "z", elementType, shape: [], raw: zero }],
          nodes: [
            { opType: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
            { opType: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["y"] },
          ],
        },
      }),
      { graphOptimization: "disabled" },
    );
    // Half steps among them: there a float64 division and a float32 division may fall on different sides.
    const x = Float32Array.from({ length: 4_000 }, (_, index) => (index / 2 - 1_000) * quantisation.scale * 0.51 + (index % 2) * 1e-4);
    const { q, y } = await model.run({ x: { elementType: "float32", shape: [x.length], data: x } });
    await model.close();
    expect(Array.from(q?.data as Uint8Array)).toEqual(Array.from(x, (value) => quantise(value, quantisation)));
    expect(Array.from(y?.data as Float32Array)).toEqual(Array.from(x, (value) => dequantise(quantise(value, quantisation), quantisation)));
  }
});
