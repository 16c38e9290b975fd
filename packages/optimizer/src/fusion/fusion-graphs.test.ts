import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeDescription, TensorDescription } from "@flotilla/runtime";
import { buildModel, floatTensor, int64Tensor } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { readOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { quantizeStatic } from "../quantize/quantize-static.ts";
import { simplify } from "../simplify/simplify.ts";
import { auditFusion } from "./audit.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-fusion-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const SHAPE = [1, 8, 8, 8];

function model(nodes: readonly NodeDescription[], outputs: readonly string[], initializers: readonly TensorDescription[] = []): OnnxModel {
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => Math.sin(at * 1.7) / 4);
  const filters = ["w1", "w2"].map((name) => floatTensor(name, [8, 8, 3, 3], numbers(576)));
  return readOnnx(
    buildModel({
      graph: {
        inputs: [{ name: "x", elementType: "float32", shape: SHAPE }],
        outputs: outputs.map((name) => ({ name, elementType: "float32" })),
        initializers: [...filters, ...initializers].filter(({ name }) => nodes.some(({ inputs }) => inputs.includes(name ?? ""))),
        nodes,
      },
    }),
  );
}

const conv = (name: string, from: string, weights: string): NodeDescription => ({
  name,
  opType: "Conv",
  inputs: [from, weights],
  outputs: [name],
  attributes: { pads: { ints: [1, 1, 1, 1] } },
});
const node = (opType: string, inputs: string[], output: string): NodeDescription => ({ name: output, opType, inputs, outputs: [output] });

const data = Float32Array.from({ length: 512 }, (_, at) => Math.cos(at));
const examples = { count: 1, read: () => Promise.resolve({ feeds: { x: { elementType: "float32" as const, shape: SHAPE, data } }, label: null }) };

/** Kernel of each node of the quantised model in the runtime's own graph, after it has been compared with the prediction. */
async function kernels(float: OnnxModel): Promise<Record<string, string | null>> {
  const { model: simple } = await simplify(float, { verifyRuns: 1 }, { target: "integer" });
  const { model: quantised } = await quantizeStatic(simple, examples, { smallestMacs: 0, keepHeadsFloat: false });
  const audits = [await auditFusion(quantised, { workDir }), await auditFusion(quantised, { workDir, target: "arm" })];
  for (const { nodes } of audits) expect(nodes.filter(({ isAsPredicted }) => !isAsPredicted)).toEqual([]);
  return Object.fromEntries((audits[0]?.nodes ?? []).map(({ node: name, kernel }) => [name, kernel]));
}

describe("quantised graphs run as foreseen:", () => {
  test("a residual block whose branches meet in an Add with a Relu", async () => {
    const found = await kernels(model([conv("c1", "x", "w1"), node("Relu", ["c1"], "r"), conv("c2", "r", "w2"), node("Add", ["c2", "r"], "sum"), node("Relu", ["sum"], "out"), conv("c3", "out", "w1")], ["c3"]));
    expect(found).toEqual({ c1: "QLinearConv", c2: "QLinearConv", sum: "QLinearAdd", c3: "QLinearConv" });
  });

  test("SiLU between two convolutions, in lookup and product", async () => {
    const found = await kernels(model([conv("c1", "x", "w1"), node("Sigmoid", ["c1"], "s"), node("Mul", ["c1", "s"], "m"), conv("c2", "m", "w2")], ["c2"]));
    expect(found).toEqual({ c1: "QLinearConv", s: "QLinearSigmoid", m: "QLinearMul", c2: "QLinearConv" });
  });

  test("a Tanh in the middle, float between quantisers", async () => {
    const found = await kernels(model([conv("c1", "x", "w1"), node("Tanh", ["c1"], "t"), conv("c2", "t", "w2")], ["c2"]));
    expect(found).toEqual({ c1: "QLinearConv", t: "Tanh", c2: "QLinearConv" });
  });

  test("values that are moved and then leave, and a convolution whose output is an output as well", async () => {
    const shape = int64Tensor("flat", [2], [1, 512]);
    const found = await kernels(model([conv("c1", "x", "w1"), node("Reshape", ["c1", "flat"], "rows"), conv("c2", "c1", "w2")], ["c1", "rows", "c2"], [shape]));
    expect(found).toMatchObject({ c1: "QLinearConv", c2: "QLinearConv" });
  });

  test("HardSwish between two convolutions never costs a convolution its kernel", async () => {
    const found = await kernels(model([conv("c1", "x", "w1"), node("HardSigmoid", ["c1"], "h"), node("Mul", ["c1", "h"], "m"), conv("c2", "m", "w2")], ["c2"]));
    expect(found).toMatchObject({ c1: "QLinearConv", c2: "QLinearConv" });
  });
});
