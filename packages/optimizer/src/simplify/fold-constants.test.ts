import { floats, int64s, makeNode, rawTensor, writeOnnx } from "@flotilla/runtime/ir";
import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import { foldConstants } from "./fold-constants.ts";
import { runPass } from "./testing/run-pass.ts";
import { smallModel, value } from "../testing/small-graphs.ts";

/** x + what the nodes compute, as value "c", from the constants. */
function plus(nodes: readonly OnnxNode[], constants: readonly OnnxTensor[], shape: readonly number[] = [1]): OnnxModel {
  return smallModel({ inputs: [value("x", shape)], outputs: [value("y")], initializers: constants, nodes: [...nodes, makeNode("Add", ["x", "c"], ["y"])] });
}

test("a whole part of the graph that depends on constants alone is one constant", async () => {
  const nodes = [makeNode("Neg", ["a"], ["n"]), makeNode("Exp", ["n"], ["e"]), makeNode("Mul", ["e", "a"], ["c"])];
  const { operators, model, report } = await runPass(foldConstants, plus(nodes, [floats("a", [3], [1, 2, 3])]));
  expect(operators).toEqual(["Add"]);
  expect(model.graph.initializers.map(({ name }) => name)).toEqual(["c"]);
  expect(report).toMatchObject({ outcome: "kept", error: 0 });
});

test("a constant that nobody can compute does not keep the others from folding", async () => {
  const nodes = [
    makeNode("Cast", ["a"], ["b"], { to: { int: 16 } }),
    makeNode("Cast", ["b"], ["d"], { to: { int: 1 } }),
    makeNode("Neg", ["a"], ["n"]),
    makeNode("Add", ["d", "n"], ["c"]),
  ];
  const { operators, report } = await runPass(foldConstants, plus(nodes, [floats("a", [2], [1, 2])]));
  expect(report?.outcome).toBe("kept");
  expect(operators).not.toContain("Neg");
});

describe("growth guard", () => {
  const LARGE = 64;
  const matrix = floats("w", [LARGE, LARGE * LARGE], new Float32Array(LARGE ** 3).map((_, index) => index % 7));
  const cases: readonly { readonly name: string; readonly nodes: OnnxNode[]; readonly constants: OnnxTensor[]; readonly keeps: string }[] = [
    { name: "Tile", nodes: [makeNode("Tile", ["a", "n"], ["c"])], constants: [floats("a", [1], [2]), int64s("n", [1], [200_000])], keeps: "Tile" },
    { name: "Expand", nodes: [makeNode("Expand", ["a", "n"], ["c"])], constants: [floats("a", [1], [2]), int64s("n", [1], [200_000])], keeps: "Expand" },
    { name: "ConstantOfShape", nodes: [makeNode("ConstantOfShape", ["n"], ["c"])], constants: [int64s("n", [1], [200_000])], keeps: "ConstantOfShape" },
    { name: "Range", nodes: [makeNode("Range", ["a", "b", "d"], ["r"]), makeNode("Cast", ["r"], ["c"], { to: { int: 1 } })], constants: [int64s("a", [], [0]), int64s("b", [], [200_000]), int64s("d", [], [1])], keeps: "Range" },
    {
      name: "Transpose of a weight that is also used as it is",
      nodes: [makeNode("Transpose", ["w"], ["t"], { perm: { ints: [1, 0] } }), makeNode("MatMul", ["w", "t"], ["p"]), makeNode("ReduceSum", ["p"], ["q"]), makeNode("MatMul", ["x", "w"], ["s"]), makeNode("MatMul", ["s", "t"], ["u"]), makeNode("Add", ["u", "q"], ["c"])],
      constants: [matrix],
      keeps: "Transpose",
    },
  ];
  for (const { name, nodes, constants, keeps } of cases) {
    test(`${name} is not unfolded into the file`, async () => {
      const model = plus(nodes, constants, [1, LARGE].slice(keeps === "Transpose" ? 0 : 1));
      const { operators, model: result } = await runPass(foldConstants, keeps === "Transpose" ? model : plus(nodes, constants, [1]), { verifyRuns: 1 });
      expect(operators).toContain(keeps);
      expect(writeOnnx(result).byteLength).toBeLessThan(writeOnnx(model).byteLength + 64 * 1024);
    });
  }

  test("the small part in front of a refused node is folded all the same", async () => {
    const nodes = [makeNode("Add", ["n", "n"], ["m"]), makeNode("Expand", ["a", "m"], ["c"])];
    const { operators } = await runPass(foldConstants, plus(nodes, [floats("a", [1], [2]), int64s("n", [1], [100_000])]));
    expect(operators).toEqual(["Expand", "Add"]);
  });

  test("a transposed weight that frees the original is folded, whatever its size", async () => {
    const constants = [floats("w", [300, 200], new Float32Array(60_000).map((_, index) => index % 5))];
    const { operators, report } = await runPass(foldConstants, plus([makeNode("Transpose", ["w"], ["c"], { perm: { ints: [1, 0] } })], constants));
    expect(operators).toEqual(["Add"]);
    expect(Math.abs((report?.after.sizeBytes ?? 0) - (report?.before.sizeBytes ?? 0))).toBeLessThan(200);
  });

  test("a result of more bytes than there is memory is never computed", async () => {
    const nodes = [makeNode("ConstantOfShape", ["n"], ["z"]), makeNode("Shape", ["z"], ["s"]), makeNode("Cast", ["s"], ["c"], { to: { int: 1 } })];
    const { operators } = await runPass(foldConstants, plus(nodes, [int64s("n", [1], [1_000])]));
    expect(operators).toEqual(["Add"]);
    const huge = smallModel({
      inputs: [value("x", [1]), value("is", [], "bool")],
      outputs: [value("y")],
      initializers: [int64s("n", [2], [2_000_000, 2_000_000])],
      nodes: [makeNode("ConstantOfShape", ["n"], ["z"]), makeNode("Identity", ["x"], ["y"]), makeNode("Neg", ["z"], ["unused"])],
    });
    const changes = await foldConstants.run(huge, {});
    expect(changes).toEqual([]);
  });

  test("weights in half precision and quantised weights stay packed", async () => {
    const half = rawTensor("h", "float16", [4_000], new Uint8Array(8_000));
    const small = rawTensor("q", "int8", [4], Uint8Array.of(1, 2, 3, 4));
    const nodes = [
      makeNode("Cast", ["h"], ["f"], { to: { int: 1 } }),
      makeNode("DequantizeLinear", ["q", "scale"], ["d"]),
      makeNode("ReduceSum", ["d"], ["r"]),
      makeNode("Add", ["f", "r"], ["c"]),
    ];
    const { report } = await runPass(foldConstants, plus(nodes, [half, small, floats("scale", [], [0.5])]));
    expect(report).toBeNull();
  });
});
