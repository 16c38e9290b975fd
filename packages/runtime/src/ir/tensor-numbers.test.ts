import { describe, expect, test } from "vitest";
import { DATA_TYPES } from "../onnx-fields.ts";
import { attribute, floatAttribute, intAttribute, intsAttribute, makeNode, setAttribute, stringAttribute } from "./attributes.ts";
import { tensorNumbers } from "./tensor-numbers.ts";
import { floats, int32s, int64s, int8s, rawTensor, scalarFloat, uint8s } from "./tensors.ts";

// Numbers worked out from the definitions of the formats (IEEE 754, OCP 8-bit and microscaling formats).
const EXPECTED: Readonly<Record<string, readonly [bytes: readonly number[], numbers: readonly number[]]>> = {
  float32: [[0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0], [1, -2.5]],
  float64: [[0, 0, 0, 0, 0, 0, 0xf8, 0xbf], [-1.5]],
  float16: [[0x00, 0x3c, 0x00, 0xc1, 0x01, 0x00, 0xff, 0x7b], [1, -2.5, 2 ** -24, 65_504]],
  bfloat16: [[0x80, 0x3f, 0x20, 0xc0, 0x01, 0x00], [1, -2.5, 2 ** -133]],
  int8: [[0x80, 0x7f], [-128, 127]],
  uint8: [[0x80, 0xff], [128, 255]],
  int16: [[0x00, 0x80, 0xff, 0x7f], [-32_768, 32_767]],
  uint16: [[0xff, 0xff], [65_535]],
  int32: [[0xff, 0xff, 0xff, 0xff], [-1]],
  uint32: [[0xff, 0xff, 0xff, 0xff], [4_294_967_295]],
  int64: [[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-2]],
  uint64: [[0, 0, 0, 0, 0, 0, 0, 0x80], [2 ** 63]],
  bool: [[0, 1, 2], [0, 1, 1]],
  int4: [[0x87, 0x1f], [7, -8, -1, 1]],
  uint4: [[0x87, 0x1f], [7, 8, 15, 1]],
  int2: [[0b10_01_11_00], [0, -1, 1, -2]],
  uint2: [[0b10_01_11_00], [0, 3, 1, 2]],
  float4e2m1: [[0x10, 0x72, 0xf9], [0, 0.5, 1, 6, -0.5, -6]],
  float8e4m3fn: [[0x38, 0xc0, 0x7e, 0x01, 0x7f], [1, -2, 448, 2 ** -9, Number.NaN]],
  float8e4m3fnuz: [[0x40, 0x7f, 0x01, 0x80], [1, 240, 2 ** -10, Number.NaN]],
  float8e5m2: [[0x3c, 0x7b, 0x01, 0x7c, 0x7f], [1, 57_344, 2 ** -16, Number.POSITIVE_INFINITY, Number.NaN]],
  float8e5m2fnuz: [[0x40, 0x7f, 0x01, 0x80], [1, 57_344, 2 ** -17, Number.NaN]],
  float8e8m0: [[127, 0, 254, 255], [1, 2 ** -127, 2 ** 127, Number.NaN]],
};

describe("numbers of every element type", () => {
  for (const { name } of DATA_TYPES.values()) {
    if (name === "string" || name.startsWith("complex")) continue;
    test(`of ${name}`, () => {
      const [bytes = [], numbers = []] = EXPECTED[name] ?? [];
      expect(numbers.length).toBeGreaterThan(0);
      // Not aligned, as views of files are.
      const data = Uint8Array.of(0, ...bytes).subarray(1);
      expect([...tensorNumbers(rawTensor("t", name, [numbers.length], data))]).toEqual(numbers);
    });
  }

  test("an odd number of nibbles leaves the last half byte alone", () => {
    expect([...tensorNumbers(rawTensor("t", "uint4", [3], Uint8Array.of(0x21, 0xf3)))]).toEqual([1, 2, 3]);
  });

  test("texts and complex numbers are no numbers", () => {
    for (const type of ["string", "complex64", "toString"]) expect(() => tensorNumbers(rawTensor("t", type, [1], new Uint8Array(8)))).toThrow(RangeError);
  });
});

test("builders lay numbers out as raw_data has them, and count them", () => {
  expect(floats("f", [2], [1, -2.5]).data).toEqual(Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0));
  expect([floats("f", [2], Float32Array.of(1, 2)), scalarFloat("s", 3), int64s("l", [2], [1n, -1]), int32s("i", [1], [-5]), int8s("b", [1], [-5]), uint8s("u", [1, 1], [250])].map((tensor) => [tensor.elementType, tensor.dims, [...tensorNumbers(tensor)]])).toEqual([
    ["float32", [2], [1, 2]], ["float32", [], [3]], ["int64", [2], [1, -1]], ["int32", [1], [-5]], ["int8", [1], [-5]], ["uint8", [1, 1], [250]],
  ]);
  expect(() => floats("f", [3], [1, 2])).toThrow("2 values for the shape [3]");
});

test("attributes are read by type, set in their place, and removed", () => {
  const node = makeNode("Op", ["x"], ["y"], { a: { int: 1 }, b: { float: 0.1 }, c: { string: "é" }, d: { ints: [1, -2] } }, { name: "n", domain: "d" });
  expect([node.name, node.domain]).toEqual(["n", "d"]);
  expect([intAttribute(node, "a", 9), intAttribute(node, "none", 9), intAttribute(node, "b", 9)]).toEqual([1, 9, 9]);
  expect([floatAttribute(node, "b", 9), floatAttribute(node, "a", 9)]).toEqual([Math.fround(0.1), 9]);
  expect([stringAttribute(node, "c", ""), stringAttribute(node, "a", "none")]).toEqual(["é", "none"]);
  expect([intsAttribute(node, "d"), intsAttribute(node, "a")]).toEqual([[1, -2], null]);
  setAttribute(node, "b", { int: 4 });
  setAttribute(node, "c", null);
  setAttribute(node, "absent", null);
  setAttribute(node, "e", { floats: [0.5] });
  expect(node.attributes.map(({ name, type }) => `${name} ${type}`)).toEqual(["a int", "b int", "d ints", "e floats"]);
  expect(attribute(node, "c")).toBeNull();
});
