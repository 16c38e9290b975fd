import { numberToFloat16, openModel } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { checkModel, makeNode, rawTensor, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import { smallModel, value } from "../testing/small-graphs.ts";
import { widenFloat16 } from "./widen-float16.ts";

const WEIGHTS = [0.5, -1.25, 2 ** -24, 65_504, 0, 3.140625];

function halfModel(): OnnxModel {
  const bits = Uint16Array.from(WEIGHTS, numberToFloat16);
  return smallModel({
    opset: 13,
    inputs: [value("x", [1, 2], "float16")],
    outputs: [value("y", [1, 3], "float16")],
    initializers: [rawTensor("w", "float16", [2, 3], new Uint8Array(bits.buffer))],
    nodes: [
      makeNode("MatMul", ["x", "w"], ["product"], {}, { name: "product" }),
      makeNode("Cast", ["product"], ["wide"], { to: { int: 1 } }, { name: "up" }),
      makeNode("Cast", ["wide"], ["y"], { to: { int: 10 } }, { name: "down" }),
    ],
  });
}

describe("half precision to single precision", () => {
  test("every weight keeps its value, and the model runs in float32", async () => {
    const model = halfModel();
    const changes = await widenFloat16.run(model, {});
    expect(changes.map(({ node }) => node)).toEqual(expect.arrayContaining(["x", "y", "down"]));
    expect(checkModel(model)).toEqual([]);
    const session = await openModel(writeOnnx(model));
    const { y } = await session.run({ x: { elementType: "float32", shape: [1, 2], data: Float32Array.of(1, 2) } });
    await session.close();
    expect(y?.elementType).toBe("float32");
    const expected = [0, 1, 2].map((column) => (WEIGHTS[column] ?? 0) + 2 * (WEIGHTS[column + 3] ?? 0));
    expect(Array.from((y?.data ?? []) as Float32Array)).toEqual(expected.map(Math.fround));
  });

  test("nothing is left to widen afterwards, also after writing and reading", async () => {
    const model = halfModel();
    await widenFloat16.run(model, {});
    expect(widenFloat16.appliesTo(readOnnx(writeOnnx(model)), {})).toBe("the model has no float16 values");
  });
});
