import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openModel } from "../../backend.ts";
import { syntheticFeeds } from "../../feeds.ts";
import { sharedModel } from "../../testing/shared-models.ts";
import type { Tensor } from "../../types.ts";
import type { AttributeInput } from "../attributes.ts";
import { makeNode } from "../attributes.ts";
import { checkModel } from "../check/check-model.ts";
import { readOnnx } from "../read-onnx.ts";
import { floats, int64s } from "../tensors.ts";
import { sampleGraph, sampleModel, tensorValue } from "../testing/sample-model.ts";
import type { OnnxModel, OnnxTensor } from "../types.ts";
import { writeOnnx } from "../write-onnx.ts";
import { OpsetRefusal } from "./opset-refusal.ts";
import { upgradeOpset } from "./upgrade-opset.ts";

async function run(model: OnnxModel, seed = 1): Promise<Record<string, Tensor>> {
  const session = await openModel(writeOnnx(model), { graphOptimization: "disabled" });
  const results = await session.run(syntheticFeeds(session.inputs, seed));
  await session.close();
  return results;
}

/** Bytes of the model, upgraded on a copy. */
function upgraded(model: OnnxModel, version: number): { readonly model: OnnxModel; readonly changed: string[] } {
  const copy = readOnnx(writeOnnx(model));
  const { changed } = upgradeOpset(copy, version);
  return { model: copy, changed };
}

function expectSound(model: OnnxModel, version: number): void {
  expect(model.opsets.find(({ domain }) => domain === "")?.version).toBe(version);
  expect(checkModel(model).filter(({ severity }) => severity === "error")).toEqual([]);
}

async function expectSameOutputs(model: OnnxModel, version: number): Promise<string[]> {
  const result = upgraded(model, version);
  expectSound(result.model, version);
  const before = await run(model);
  const after = await run(result.model);
  expect(Object.values(after).map(withoutHalves)).toEqual(Object.values(before).map(withoutHalves));
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, { elementType, data }] of Object.entries(before)) {
    if (elementType !== "float16") continue;
    const others = after[name]?.data as Uint16Array;
    const steps = Array.from(data as Uint16Array, (bits, at) => Math.abs(bits - (others[at] ?? 0)));
    expect(Math.max(...steps)).toBeLessThanOrEqual(HALF_STEPS_MAX);
  }
  return result.changed;
}

/** The runtime computes in half or in single precision depending on which versions of an operator it has half kernels for. */
const HALF_STEPS_MAX = 2;

function withoutHalves(tensor: Tensor): unknown {
  return tensor.elementType === "float16" ? { ...tensor, data: null } : tensor;
}

type Case = {
  readonly from: number;
  readonly op: string;
  readonly shape: readonly number[];
  readonly attributes?: Readonly<Record<string, AttributeInput>>;
  readonly more?: readonly OnnxTensor[];
  readonly outputs?: number;
  /** Part of the sentence that says what changed, on the way to 21; absent: nothing but the version changes. */
  readonly says?: string;
};

const ints = (...values: number[]) => ({ ints: values });
const scales = (...values: number[]) => floats("", [values.length], values);
const pooling = { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) };
const perChannel = (count: number) => floats("", [count], Array.from({ length: count }, (_, at) => at + 0.5));

const CASES: readonly Case[] = [
  { from: 7, op: "Clip", shape: [2, 3], attributes: { min: { float: 0.25 }, max: { float: 0.75 } }, says: "min and max became inputs" },
  { from: 10, op: "Clip", shape: [2, 3], attributes: { max: { float: 0.5 } }, says: "min and max" },
  { from: 7, op: "Clip", shape: [2, 3], says: "min and max" },
  { from: 7, op: "Pad", shape: [2, 3], attributes: { pads: ints(1, 0, 0, 2), value: { float: 0.5 } }, says: "pads became an input" },
  { from: 10, op: "Pad", shape: [2, 3], attributes: { pads: ints(1, 0, 0, 2), mode: { string: "reflect" } }, says: "pads" },
  { from: 7, op: "Slice", shape: [4, 5], attributes: { starts: ints(1, -2), ends: ints(3, Number.MAX_SAFE_INTEGER) }, says: "starts, ends and axes" },
  { from: 9, op: "Slice", shape: [4, 5], attributes: { starts: ints(1), ends: ints(-1), axes: ints(1) }, says: "starts, ends and axes" },
  { from: 7, op: "TopK", shape: [3, 7], attributes: { k: { int: 3 } }, outputs: 2, says: "k became an input" },
  { from: 7, op: "Dropout", shape: [2, 3], attributes: { ratio: { float: 0.25 } }, says: "ratio" },
  { from: 7, op: "Upsample", shape: [1, 2, 3, 4], attributes: { scales: { floats: [1, 1, 2, 3] }, mode: { string: "nearest" } }, says: "became Resize" },
  { from: 7, op: "Upsample", shape: [1, 2, 3, 4], attributes: { scales: { floats: [1, 1, 1.5, 2] }, mode: { string: "linear" } }, says: "became Resize" },
  { from: 9, op: "Upsample", shape: [1, 2, 3, 4], more: [scales(1, 1, 2, 1.7)], attributes: { mode: { string: "nearest" } }, says: "positions" },
  ...[[1, 1, 2.3, 1.7], [1, 1, 0.4, 0.7]].flatMap((factors) => ["nearest", "linear"].map((mode) => ({ from: 10, op: "Resize", shape: [1, 2, 7, 9], more: [scales(...factors)], attributes: { mode: { string: mode } }, says: "positions" }))),
  ...["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"].flatMap((positions) =>
    ["nearest", "linear", "cubic"].map((mode) => ({ from: 11, op: "Resize", shape: [1, 2, 7, 9], more: [scales(), scales(1, 1, 1.6, 0.7)], attributes: { mode: { string: mode }, coordinate_transformation_mode: { string: positions } } })),
  ),
  { from: 11, op: "Resize", shape: [1, 2, 7, 9], more: [scales(), scales(), int64s("", [4], [1, 2, 4, 11])], says: "empty scales" },
  { from: 9, op: "Scatter", shape: [3, 3], more: [int64s("", [1, 3], [2, 0, 1]), floats("", [1, 3], [7, 8, 9])], says: "became ScatterElements" },
  ...["Softmax", "LogSoftmax", "Hardmax"].flatMap((op) => [
    { from: 7, op, shape: [2, 3, 4], says: "flattened" },
    { from: 11, op, shape: [2, 3, 4], attributes: { axis: { int: -2 } }, says: "flattened" },
    { from: 11, op, shape: [2, 3, 4], attributes: { axis: { int: 2 } }, says: "over axis 2" },
    { from: 7, op, shape: [2, 5, 1, 1], says: "over axis 1" },
  ]),
  { from: 11, op: "ReduceSum", shape: [2, 3, 4], attributes: { axes: ints(1, -1), keepdims: { int: 0 } }, says: "axes" },
  { from: 7, op: "ReduceSum", shape: [2, 3, 4] },
  ...["ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceProd", "ReduceLogSumExp", "ReduceSumSquare", "ReduceLogSum"].map((op) => ({ from: 7, op, shape: [2, 3, 4], attributes: { axes: ints(1) }, says: "axes" })),
  { from: 7, op: "Squeeze", shape: [1, 3, 1], attributes: { axes: ints(2) }, says: "axes" },
  { from: 7, op: "Squeeze", shape: [1, 3, 1] },
  { from: 7, op: "Unsqueeze", shape: [2, 3], attributes: { axes: ints(0, 3) }, says: "axes" },
  { from: 7, op: "Split", shape: [6, 2], attributes: { split: ints(1, 5) }, outputs: 2, says: "split" },
  { from: 7, op: "Split", shape: [6, 2], outputs: 3, says: "number of parts" },
  { from: 7, op: "BatchNormalization", shape: [2, 3, 4], more: [perChannel(3), perChannel(3), perChannel(3), perChannel(3)], attributes: { spatial: { int: 1 } }, says: "spatial" },
  { from: 12, op: "RoiAlign", shape: [1, 2, 8, 8], more: [floats("", [1, 4], [1, 1, 6, 5]), int64s("", [1], [0])], attributes: { output_height: { int: 3 }, output_width: { int: 2 }, sampling_ratio: { int: 2 } }, says: "positions" },
  { from: 16, op: "GridSample", shape: [1, 2, 4, 5], more: [floats("", [1, 2, 2, 2], [-1, 0.3, 0.1, 1, 0.5, 0.5, 0, -0.7])], attributes: { mode: { string: "bilinear" } }, says: "linear" },
  { from: 17, op: "DFT", shape: [1, 4, 3, 1], attributes: { axis: { int: 1 } }, says: "axis" },
  { from: 18, op: "GroupNormalization", shape: [2, 4, 3], more: [perChannel(2), perChannel(2)], attributes: { num_groups: { int: 2 } }, says: "per channel" },
  { from: 7, op: "Affine", shape: [1, 2, 3, 4], attributes: { alpha: { float: 1.5 }, beta: { float: -0.25 } }, says: "became Mul and Add" },
  { from: 7, op: "ImageScaler", shape: [1, 3, 2, 2], attributes: { scale: { float: 0.5 }, bias: { floats: [1, 2, 3] } }, says: "became Mul and Add" },
  { from: 7, op: "ImageScaler", shape: [1, 3, 2, 2], attributes: { scale: { float: 1 }, bias: { floats: [1, 2, 3] } }, says: "became Add" },
  { from: 7, op: "Crop", shape: [1, 2, 6, 7], attributes: { border: ints(1, 2, 0, 1) }, says: "became Slice" },
  { from: 7, op: "Crop", shape: [1, 2, 6, 7], attributes: { border: ints(1, 2, 0, 0), scale: ints(2, 3) }, says: "became Slice" },
  // Nothing of these changes but the version.
  ...["AveragePool", "MaxPool"].map((op) => ({ from: 7, op, shape: [1, 2, 8, 9], attributes: pooling })),
  ...[0, 1].map((padded) => ({ from: 10, op: "AveragePool", shape: [1, 2, 8, 9], attributes: { ...pooling, ceil_mode: { int: 1 }, count_include_pad: { int: padded } } })),
  { from: 7, op: "LpPool", shape: [1, 2, 8, 9], attributes: pooling },
  { from: 7, op: "Flatten", shape: [2, 3, 4], attributes: { axis: { int: 2 } } },
  { from: 7, op: "DepthToSpace", shape: [1, 8, 2, 3], attributes: { blocksize: { int: 2 } } },
  { from: 7, op: "ArgMax", shape: [2, 3, 4], attributes: { axis: { int: 1 } } },
  { from: 7, op: "Transpose", shape: [2, 3, 4] },
  { from: 7, op: "PRelu", shape: [2, 3, 4], more: [floats("", [3, 1], [0.1, 0.2, 0.3])] },
  { from: 9, op: "OneHot", shape: [2], more: [floats("", [1], [4]), floats("", [2], [0, 5])] },
  { from: 7, op: "InstanceNormalization", shape: [2, 3, 4], more: [perChannel(3), perChannel(3)] },
  { from: 7, op: "LSTM", shape: [3, 2, 4], more: [floats("", [1, 12, 4], Array.from({ length: 48 }, (_, at) => (at % 7) / 7)), floats("", [1, 12, 3], Array.from({ length: 36 }, (_, at) => (at % 5) / 5))], attributes: { hidden_size: { int: 3 } }, outputs: 3 },
];

function modelOf({ from, op, shape, attributes = {}, more = [], outputs = 1 }: Case): OnnxModel {
  const names = Array.from({ length: outputs }, (_, at) => `out${at}`);
  const constants = more.map((tensor, at) => ({ ...tensor, name: `constant${at}` }));
  return sampleModel({
    opset: from,
    irVersion: 8,
    inputs: [tensorValue("x", "float32", shape)],
    outputs: names.map((name) => ({ ...tensorValue(name, "float32", null), type: null })),
    initializers: constants,
    nodes: [makeNode(op, ["x", ...constants.map(({ name }) => name)], names, attributes, { name: "the node" })],
  });
}

describe("an upgraded operator computes the same", () => {
  for (const [index, each] of CASES.entries()) {
    test(`${index} ${each.op} from ${each.from}${each.says === undefined ? "" : ` (${each.says})`}`, async () => {
      const model = modelOf(each);
      if (each.from < 13) await expectSameOutputs(model, 13);
      const changed = await expectSameOutputs(model, 21);
      expect(changed.join("; ")).toMatch(each.says ?? /^$/);
    });
  }
});

describe("what cannot be upgraded is refused by name, and the model stays as it was", () => {
  const faults: [string, Case, (model: OnnxModel) => void, string][] = [
    ["an operator ONNX does not have", { from: 7, op: "ATen", shape: [2] }, () => {}, "ATen"],
    ["an experimental operator without a standard form", { from: 7, op: "ParametricSoftplus", shape: [2] }, () => {}, "ParametricSoftplus"],
    ["BatchNormalization per position", { from: 7, op: "BatchNormalization", shape: [2, 3], more: [perChannel(3), perChannel(3), perChannel(3), perChannel(3)], attributes: { spatial: { int: 0 } } }, () => {}, "spatial=0"],
    ["statistics of training that leave the graph", { from: 9, op: "BatchNormalization", shape: [2, 3], more: [perChannel(3), perChannel(3), perChannel(3), perChannel(3)], outputs: 3 }, () => {}, "statistics"],
    ["a mask that leaves the graph", { from: 7, op: "Dropout", shape: [2], outputs: 2 }, () => {}, "mask"],
    ["a Resize that shrinks and stretches", { from: 10, op: "Resize", shape: [1, 1, 4, 4], more: [scales(1, 1, 0.5, 2)] }, () => {}, "shrinks"],
    ["scales computed while it runs", { from: 10, op: "Resize", shape: [1, 1, 4, 4] }, (model) => (model.graph.nodes[0]?.inputs.push("x")), "computed"],
    ["a dropped way of mapping", { from: 11, op: "Resize", shape: [1, 1, 4, 4], more: [scales(), scales(1, 1, 2, 2)], attributes: { coordinate_transformation_mode: { string: "tf_half_pixel_for_nn" } } }, () => {}, "dropped"],
    ["Scan of version 8", { from: 8, op: "Scan", shape: [2] }, () => {}, "batches"],
    ["a Clip of an unknown type", { from: 7, op: "Clip", shape: [2], attributes: { max: { float: 1 } } }, (model) => (model.graph.inputs = [{ ...tensorValue("x", "", []), type: null }]), "type"],
  ];
  for (const [title, each, change, says] of faults) {
    test(`${title}`, () => {
      const model = modelOf(each);
      change(model);
      const before = writeOnnx(model);
      let refused: unknown = null;
      try {
        upgradeOpset(model, 21);
      } catch (error) {
        refused = error;
      }
      expect(refused).toBeInstanceOf(OpsetRefusal);
      expect(refused).toMatchObject({ node: "the node", opType: each.op, reason: expect.stringContaining(says) as string });
      expect(Buffer.compare(writeOnnx(model), before)).toBe(0);
    });
  }

  test("versions nobody knows", () => {
    expect(() => upgradeOpset(modelOf({ from: 6, op: "Relu", shape: [2] }), 13)).toThrow("not 6 to 13");
    expect(() => upgradeOpset(modelOf({ from: 13, op: "Relu", shape: [2] }), 22)).toThrow("not 13 to 22");
  });
});

test("a model that is there already, or beyond, stays as it is", () => {
  const model = modelOf({ from: 17, op: "Relu", shape: [2] });
  for (const version of [13, 17]) expect(upgradeOpset(model, version)).toEqual({ changed: [] });
  expect(model.opsets).toEqual([{ domain: "", version: 17 }]);
});

test("branches are upgraded too, with names that are new in the whole model", async () => {
  const branch = (op: string, output: string) =>
    sampleGraph({ inputs: [], outputs: [tensorValue(output, "float32", null)], nodes: [makeNode(op, ["x"], [output], { axes: ints(1) }, { name: "same" })] });
  const model = sampleModel({
    opset: 11,
    inputs: [tensorValue("x", "float32", [2, 3]), tensorValue("which", "bool", [])],
    outputs: [tensorValue("y", "float32", null)],
    nodes: [makeNode("If", ["which"], ["y"], { then_branch: { graph: branch("ReduceSum", "a") }, else_branch: { graph: branch("ReduceMean", "b") } }, { name: "same" })],
  });
  await expectSameOutputs(model, 13);
  expect(await expectSameOutputs(model, 21)).toHaveLength(2);
});

test("what a branch captures has the type and shape it has outside", async () => {
  const branch = (output: string, axis: number) =>
    sampleGraph({
      inputs: [],
      outputs: [tensorValue(output, "float32", null)],
      nodes: [makeNode("Clip", ["a"], [`${output}1`], { max: { float: 0.5 } }), makeNode("Softmax", [`${output}1`], [output], { axis: { int: axis } })],
    });
  const model = sampleModel({
    opset: 9,
    inputs: [tensorValue("x", "float32", [2, 3, 1]), tensorValue("which", "bool", [])],
    outputs: [tensorValue("y", "float32", null)],
    nodes: [makeNode("Abs", ["x"], ["a"]), makeNode("If", ["which"], ["y"], { then_branch: { graph: branch("t", 1) }, else_branch: { graph: branch("e", 0) } })],
  });
  await expectSameOutputs(model, 13);
  expect((await expectSameOutputs(model, 21)).map((each) => each.replaceAll(/"[^"]*" /g, ""))).toEqual([
    "Clip min and max became inputs", "Clip min and max became inputs", "Softmax runs over axis 1", "Softmax runs over everything from axis 0 on, flattened around it",
  ]);
});

test("local functions are upgraded too, with Constant nodes where a graph has initializers", async () => {
  const model = modelOf({ from: 12, op: "Relu", shape: [2, 3] });
  model.graph.nodes = [makeNode("Sum2", ["x"], ["out0"], {}, { domain: "local" })];
  model.opsets.push({ domain: "local", version: 1 });
  model.functions = [{
    domain: "local", name: "Sum2", overload: "", inputs: ["a"], outputs: ["b"], attributeNames: [], attributeDefaults: [],
    nodes: [makeNode("ReduceSum", ["a"], ["b"], { axes: ints(1) })], opsets: [{ domain: "", version: 12 }], valueInfos: [], docString: "", metadata: [], unknownFields: [],
  }];
  expect(await expectSameOutputs(model, 17)).toHaveLength(1);
});

test("an old file's initializers stop being inputs, which they only were by form", () => {
  const model = modelOf({ from: 8, op: "Add", shape: [2], more: [floats("", [2], [1, 2])] });
  model.irVersion = 3;
  model.graph.inputs.push(tensorValue("constant0", "float32", [2]));
  upgradeOpset(model, 13);
  expect(model.irVersion).toBe(7);
  expect(model.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
});

describe("models of other people's tools", () => {
  for (const file of ["mnist-8.onnx", "mnist-cnn-pytorch.onnx", "squeezenet-fp16.onnx", "face-rfb-320.onnx"]) {
    const { path, missing } = sharedModel(file);
    test(`${file} computes the same at 13 and 21${missing === null ? "" : ` (skipped: ${missing})`}`, { skip: missing !== null }, async () => {
      const model = readOnnx(readFileSync(path));
      for (const version of [13, 21]) await expectSameOutputs(model, version);
    });
  }

  const candy = sharedModel("style-candy.onnx");
  // A run takes ten seconds; that it computes the same was seen once by hand, bit for bit.
  test(`style-candy.onnx loses its experimental operators and loads at 13 and 21${candy.missing === null ? "" : ` (skipped: ${candy.missing})`}`, { skip: candy.missing !== null }, async () => {
    for (const version of [13, 21]) {
      const { model, changed } = upgraded(readOnnx(readFileSync(candy.path)), version);
      expectSound(model, version);
      expect(changed.filter((each) => /^(Affine|Crop|ImageScaler) /.test(each))).toHaveLength(9);
      await (await openModel(writeOnnx(model), { graphOptimization: "disabled" })).close();
    }
  });
});
