import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import { checkModel, floats, int64s, makeNode, readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import { simplify } from "./simplify.ts";
import { smallModel, value } from "../testing/small-graphs.ts";

const MODELS = join(import.meta.dirname, "../../../../../shared/models");

function countOf(model: OnnxModel, opType: string): number {
  return model.graph.nodes.filter((node) => node.opType === opType).length;
}

function realModel(file: string): { path: string; skip: boolean; note: string } {
  const path = join(MODELS, file);
  const skip = !existsSync(path);
  return { path, skip, note: skip ? ` (skipped: ${path} is not here)` : "" };
}

describe("models of other people's exporters", () => {
  type Expected = { readonly file: string; readonly nodesMax: number; readonly without: readonly string[]; readonly errorMax: number };
  const expected: readonly Expected[] = [
    { file: "face-rfb-320.onnx", nodesMax: 125, without: ["BatchNormalization", "Shape", "Gather", "Unsqueeze", "Constant"], errorMax: 1e-4 },
    { file: "mnist-8.onnx", nodesMax: 8, without: ["MatMul", "Add"], errorMax: 1e-4 },
    { file: "mnist-cnn-pytorch.onnx", nodesMax: 12, without: ["Constant"], errorMax: 0 },
    // One step of half precision: the runtime rounds in other places once the Dropout is gone.
    { file: "squeezenet-fp16.onnx", nodesMax: 65, without: ["Dropout"], errorMax: 2 ** -10 },
    { file: "tree-ensemble-rf.onnx", nodesMax: 1, without: [], errorMax: 0 },
  ];
  for (const { file, nodesMax, without, errorMax } of expected) {
    const { path, skip, note } = realModel(file);
    test(`${file} has at most ${nodesMax} nodes and the same outputs${note}`, { skip }, async () => {
      const original = readOnnx(readFileSync(path));
      const { model, report } = await simplify(original);
      expect(report.untouched).toBeNull();
      expect(report.verifiedRuns).toBeGreaterThanOrEqual(8);
      expect(report.after.nodes).toBeLessThanOrEqual(nodesMax);
      expect(without.map((opType) => countOf(model, opType))).toEqual(without.map(() => 0));
      expect(report.error).toBeLessThanOrEqual(errorMax);
      expect(report.passes.filter(({ outcome }) => outcome === "rolled back")).toEqual([]);
      expect(checkModel(model)).toEqual([]);
      expect(model.graph.outputs).toEqual(original.graph.outputs);
      expect(writeOnnx((await simplify(original)).model)).toEqual(writeOnnx(model));
    });
  }
});

/** Reshape to [batch, -1] with the batch read from the input's shape, as PyTorch writes `x.view(x.size(0), -1)`. */
function viewByShape(batch: string | null): OnnxModel {
  return smallModel({
    inputs: [value("x", [batch, 2, 3])],
    outputs: [value("y", [batch, 6])],
    initializers: [int64s("zero", [], [0]), int64s("first", [1], [0]), int64s("rest", [1], [-1])],
    nodes: [
      makeNode("Shape", ["x"], ["shape"]),
      makeNode("Gather", ["shape", "zero"], ["size"], { axis: { int: 0 } }),
      makeNode("Unsqueeze", ["size", "first"], ["row"]),
      makeNode("Concat", ["row", "rest"], ["target"], { axis: { int: 0 } }),
      makeNode("Reshape", ["x", "target"], ["y"]),
    ],
  });
}

for (const [kind, batch] of [["named", "N"], ["open", null]] as const) {
  test(`a batch dimension that is ${kind} stays so, and the result takes any batch`, async () => {
    const { model, report } = await simplify(viewByShape(batch));
    expect(report.after.nodes).toBe(1);
    expect(model.graph.inputs).toEqual([value("x", [batch, 2, 3])]);
    const session = await openModel(writeOnnx(model));
    const { y } = await session.run({ x: { elementType: "float32", shape: [7, 2, 3], data: new Float32Array(42) } });
    await session.close();
    expect(y?.shape).toEqual([7, 6]);
  });
}

test("initializers that are inputs become constants, and then fold", async () => {
  const model = smallModel({
    inputs: [value("x", [1, 2]), value("w", [2])],
    outputs: [value("y", [1, 2])],
    initializers: [floats("w", [2], [1, 2])],
    nodes: [makeNode("Neg", ["w"], ["v"]), makeNode("Exp", ["v"], ["e"]), makeNode("Mul", ["x", "e"], ["y"])],
  });
  model.irVersion = 3;
  const { model: result } = await simplify(model);
  expect(result.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  expect(result.graph.nodes.map(({ opType }) => opType)).toEqual(["Mul"]);
  expect(result.irVersion).toBe(8);
});

test("the model that came in stays as it was", async () => {
  const model = viewByShape("N");
  const before = writeOnnx(model);
  await simplify(model);
  expect(writeOnnx(model)).toEqual(before);
});

test("a model of random numbers is left alone and the report says why", async () => {
  const nodes = [makeNode("RandomNormalLike", ["x"], ["noise"]), makeNode("Identity", ["noise"], ["same"]), makeNode("Add", ["x", "same"], ["y"])];
  const model = smallModel({ inputs: [value("x", [2])], outputs: [value("y", [2])], nodes });
  const { model: result, report } = await simplify(model);
  expect(report.untouched).toContain("RandomNormalLike");
  expect(writeOnnx(result)).toEqual(writeOnnx(model));
});

test("a model that ONNX Runtime does not take is left alone and the report says why", async () => {
  const model = smallModel({ inputs: [value("x", [2])], outputs: [value("y", [2])], nodes: [makeNode("NoSuchOperator", ["x"], ["y"])] });
  expect((await simplify(model)).report.untouched).toContain("NoSuchOperator");
});

test("operators that only older tools know are kept, what stands around them is simplified", async () => {
  const model = smallModel({
    opset: 7,
    inputs: [value("x", [1, 3, 6, 6])],
    outputs: [value("y", [1, 3, 2, 2])],
    initializers: [floats("ones", [3, 1, 1], [1, 1, 1]), floats("shift", [3, 1, 1], [4, 5, 6]), floats("w", [3, 3, 3, 3], new Float32Array(81).fill(0.5))],
    nodes: [
      makeNode("ImageScaler", ["x"], ["scaled"], { bias: { floats: [-1, -2, -3] }, scale: { float: 1 } }),
      makeNode("Conv", ["scaled", "w"], ["convolved"]),
      makeNode("Crop", ["convolved"], ["cropped"], { border: { ints: [1, 1, 1, 1] } }),
      makeNode("Affine", ["cropped"], ["stretched"], { alpha: { float: 150 }, beta: { float: 0 } }),
      makeNode("Mul", ["stretched", "ones"], ["same"]),
      makeNode("Add", ["same", "shift"], ["y"]),
    ],
  });
  const { model: result, report } = await simplify(model);
  expect(report.untouched).toBeNull();
  expect(result.graph.nodes.map(({ opType }) => opType)).toEqual(["ImageScaler", "Conv", "Crop", "Affine", "Add"]);
});

test("a canceled job stops before the next pass", async () => {
  const reason = new Error("canceled");
  await expect(simplify(viewByShape("N"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("passes can be left out by name", async () => {
  const { report } = await simplify(viewByShape("N"), {}, { without: ["fold-shape-arithmetic"] });
  expect(report.passes.map(({ pass }) => pass)).not.toContain("fold-shape-arithmetic");
  expect(report.after.nodes).toBe(5);
});
