import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModel } from "@flotilla/runtime";
import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { checkModel, cloneModel, floats, int64s, makeNode, scalarFloat, setAttribute, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import type { AuditedNode } from "../fusion/audit.ts";
import { auditFusion } from "../fusion/audit.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import type { NodeDecision } from "./placement.ts";
import { quantizeStatic } from "./quantize-static.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-stays-float-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const LEVELS = ["disabled", "basic", "extended", "all"] as const;
const SIZE = 8;
/** Range 0 to 255/32: its scale is 1/32, and all numbers are multiples of a power of two, so that floats add up exactly in any order. */
const STEP = 1 / 32;

type Middle = { readonly nodes: readonly OnnxNode[]; readonly initializers?: readonly OnnxTensor[]; readonly keep: readonly string[]; readonly places?: number };

const eye = (name: string) => floats(name, [4, 4, 1, 1], Float32Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 1 : 0)));
/** One weight of 64 leaves no level of eight bits to the others. */
const skewed = (name: string, dims: readonly number[]) => floats(name, dims, Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, at) => (at === 0 ? 64 : (((at * 7) % 17) - 8) / 64)));

/** An integer convolution that gives what it reads, what is looked at, which reads "a" and "b" and gives "m", and another such convolution. */
function between({ nodes, initializers = [], places = SIZE }: Middle): OnnxModel {
  return smallModel({
    inputs: [value("x", [1, 4, SIZE, SIZE])],
    outputs: [value("y", [1, 4, places, places])],
    initializers: [eye("first_w"), eye("other_w"), eye("last_w"), ...initializers],
    nodes: [
      makeNode("Conv", ["x", "first_w"], ["a"], {}, { name: "first" }),
      makeNode("Conv", ["x", "other_w"], ["b"], {}, { name: "other" }),
      ...nodes,
      makeNode("Conv", ["m", "last_w"], ["y"], {}, { name: "last" }),
    ],
  });
}

const pads = { pads: { ints: [1, 1, 1, 1] } };
const conv = (input: string, output: string) => makeNode("Conv", [input, "w"], [output], pads, { name: "kept" });
const w = skewed("w", [4, 4, 3, 3]);
const window = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } };

const MIDDLES: Readonly<Record<string, Middle>> = {
  Conv: { nodes: [conv("a", "m")], initializers: [w], keep: ["kept"] },
  "Conv with bias": { nodes: [makeNode("Conv", ["a", "w", "bias"], ["m"], pads, { name: "kept" })], initializers: [w, floats("bias", [4], [1, -2, 0.5, 3])], keep: ["kept"] },
  "Conv and Relu": { nodes: [conv("a", "c"), makeNode("Relu", ["c"], ["m"], {}, { name: "relu" })], initializers: [w], keep: ["kept"] },
  "Conv and Clip": { nodes: [conv("a", "c"), makeNode("Clip", ["c", "low", "high"], ["m"], {}, { name: "clip" })], initializers: [w, scalarFloat("low", 0), scalarFloat("high", 6)], keep: ["kept"] },
  "Conv and MaxPool": { nodes: [conv("a", "c"), makeNode("MaxPool", ["c"], ["m"], window, { name: "pool" })], initializers: [w], keep: ["kept"], places: 4 },
  "Conv, Relu and MaxPool": { nodes: [conv("a", "c"), makeNode("Relu", ["c"], ["r"], {}, { name: "relu" }), makeNode("MaxPool", ["r"], ["m"], window, { name: "pool" })], initializers: [w], keep: ["kept"], places: 4 },
  "MaxPool and Conv": { nodes: [makeNode("MaxPool", ["a"], ["p"], window, { name: "pool" }), conv("p", "m")], initializers: [w], keep: ["kept", "pool"], places: 4 },
  "Conv with two readers": { nodes: [conv("a", "c"), makeNode("Sin", ["c"], ["s"], {}, { name: "side" }), makeNode("Add", ["c", "s"], ["m"], {}, { name: "sum" })], initializers: [w], keep: ["kept"] },
  "Conv between two": { nodes: [conv("a", "c"), makeNode("Conv", ["c", "w2"], ["d"], {}, { name: "kept2" }), makeNode("Add", ["d", "c"], ["m"], {}, { name: "sum" })], initializers: [w, eye("w2")], keep: ["kept"] },
  Gemm: {
    nodes: [makeNode("Reshape", ["a", "rows"], ["f"], {}, { name: "flat" }), makeNode("Gemm", ["f", "w", "bias"], ["g"], {}, { name: "kept" }), makeNode("Relu", ["g"], ["h"], {}, { name: "relu" }), makeNode("Reshape", ["h", "image"], ["m"], {}, { name: "unflat" })],
    initializers: [int64s("rows", [2], [4, 64]), int64s("image", [4], [1, 4, 8, 8]), skewed("w", [64, 64]), floats("bias", [64], new Array<number>(64).fill(0.5))],
    keep: ["kept"],
  },
  MatMul: {
    nodes: [makeNode("Reshape", ["a", "rows"], ["f"], {}, { name: "flat" }), makeNode("MatMul", ["f", "w"], ["h"], {}, { name: "kept" }), makeNode("Reshape", ["h", "image"], ["m"], {}, { name: "unflat" })],
    initializers: [int64s("rows", [2], [4, 64]), int64s("image", [4], [1, 4, 8, 8]), skewed("w", [64, 64])],
    keep: ["kept"],
  },
  Add: { nodes: [makeNode("Add", ["a", "b"], ["m"], {}, { name: "kept" })], keep: ["kept"] },
  "Add and Relu": { nodes: [makeNode("Add", ["a", "b"], ["c"], {}, { name: "kept" }), makeNode("Relu", ["c"], ["m"], {}, { name: "relu" })], keep: ["kept"] },
  Mul: { nodes: [makeNode("Mul", ["a", "b"], ["m"], {}, { name: "kept" })], keep: ["kept"] },
  Sigmoid: { nodes: [makeNode("Sigmoid", ["a"], ["m"], {}, { name: "kept" })], keep: ["kept"] },
  LeakyRelu: { nodes: [makeNode("LeakyRelu", ["a"], ["m"], { alpha: { float: 0.25 } }, { name: "kept" })], keep: ["kept"] },
  Softmax: { nodes: [makeNode("Softmax", ["a"], ["m"], { axis: { int: 1 } }, { name: "kept" })], keep: ["kept"] },
  AveragePool: { nodes: [makeNode("AveragePool", ["a"], ["m"], window, { name: "kept" })], keep: ["kept"], places: 4 },
  GlobalAveragePool: { nodes: [makeNode("GlobalAveragePool", ["a"], ["m"], {}, { name: "kept" })], keep: ["kept"], places: 1 },
  "MatMul of two": { nodes: [makeNode("MatMul", ["a", "b"], ["m"], {}, { name: "kept" })], keep: ["kept"] },
  "MatMul of two for floats": { nodes: [makeNode("MatMul", ["a", "b"], ["c"], {}, { name: "kept" }), makeNode("Sin", ["c"], ["s"], {}, { name: "side" }), makeNode("Add", ["a", "s"], ["m"], {}, { name: "sum" })], keep: ["kept"] },
  Concat: { nodes: [makeNode("Concat", ["a", "b"], ["m"], { axis: { int: 2 } }, { name: "kept" })], keep: ["kept"] },
};

/** Each has both ends of the range. */
const examples: ExampleSource = {
  count: 4,
  read: (index) => {
    const data = Float32Array.from({ length: 4 * SIZE * SIZE }, (_, at) => ((at * 37 + index * 101) % 256) * STEP);
    return Promise.resolve({ feeds: { x: { elementType: "float32", shape: [1, 4, SIZE, SIZE], data } }, label: null });
  },
};

/** Names that ONNX Runtime and the report give the same fate; what was taken out by the runtime is no matter of placement. */
function differences(audited: readonly AuditedNode[], report: readonly NodeDecision[]): string[] {
  const states = new Map(report.map(({ node, state }) => [node, state]));
  return audited.flatMap(({ node, state }) => (state === "gone" || !states.has(node) || states.get(node) === state ? [] : [`${node} is ${state}, not ${states.get(node)}`]));
}

test.each(Object.entries(MIDDLES))("%s: what was asked to stay float is computed in float at every level, to the last bit, and the report says what is run", async (_, middle) => {
  const { model, report } = await quantizeStatic(between(middle), examples, { smallestMacs: 0, keepHeadsFloat: false, calibration: { kind: "min-max" }, keepFloat: middle.keep });
  expect(checkModel(model)).toEqual([]);
  const { feeds } = await examples.read(1);
  const answers = new Map<string, Buffer>();
  for (const graphOptimization of LEVELS) {
    const session = await openModel(writeOnnx(model), { graphOptimization });
    const data = (await session.run(feeds))["y"]?.data as Float32Array;
    await session.close();
    answers.set(graphOptimization, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  for (const [level, bytes] of answers) expect(Buffer.compare(bytes, answers.get("disabled") ?? Buffer.alloc(0)), level).toBe(0);
  const { nodes: audited } = await auditFusion(model, { workDir, target: "x86" });
  const stateOf = (name: string) => audited.find(({ node }) => node === name)?.state;
  expect(["first", "kept", "last"].map(stateOf)).toEqual(["integer", "float", "integer"]);
  expect(audited.filter(({ isAsPredicted }) => !isAsPredicted)).toEqual([]);
  expect(differences(audited, report.nodes)).toEqual([]);
});

test("without a guard the runtime quantises the weights by itself, with one scale for all: guards are still needed", async () => {
  const { model, report } = await quantizeStatic(between(MIDDLES["Conv"] ?? { nodes: [], keep: [] }), examples, { smallestMacs: 0, keepHeadsFloat: false, keepFloat: ["kept"] });
  expect(report.guards).toEqual([{ node: "kept", guard: "kept_stays_float" }]);
  const bare = cloneModel(model);
  for (const node of bare.graph.nodes) {
    if (node.name !== "kept_stays_float") continue;
    node.opType = "Identity";
    setAttribute(node, "alpha", null);
  }
  const { nodes: audited } = await auditFusion(bare, { workDir, target: "x86" });
  expect(audited.find(({ node }) => node === "kept")).toMatchObject({ state: "integer", kernel: "QLinearConv" });
});
