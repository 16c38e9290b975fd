import { seededRandom } from "@flotilla/runtime";
import { floats, makeNode, tensorNumbers } from "@flotilla/runtime/ir";
import type { AttributeInput, OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import { foldBatchNorm, foldChannelAffine } from "./fold-channel-affine.ts";
import { runPass } from "./testing/run-pass.ts";
import { smallModel, value } from "../testing/small-graphs.ts";

const next = seededRandom(7);

function random(name: string, dims: readonly number[], low = -1): OnnxTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return floats(name, dims, Array.from({ length: count }, () => low + next() * (1 - low)));
}

const NORM = (channels: number) => [random("gamma", [channels], 0.5), random("beta", [channels]), random("mean", [channels]), random("var", [channels], 0.2)];
const norm = (input: string, output: string) => makeNode("BatchNormalization", [input, "gamma", "beta", "mean", "var"], [output]);

function model(shape: readonly number[], nodes: readonly OnnxNode[], constants: readonly OnnxTensor[], outputs = ["y"]): OnnxModel {
  return smallModel({ inputs: [value("x", shape)], outputs: outputs.map((name) => value(name)), nodes, initializers: constants });
}

describe("BatchNormalization behind", () => {
  type Case = { readonly name: string; readonly opType: string; readonly shape: number[]; readonly weights: number[]; readonly channels: number; readonly attributes?: Record<string, AttributeInput> };
  const cases: readonly Case[] = [
    { name: "a Conv", opType: "Conv", shape: [2, 3, 5, 5], weights: [4, 3, 3, 3], channels: 4, attributes: { pads: { ints: [1, 1, 1, 1] } } },
    { name: "a depthwise Conv", opType: "Conv", shape: [1, 4, 5, 5], weights: [4, 1, 3, 3], channels: 4, attributes: { group: { int: 4 } } },
    { name: "a Conv in one dimension", opType: "Conv", shape: [1, 3, 9], weights: [2, 3, 3], channels: 2 },
    { name: "a Conv in three dimensions", opType: "Conv", shape: [1, 2, 4, 4, 4], weights: [3, 2, 2, 2, 2], channels: 3 },
    { name: "a ConvTranspose", opType: "ConvTranspose", shape: [1, 3, 4, 4], weights: [3, 5, 2, 2], channels: 5, attributes: { strides: { ints: [2, 2] } } },
    { name: "a ConvTranspose in groups", opType: "ConvTranspose", shape: [1, 6, 4, 4], weights: [6, 2, 2, 2], channels: 4, attributes: { group: { int: 2 } } },
    { name: "a Gemm", opType: "Gemm", shape: [3, 4], weights: [4, 6], channels: 6 },
    { name: "a transposed Gemm with alpha", opType: "Gemm", shape: [3, 4], weights: [6, 4], channels: 6, attributes: { transB: { int: 1 }, alpha: { float: 0.5 } } },
    { name: "a MatMul", opType: "MatMul", shape: [3, 4], weights: [4, 6], channels: 6 },
  ];
  for (const { name, opType, shape, weights, channels, attributes } of cases) {
    test(`${name} goes into its weights`, async () => {
      const nodes = [makeNode(opType, ["x", "w"], ["c"], attributes ?? {}), norm("c", "y")];
      const { operators, report, model: result } = await runPass(foldBatchNorm, model(shape, nodes, [random("w", weights), ...NORM(channels)]));
      expect(report).toMatchObject({ outcome: "kept", reason: null });
      expect(operators).toEqual([opType === "MatMul" ? "Gemm" : opType]);
      expect(result.graph.initializers).toHaveLength(2);
    });
  }

  test("an existing bias is scaled with the weights", async () => {
    const nodes = [makeNode("Conv", ["x", "w", "b"], ["c"]), norm("c", "y")];
    const { operators, report } = await runPass(foldBatchNorm, model([1, 2, 4, 4], nodes, [random("w", [3, 2, 1, 1]), random("b", [3]), ...NORM(3)]));
    expect([operators, report?.outcome]).toEqual([["Conv"], "kept"]);
  });

  test("a Conv whose value something else reads stays", async () => {
    const nodes = [makeNode("Conv", ["x", "w"], ["c"]), norm("c", "y"), makeNode("Relu", ["c"], ["z"])];
    expect((await runPass(foldBatchNorm, model([1, 2, 4, 4], nodes, [random("w", [3, 2, 1, 1]), ...NORM(3)], ["y", "z"]))).report).toBeNull();
  });

  test("a Conv whose value is an output stays", async () => {
    const nodes = [makeNode("Conv", ["x", "w"], ["c"]), norm("c", "y")];
    expect((await runPass(foldBatchNorm, model([1, 2, 4, 4], nodes, [random("w", [3, 2, 1, 1]), ...NORM(3)], ["y", "c"]))).report).toBeNull();
  });

  test("weights that two Conv share are folded for each", async () => {
    const nodes = [makeNode("Conv", ["x", "w"], ["c"]), norm("c", "d"), makeNode("Conv", ["x", "w"], ["e"]), makeNode("Add", ["d", "e"], ["y"])];
    const { operators, report } = await runPass(foldBatchNorm, model([1, 2, 4, 4], nodes, [random("w", [3, 2, 1, 1]), ...NORM(3)]));
    expect([operators.toSorted(), report?.outcome]).toEqual([["Add", "Conv", "Conv"], "kept"]);
  });

  test("weights that would overflow stay as they are", async () => {
    const nodes = [makeNode("Conv", ["x", "w"], ["c"]), norm("c", "y")];
    const extreme = [floats("gamma", [1], [3e38]), floats("beta", [1], [0]), floats("mean", [1], [0]), floats("var", [1], [1e-6])];
    const changes = await foldBatchNorm.run(model([1, 1, 2, 2], nodes, [random("w", [1, 1, 1, 1], 0.5), ...extreme]), {});
    expect(changes).toEqual([]);
  });

  test("one rounding: the folded weights are the nearest to the product in double precision", async () => {
    const constants = [random("w", [2, 1, 1, 1]), ...NORM(2)];
    const { model: result } = await runPass(foldBatchNorm, model([1, 1, 2, 2], [makeNode("Conv", ["x", "w"], ["c"]), norm("c", "y")], constants));
    const [w, gamma, , , variance] = constants.map(tensorNumbers);
    const expected = [0, 1].map((channel) => Math.fround(((w?.[channel] ?? 0) * (gamma?.[channel] ?? 0)) / Math.sqrt((variance?.[channel] ?? 0) + Math.fround(1e-5))));
    const folded = result.graph.initializers.map(tensorNumbers)[0];
    expect([...(folded ?? [])].map((number, at) => Math.abs(number - (expected[at] ?? 0)))).toEqual([expect.closeTo(0, 8), expect.closeTo(0, 8)]);
  });
});

describe("BatchNormalization in front of", () => {
  test("a Conv without padding goes into its weights", async () => {
    const nodes = [norm("x", "n"), makeNode("Conv", ["n", "w"], ["y"])];
    const { operators, report } = await runPass(foldBatchNorm, model([1, 3, 5, 5], nodes, [random("w", [4, 3, 3, 3]), ...NORM(3)]));
    expect([operators, report?.outcome]).toEqual([["Conv"], "kept"]);
  });

  test("a Conv in groups goes into the right weights", async () => {
    const nodes = [norm("x", "n"), makeNode("Conv", ["n", "w", "b"], ["y"], { group: { int: 2 } })];
    const { operators, report } = await runPass(foldBatchNorm, model([1, 4, 5, 5], nodes, [random("w", [6, 2, 3, 3]), random("b", [6]), ...NORM(4)]));
    expect([operators, report?.outcome]).toEqual([["Conv"], "kept"]);
  });

  for (const attributes of [{ pads: { ints: [0, 0, 0, 1] } }, { auto_pad: { string: "SAME_UPPER" } }]) {
    test(`a Conv with ${Object.keys(attributes).join()} stays, since padding is not normalised`, async () => {
      const nodes = [norm("x", "n"), makeNode("Conv", ["n", "w"], ["y"], attributes as Record<string, AttributeInput>)];
      expect((await runPass(foldBatchNorm, model([1, 3, 5, 5], nodes, [random("w", [4, 3, 3, 3]), ...NORM(3)]))).report).toBeNull();
    });
  }

  test("a Gemm goes into its weights, a Relu between keeps it", async () => {
    const constants = [random("w", [3, 4]), random("b", [4]), ...NORM(3)];
    const direct = await runPass(foldBatchNorm, model([2, 3], [norm("x", "n"), makeNode("Gemm", ["n", "w", "b"], ["y"])], constants));
    expect([direct.operators, direct.report?.outcome]).toEqual([["Gemm"], "kept"]);
    const nodes = [norm("x", "n"), makeNode("Relu", ["n"], ["r"]), makeNode("Gemm", ["r", "w", "b"], ["y"])];
    expect((await runPass(foldBatchNorm, model([2, 3], nodes, constants))).report).toBeNull();
  });
});

describe("constants per channel", () => {
  test("MatMul and Add are a Gemm with a bias of one dimension", async () => {
    const nodes = [makeNode("MatMul", ["x", "w"], ["m"]), makeNode("Add", ["m", "b"], ["y"])];
    const { operators, model: result } = await runPass(foldChannelAffine, model([2, 3], nodes, [random("w", [3, 4]), random("b", [1, 4])]));
    expect(operators).toEqual(["Gemm"]);
    expect(result.graph.initializers.map(({ dims }) => dims)).toEqual([[3, 4], [4]]);
  });

  test("MatMul of more dimensions takes a factor, not a bias", async () => {
    const nodes = [makeNode("MatMul", ["x", "w"], ["m"]), makeNode("Mul", ["m", "s"], ["f"]), makeNode("Add", ["f", "b"], ["y"])];
    const { operators, report } = await runPass(foldChannelAffine, model([2, 5, 3], nodes, [random("w", [3, 4]), random("s", [4]), random("b", [4])]));
    expect([operators, report?.outcome]).toEqual([["MatMul", "Add"], "kept"]);
  });

  test("c - Conv(x) is a Conv of negated weights", async () => {
    const nodes = [makeNode("Conv", ["x", "w"], ["c"]), makeNode("Sub", ["s", "c"], ["y"])];
    const { operators, report } = await runPass(foldChannelAffine, model([1, 2, 3, 3], nodes, [random("w", [3, 2, 1, 1]), random("s", [3, 1, 1])]));
    expect([operators, report?.outcome]).toEqual([["Conv"], "kept"]);
  });

  test("scaling and shifting of the input goes into the first Conv", async () => {
    const nodes = [makeNode("Sub", ["x", "mean"], ["m"]), makeNode("Div", ["m", "std"], ["n"]), makeNode("Conv", ["n", "w"], ["y"])];
    const { operators, report } = await runPass(foldChannelAffine, model([1, 3, 4, 4], nodes, [random("w", [2, 3, 3, 3]), random("mean", [1, 3, 1, 1]), random("std", [1, 3, 1, 1], 0.2)]));
    expect([operators, report?.outcome]).toEqual([["Conv"], "kept"]);
  });

  test("a factor in front of a padded Conv is folded, a shift is not", async () => {
    const conv = makeNode("Conv", ["n", "w"], ["y"], { pads: { ints: [1, 1, 1, 1] } });
    const constants = [random("w", [2, 3, 3, 3]), random("c", [3, 1, 1], 0.5)];
    expect((await runPass(foldChannelAffine, model([1, 3, 4, 4], [makeNode("Mul", ["x", "c"], ["n"]), conv], constants))).operators).toEqual(["Conv"]);
    expect((await runPass(foldChannelAffine, model([1, 3, 4, 4], [makeNode("Add", ["x", "c"], ["n"]), conv], constants))).report).toBeNull();
  });

  for (const [what, dims] of [["rows", [1, 1, 3, 1]], ["every element", [1, 3, 3, 3]], ["a larger batch", [4, 1, 1, 1]], ["a further dimension", [1, 1, 3, 1, 1]]] as const) {
    test(`a constant along ${what} is not one per channel`, async () => {
      const nodes = [makeNode("Conv", ["x", "w"], ["c"]), makeNode("Mul", ["c", "s"], ["y"])];
      expect((await runPass(foldChannelAffine, model([1, 2, 3, 3], nodes, [random("w", [3, 2, 1, 1]), random("s", dims)]))).report).toBeNull();
    });
  }

  test("1 / Conv(x) stays", async () => {
    const nodes = [makeNode("Conv", ["x", "w"], ["c"]), makeNode("Div", ["one", "c"], ["y"])];
    expect((await runPass(foldChannelAffine, model([1, 2, 3, 3], nodes, [random("w", [3, 2, 1, 1], 0.5), floats("one", [], [1])]))).report).toBeNull();
  });
});
