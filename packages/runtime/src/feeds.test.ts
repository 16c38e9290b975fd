import { describe, expect, test } from "vitest";
import { concreteShape, syntheticFeeds, zeroFeeds } from "./feeds.ts";
import { float16ToNumber } from "./float16.ts";
import { ModelRefusal } from "./model-refusal.ts";
import type { ElementType, TensorSpec } from "./types.ts";

const spec = (elementType: ElementType, shape: TensorSpec["shape"] = [2, 3], name = "x"): TensorSpec => ({ name, elementType, shape });

describe("synthetic inputs", () => {
  // These numbers are stored, as seeds, in golden sets on devices: if this test fails, every device refuses every build. (Checked against a second
  // implementation, in another language, written from the words of the doc comment.)
  test("are the same numbers for ever", () => {
    expect(syntheticFeeds([spec("float32")], 1)["x"]?.data).toEqual(Float32Array.of(0.69921875, 0.69287109375, 0.18310546875, 0.080078125, 0.53466796875, 0.9111328125));
    expect(syntheticFeeds([spec("uint8")], 1)["x"]?.data).toEqual(Uint8Array.of(179, 177, 46, 20, 136, 233));
  });

  test("float types of all widths hold exactly the same numbers", () => {
    const single = syntheticFeeds([spec("float32", [200])], 9)["x"]?.data as Float32Array;
    const double = syntheticFeeds([spec("float64", [200])], 9)["x"]?.data as Float64Array;
    const half = syntheticFeeds([spec("float16", [200])], 9)["x"]?.data as Uint16Array;
    expect([...double]).toEqual([...single]);
    expect([...half].map(float16ToNumber)).toEqual([...single]);
    expect(Math.min(...single)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...single)).toBeLessThan(1);
    expect(new Set(single).size).toBeGreaterThan(150);
  });

  test("differ by seed and by name", () => {
    const one = syntheticFeeds([spec("float32", [50]), spec("float32", [50], "y")], 1);
    expect(one["x"]?.data).not.toEqual(one["y"]?.data);
    expect(syntheticFeeds([spec("float32", [50])], 2)["x"]?.data).not.toEqual(one["x"]?.data);
  });

  test.each<[ElementType, number]>([
    ["int32", 1],
    ["int64", 1],
    ["uint32", 1],
    ["uint64", 1],
    ["bool", 1],
    ["int16", 9],
    ["uint16", 9],
    ["int8", 127],
    ["uint8", 255],
  ])("%s stays within 0 and %d", (elementType, most) => {
    const values = [...(syntheticFeeds([spec(elementType, [5_000])], 3)["x"]?.data ?? [])].map(Number);
    expect(values).toHaveLength(5_000);
    expect(Math.min(...values)).toBe(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(most);
    expect(Math.max(...values)).toBeGreaterThan(most * 0.8);
  });

  test("4-bit types share a byte between two elements", () => {
    const { data } = syntheticFeeds([spec("int4", [5])], 1)["x"] ?? { data: [] };
    expect(data).toHaveLength(3);
    expect([...data].every((byte) => (Number(byte) & 0x88) === 0)).toBe(true);
  });
});

describe("shapes", () => {
  test("open dimensions become 1, or what the caller says; names of the object's own machinery mean nothing", () => {
    expect(concreteShape(["batch", 3, "", "height", "constructor"], { batch: 4, height: 32 })).toEqual([4, 3, 1, 32, 1]);
  });

  test("zeros of every type have the right length", () => {
    const feeds = zeroFeeds([spec("string"), spec("float16", [4], "h"), spec("int64", [], "s"), spec("float32", [0, 8], "none")]);
    expect(feeds["x"]?.data).toEqual(["", "", "", "", "", ""]);
    expect(feeds["h"]?.data).toEqual(new Uint16Array(4));
    expect(feeds["s"]).toEqual({ elementType: "int64", shape: [], data: BigInt64Array.of(0n) });
    expect(feeds["none"]?.data).toHaveLength(0);
  });

  test("inputs too large to make up are refused, one by one and together", () => {
    expect(() => zeroFeeds([spec("float32", [65_536, 65_536])])).toThrow(ModelRefusal);
    expect(() => zeroFeeds([spec("float32", [2 ** 26]), spec("float32", [1], "one too many")])).toThrow('input "one too many"');
  });
});
