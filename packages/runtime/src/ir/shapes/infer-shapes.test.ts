import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { demoConvNet } from "../../demo-models.ts";
import { sharedModel } from "../../testing/shared-models.ts";
import { makeNode } from "../attributes.ts";
import type { AttributeInput } from "../attributes.ts";
import { readOnnx } from "../read-onnx.ts";
import { floats, int64s, int8s, rawTensor, scalarFloat, uint8s } from "../tensors.ts";
import { sampleGraph, sampleModel, tensorValue } from "../testing/sample-model.ts";
import { compareShapes } from "../testing/shape-comparison.ts";
import type { OnnxAttribute, OnnxFunction, OnnxModel, OnnxTensor, OnnxValueInfo } from "../types.ts";
import { inferShapes } from "./infer-shapes.ts";

const TYPES: Readonly<Record<string, string>> = { f: "float32", h: "float16", d: "float64", l: "int64", i: "int32", b: "bool", u: "uint8", s: "int8" };

type Part = string | OnnxTensor;
type Case = { readonly op: string; readonly parts: readonly Part[]; readonly attributes?: Readonly<Record<string, AttributeInput>>; readonly opset?: number; readonly outputs?: number; readonly domain?: string };

/** A model of one node; "f2x3" is a float32 input of shape [2, 3], "" an absent one. */
function oneNode({ op, parts, attributes = {}, opset = 17, outputs = 1, domain = "" }: Case): OnnxModel {
  const inputs: OnnxValueInfo[] = [];
  const initializers: OnnxTensor[] = [];
  const names = parts.map((part, index) => {
    if (part === "") return "";
    const name = `in${index}`;
    if (typeof part !== "string") initializers.push({ ...part, name });
    else inputs.push(tensorValue(name, TYPES[part[0] ?? ""] ?? "", part.slice(1) === "" ? [] : part.slice(1).split("x").map(Number)));
    return name;
  });
  const results = Array.from({ length: outputs }, (_, index) => `out${index}`);
  const model = sampleModel({ nodes: [makeNode(op, names, results, attributes, { domain })], inputs, outputs: [], initializers, opset, irVersion: 10 });
  if (domain !== "") model.opsets.push({ domain, version: 1 });
  return model;
}

const ints = (...ints: number[]) => ({ ints });
const int = (value: number) => ({ int: value });
const vector = (...values: (number | bigint)[]) => int64s("", [values.length], values);
const scalar = (value: number) => int64s("", [], [value]);
const scales = (...values: number[]) => floats("", [values.length], values);
const f = (dims: readonly number[]) => floats("", dims, Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, (_, at) => ((at * 7) % 11) / 11));
const weights = (...dims: number[]) => int8s("", dims, Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, (_, at) => (at % 13) - 6));
const u8 = (value: number) => uint8s("", [], [value]);
const s8 = (value: number) => int8s("", [], [value]);
const one = scalarFloat("", 1);
const isTrue = rawTensor("", "bool", [], Uint8Array.of(1));

const unary = "Relu LeakyRelu Sigmoid Tanh Exp Erf Elu Selu Softplus Softsign HardSigmoid HardSwish ThresholdedRelu Clip Softmax LogSoftmax Sqrt Abs Neg Floor Ceil Round Reciprocal Identity Not IsNaN".split(" ");
const binary = "Add Sub Mul Div Pow Max Min Sum Mean PRelu".split(" ");
const reductions = "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSumExp ReduceSumSquare".split(" ");

const CASES: readonly Case[] = [
  ...unary.map((op) => ({ op, parts: [op === "Not" ? "b2x3" : "f2x3"] })),
  ...binary.map((op) => ({ op, parts: ["f2x3x4", op === "PRelu" ? "f3x1" : "f3x1"] })),
  ...["Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"].map((op) => ({ op, parts: ["f2x3x4", "f4"] })),
  ...["And", "Or", "Xor"].map((op) => ({ op, parts: ["b2x1", "b1x3"] })),
  { op: "Where", parts: ["b2x1", "f1x3", "f1"] },
  { op: "Mod", parts: ["l4", scalar(3)] },
  { op: "Gelu", parts: ["f2x3"], opset: 20 },
  { op: "Gelu", parts: ["f2x3"], domain: "com.microsoft" },
  { op: "Dropout", parts: ["f2x3"], outputs: 2 },
  { op: "CumSum", parts: ["f2x3", scalar(1)] },
  // convolutions and pools
  { op: "Conv", parts: ["f1x3x9x10", f([4, 3, 3, 3])] },
  { op: "Conv", parts: ["f1x4x9x10", f([8, 2, 3, 2]), f([8])], attributes: { strides: ints(2, 3), pads: ints(1, 0, 2, 1), dilations: ints(1, 2), group: int(2) } },
  { op: "Conv", parts: ["f2x3x9x10", f([4, 3, 3, 3])], attributes: { auto_pad: { string: "SAME_UPPER" }, strides: ints(2, 2) } },
  { op: "Conv", parts: ["f2x3x9x10", f([4, 3, 3, 3])], attributes: { auto_pad: { string: "VALID" } } },
  { op: "Conv", parts: ["f1x3x20", f([4, 3, 5])], attributes: { strides: ints(2) } },
  { op: "Conv", parts: ["f1x1x5x6x7", f([2, 1, 3, 3, 3])] },
  { op: "ConvInteger", parts: ["u1x3x5x5", uint8s("", [2, 3, 3, 3], new Array<number>(54).fill(1))] },
  { op: "ConvTranspose", parts: ["f1x4x5x6", f([4, 3, 3, 3])], attributes: { strides: ints(2, 3), pads: ints(1, 0, 1, 1), output_padding: ints(1, 0) } },
  { op: "ConvTranspose", parts: ["f1x4x5x6", f([4, 2, 3, 3])], attributes: { group: int(2), dilations: ints(2, 1), strides: ints(1, 2) } },
  { op: "ConvTranspose", parts: ["f1x4x5x6", f([4, 3, 3, 3])], attributes: { strides: ints(2, 2), output_shape: ints(10, 12) } },
  { op: "ConvTranspose", parts: ["f1x4x5x6", f([4, 3, 3, 3])], attributes: { strides: ints(2, 2), auto_pad: { string: "SAME_UPPER" } } },
  ...[0, 1].flatMap((ceil) =>
    [[5, 6], [7, 8], [8, 9], [9, 13]].flatMap(([height, width]) => [
      { op: "MaxPool", parts: [`f1x2x${height}x${width}`], outputs: 2, attributes: { kernel_shape: ints(3, 2), strides: ints(2, 3), pads: ints(1, 0, 1, 1), ceil_mode: int(ceil) } },
      { op: "AveragePool", parts: [`f1x2x${height}x${width}`], attributes: { kernel_shape: ints(2, 2), strides: ints(3, 2), pads: ints(0, 1, 0, 1), ceil_mode: int(ceil) } },
    ]),
  ),
  { op: "MaxPool", parts: ["f1x2x9x9"], attributes: { kernel_shape: ints(3, 3), auto_pad: { string: "SAME_LOWER" }, strides: ints(2, 2) } },
  { op: "MaxPool", parts: ["f1x2x9x9"], attributes: { kernel_shape: ints(3, 3), dilations: ints(2, 2) } },
  { op: "LpPool", parts: ["f1x2x9x9"], attributes: { kernel_shape: ints(3, 3) } },
  ...["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"].map((op) => ({ op, parts: ["f2x3x4x5"] })),
  { op: "QLinearConv", parts: ["u1x3x6x6", one, u8(3), weights(4, 3, 3, 3), one, s8(0), one, u8(1)], attributes: { pads: ints(1, 1, 1, 1) } },
  { op: "QLinearGlobalAveragePool", parts: ["u1x3x6x6", one, u8(0), one, u8(0)], domain: "com.microsoft" },
  { op: "QLinearAveragePool", parts: ["u1x3x6x6", one, u8(0), one, u8(0)], domain: "com.microsoft", attributes: { kernel_shape: ints(2, 2) } },
  // products
  ...([["f2x3", "f3x4"], ["f5x2x3", "f3x4"], ["f5x1x2x3", "f4x3x2"], ["f3", "f3x4"], ["f2x3", "f3"], ["f3", "f3"], ["f3", "f5x3x2"]] as const).map((parts) => ({ op: "MatMul", parts })),
  { op: "MatMulInteger", parts: ["u2x3", "u3x4"] },
  { op: "QLinearMatMul", parts: ["u2x3", one, u8(0), weights(3, 4), one, s8(0), one, u8(0)] },
  { op: "Gemm", parts: ["f3x2", "f4x3"], attributes: { transA: int(1), transB: int(1) } },
  { op: "Gemm", parts: ["f2x3", "f3x4", "f4"] },
  { op: "FusedMatMul", parts: ["f5x3x2", "f5x4x3"], attributes: { transA: int(1), transB: int(1) }, domain: "com.microsoft" },
  ...["ij,jk->ik", "bij,bjk->bik", "ij->ji", "ij,jk", "ii->i"].map((equation, at) => ({ op: "Einsum", parts: [["f2x3", "f3x4"], ["f5x2x3", "f5x3x4"], ["f2x3"], ["f2x3", "f3x4"], ["f3x3"]][at] ?? [], attributes: { equation: { string: equation } } })),
  { op: "Attention", parts: ["f2x3x5x4", "f2x3x6x4", "f2x3x6x7"], opset: 23 },
  { op: "Attention", parts: ["f2x5x12", "f2x6x6", "f2x6x8"], opset: 23, attributes: { q_num_heads: int(4), kv_num_heads: int(2) } },
  // reductions
  ...reductions.flatMap((op) => [
    { op, parts: ["f2x3x4"], ...(op === "ReduceSum" ? {} : { attributes: { axes: ints(1, -1), keepdims: int(0) } }) },
    { op, parts: ["f2x3x4", vector(-2)], opset: 18, attributes: { keepdims: int(1) } },
    { op, parts: ["f2x3x4"], opset: 18, attributes: { keepdims: int(0) } },
    { op, parts: ["f2x3x4"], opset: 18, attributes: { noop_with_empty_axes: int(1) } },
  ]),
  ...["ArgMax", "ArgMin"].flatMap((op) => [0, 1].map((keeps) => ({ op, parts: ["f2x3x4"], attributes: { axis: int(-2), keepdims: int(keeps) } }))),
  // shapes and orders
  ...([[[6, 4], 0], [[0, -1], 0], [[2, -1, 2], 0], [[-1], 0], [[4, 0, 2], 0]] as const).map(([target]) => ({ op: "Reshape", parts: ["f2x3x4", vector(...target)] })),
  { op: "Reshape", parts: ["f0x3", vector(3, 0)], attributes: { allowzero: int(1) } },
  ...[0, 1, 2, 3, -1].map((axis) => ({ op: "Flatten", parts: ["f2x3x4"], attributes: { axis: int(axis) } })),
  { op: "Transpose", parts: ["f2x3x4"] },
  { op: "Transpose", parts: ["f2x3x4"], attributes: { perm: ints(1, 2, 0) } },
  { op: "Squeeze", parts: ["f1x3x1"] },
  { op: "Squeeze", parts: ["f1x3x1", vector(-1)] },
  { op: "Squeeze", parts: ["f1x3x1"], opset: 11, attributes: { axes: ints(0) } },
  { op: "Unsqueeze", parts: ["f2x3", vector(0, -1)] },
  { op: "Unsqueeze", parts: ["f2x3"], opset: 11, attributes: { axes: ints(1, 3) } },
  { op: "Concat", parts: ["f2x3", "f2x4"], attributes: { axis: int(-1) } },
  { op: "Split", parts: ["f2x7"], outputs: 2, opset: 18, attributes: { axis: int(1), num_outputs: int(2) } },
  { op: "Split", parts: ["f2x6"], outputs: 3, attributes: { axis: int(-1) } },
  { op: "Split", parts: ["f2x6", vector(1, 5)], outputs: 2, attributes: { axis: int(1) } },
  { op: "Split", parts: ["f6x2"], outputs: 2, opset: 11, attributes: { split: ints(2, 4) } },
  { op: "Expand", parts: ["f3x1", vector(2, 1, 4)] },
  { op: "Tile", parts: ["f2x3", vector(1, 4)] },
  { op: "DepthToSpace", parts: ["f1x8x2x3"], attributes: { blocksize: int(2) } },
  { op: "SpaceToDepth", parts: ["f1x2x4x6"], attributes: { blocksize: int(2) } },
  { op: "Shape", parts: ["f2x3x4"] },
  { op: "Shape", parts: ["f2x3x4"], attributes: { start: int(1), end: int(-1) } },
  { op: "Size", parts: ["f2x3x4"] },
  // selections
  { op: "Slice", parts: ["f8x9", vector(1, -3), vector(7, 2n ** 63n - 1n)] },
  { op: "Slice", parts: ["f8x9", vector(-1), vector(1n - 2n ** 63n), vector(1), vector(-2)] },
  { op: "Slice", parts: ["f8x9", vector(5), vector(2), vector(0), vector(1)] },
  { op: "Slice", parts: ["f8x9", vector(20, -20), vector(30, 3), vector(0, 1), vector(1, 2)] },
  { op: "Slice", parts: ["f8x9"], opset: 9, attributes: { starts: ints(2), ends: ints(100), axes: ints(1) } },
  { op: "Gather", parts: ["f4x5x6", vector(1, -1)], attributes: { axis: int(1) } },
  { op: "Gather", parts: ["f4x5x6", scalar(2)] },
  { op: "Gather", parts: ["f4x5", int64s("", [2, 2], [0, 1, 2, 3])] },
  { op: "GatherElements", parts: ["f4x5", int64s("", [1, 5], [0, 1, 2, 3, 0])] },
  { op: "GatherND", parts: ["f4x5x6", int64s("", [3, 2], [0, 0, 1, 1, 2, 2])] },
  { op: "ScatterElements", parts: ["f4x5", int64s("", [1, 5], [0, 1, 2, 3, 0]), "f1x5"] },
  { op: "ScatterND", parts: ["f4x5", int64s("", [2, 1], [0, 1]), "f2x5"] },
  { op: "Pad", parts: ["f2x3", vector(1, 0, 2, 3)] },
  { op: "Pad", parts: ["f2x3", vector(1, 2), "", vector(-1)], opset: 18 },
  { op: "Pad", parts: ["f4x5", vector(-1, 0, 0, 1)] },
  { op: "Pad", parts: ["f2x3"], opset: 9, attributes: { pads: ints(0, 1, 2, 0) } },
  { op: "TopK", parts: ["f3x9", vector(4)], outputs: 2 },
  { op: "TopK", parts: ["f3x9"], outputs: 2, opset: 9, attributes: { k: int(2), axis: int(0) } },
  { op: "OneHot", parts: ["l2x3", scalar(5), "f2"] },
  { op: "OneHot", parts: ["l2x3", vector(5), "f2"], attributes: { axis: int(0) } },
  { op: "Trilu", parts: ["f3x4"] },
  { op: "GridSample", parts: ["f1x2x4x5", "f1x6x7x2"] },
  { op: "RoiAlign", parts: ["f1x2x8x8", "f3x4", int64s("", [3], [0, 0, 0])], attributes: { output_height: int(2), output_width: int(3) } },
  ...([[1, 1, 2, 1.5], [1, 1, 0.6, 1.3333334], [1, 1, 1.7, 2.2]] as const).map((factors) => ({ op: "Resize", parts: ["f1x2x7x9", "", scales(...factors)] })),
  { op: "Resize", parts: ["f1x2x7x9", "", "", vector(1, 2, 5, 20)] },
  { op: "Resize", parts: ["f1x2x7x9", "", "", vector(5, 20)], opset: 18, attributes: { axes: ints(2, 3) } },
  { op: "Resize", parts: ["f1x2x7x9", scales(1, 1, 2, 3)], opset: 10 },
  { op: "Upsample", parts: ["f1x2x7x9", scales(1, 1, 2, 3)], opset: 9 },
  { op: "Upsample", parts: ["f1x2x7x9"], opset: 7, attributes: { scales: { floats: [1, 1, 1.5, 2] } } },
  // making
  { op: "ConstantOfShape", parts: [vector(2, 3)] },
  { op: "ConstantOfShape", parts: [vector(2, 3)], attributes: { value: { tensor: int64s("", [1], [7]) } } },
  { op: "Range", parts: [scalar(2), scalar(13), scalar(3)] },
  { op: "Range", parts: [scalar(5), scalar(-3), scalar(-2)] },
  ...[1, 6, 7, 9, 10, 11].map((to) => ({ op: "Cast", parts: ["f2x3"], attributes: { to: int(to) } })),
  { op: "CastLike", parts: ["f2x3", "l1"] },
  { op: "EyeLike", parts: ["f3x4"], attributes: { dtype: int(7) } },
  { op: "RandomNormal", parts: [], attributes: { shape: ints(2, 3) } },
  { op: "Constant", parts: [], attributes: { value_floats: { floats: [1, 2.5] } } },
  { op: "Constant", parts: [], attributes: { value: { tensor: int64s("", [2], [7, -8]) } } },
  // normalisation, quantisation, recurrence
  { op: "BatchNormalization", parts: ["f2x3x4", "f3", "f3", "f3", "f3"] },
  { op: "BatchNormalization", parts: ["f2x3x4", "f3", "f3", "f3", "f3"], outputs: 3, attributes: { training_mode: int(1) } },
  { op: "InstanceNormalization", parts: ["f2x3x4", "f3", "f3"] },
  { op: "LayerNormalization", parts: ["f2x3x4", "f4"], outputs: 3 },
  { op: "LayerNormalization", parts: ["f2x3x4", "f3x4"], outputs: 2, attributes: { axis: int(1) } },
  { op: "GroupNormalization", parts: ["f2x4x3", "f4", "f4"], opset: 21, attributes: { num_groups: int(2) } },
  { op: "SkipLayerNormalization", parts: ["f1x3x4", "f1x3x4", "f4"], domain: "com.microsoft" },
  { op: "LRN", parts: ["f1x4x5x5"], attributes: { size: int(3) } },
  { op: "QuantizeLinear", parts: ["f2x3", one, s8(0)] },
  { op: "QuantizeLinear", parts: ["f2x3", one] },
  { op: "QuantizeLinear", parts: ["f2x3", one], opset: 21, attributes: { output_dtype: int(5) } },
  { op: "DequantizeLinear", parts: ["s2x3", one] },
  { op: "DynamicQuantizeLinear", parts: ["f2x3"], outputs: 3 },
  { op: "QLinearAdd", parts: ["u2x3", one, u8(0), "u3", one, u8(0), one, u8(0)], domain: "com.microsoft" },
  { op: "QLinearSigmoid", parts: ["u2x3", one, u8(0), one, u8(0)], domain: "com.microsoft" },
  { op: "QLinearConcat", parts: [one, u8(0), "u2x3", one, u8(0), "u2x4", one, u8(0)], domain: "com.microsoft", attributes: { axis: int(1) } },
  { op: "QLinearWhere", parts: ["b2x3", "u3", one, u8(0), "u1", one, u8(0), one, u8(0)], domain: "com.microsoft" },
  ...[["LSTM", 4, 3], ["GRU", 3, 2], ["RNN", 1, 2]].flatMap(([op = "", gates = 0, outputs = 0]) =>
    ["forward", "bidirectional"].map((direction) => {
      const ways = direction === "forward" ? 1 : 2;
      return { op: String(op), parts: ["f5x2x3", f([ways, Number(gates) * 4, 3]), f([ways, Number(gates) * 4, 4])], outputs: Number(outputs), attributes: { hidden_size: int(4), direction: { string: direction } } };
    }),
  ),
];

describe("each rule says what ONNX Runtime makes", () => {
  for (const [index, each] of CASES.entries()) {
    test(`${index} ${each.op} ${each.parts.map((part) => (typeof part === "string" ? part : `[${part.dims.join("x")}]`)).join(" ")}`, async () => {
      const { wrong, open, full } = await compareShapes(oneNode(each));
      expect({ wrong, open }).toEqual({ wrong: [], open: [] });
      expect(full).toBe(each.outputs ?? 1);
    });
  }
});

describe("shape arithmetic", () => {
  /** What PyTorch writes for x.view(x.size(0), -1, x.size(2) * x.size(3)), and for a padding computed from constants. */
  function exported(): OnnxModel {
    const size = (axis: number, to: string) => [makeNode("Shape", ["x"], [`${to}.shape`]), makeNode("Gather", [`${to}.shape`, `at${axis}`], [to], { axis: { int: 0 } })];
    return sampleModel({
      opset: 11,
      inputs: [tensorValue("x", "float32", ["batch", 6, "height", 5])],
      outputs: [tensorValue("flat", "float32", null)],
      initializers: [int64s("at0", [], [0]), int64s("at3", [], [3]), int64s("minus", [1], [-1]), int64s("two", [], [2]), int64s("begin", [1], [2]), int64s("end", [1], [9_007_199_254_740_991n])],
      nodes: [
        ...size(0, "n"), ...size(3, "w"),
        makeNode("Mul", ["w", "two"], ["w2"]), makeNode("Div", ["w2", "two"], ["w1"]), makeNode("Cast", ["w1"], ["wf"], { to: { int: 1 } }), makeNode("Floor", ["wf"], ["wl"]), makeNode("Cast", ["wl"], ["wi"], { to: { int: 7 } }),
        makeNode("Unsqueeze", ["n"], ["n1"], { axes: { ints: [0] } }), makeNode("Unsqueeze", ["wi"], ["wu"], { axes: { ints: [0] } }),
        makeNode("Concat", ["n1", "minus", "wu"], ["target"], { axis: { int: 0 } }), makeNode("Reshape", ["x", "target"], ["flat"]),
        makeNode("Shape", ["x"], ["all"]), makeNode("Slice", ["all", "begin", "end"], ["spatial"]), makeNode("ReduceProd", ["spatial"], ["area"], { keepdims: { int: 1 } }),
        makeNode("Concat", ["n1", "minus", "area"], ["target2"], { axis: { int: 0 } }), makeNode("Reshape", ["x", "target2"], ["grouped"]),
        makeNode("ConstantOfShape", ["spatialCount"], ["zeros"]),
      ],
    });
  }

  function model(): OnnxModel {
    const made = exported();
    made.graph.initializers.push(int64s("spatialCount", [1], [4]));
    return made;
  }

  test("names survive: a reshape to Shape, Gather, Concat keeps the batch", () => {
    const types = inferShapes(model());
    expect(types.get("flat")?.shape).toEqual(["batch", null, 5]);
    expect(types.get("target")?.shape).toEqual([3]);
    expect(types.get("grouped")?.shape).toEqual(["batch", null, null]);
  });

  test("with sizes given everything is known, and small results are constants", async () => {
    const dimensions = { batch: 2, height: 7 };
    const types = inferShapes(model(), { dimensions });
    expect(types.get("flat")?.shape).toEqual([2, 42, 5]);
    expect(types.get("area")?.constant?.dims).toEqual([1]);
    const { wrong, open } = await compareShapes(model(), { dimensions });
    expect({ wrong, open }).toEqual({ wrong: [], open: [] });
  });
});

describe("what cannot be known", () => {
  test("an unknown operator leaves its outputs out, and rules behind it say no more than they know", () => {
    const types = inferShapes(
      sampleModel({
        inputs: [tensorValue("x", "float32", [2, 3])],
        outputs: [],
        initializers: [int64s("to", [2], [3, 2])],
        nodes: [makeNode("Mystery", ["x"], ["a"]), makeNode("Relu", ["a"], ["b"]), makeNode("Reshape", ["b", "to"], ["c"]), makeNode("Shape", ["a"], ["d"])],
      }),
    );
    expect(types.has("a")).toBe(false);
    expect(types.has("b")).toBe(false);
    expect(types.get("c")).toEqual({ elementType: "undefined", shape: [3, 2] });
    expect(types.get("d")).toEqual({ elementType: "int64", shape: [null] });
  });

  test("an initializer that callers may override is no constant, below IR version 4 it is", () => {
    const make = (irVersion: number) =>
      inferShapes(
        sampleModel({
          irVersion,
          inputs: [tensorValue("x", "float32", [2, 3]), tensorValue("to", "int64", [2])],
          outputs: [],
          initializers: [int64s("to", [2], [3, 2])],
          nodes: [makeNode("Reshape", ["x", "to"], ["y"])],
        }),
      ).get("y")?.shape;
    expect(make(8)).toEqual([null, null]);
    expect(make(3)).toEqual([3, 2]);
  });

  test("a declared shape of an inner value is not believed", () => {
    const model = sampleModel({ inputs: [tensorValue("x", "float32", [2, 3])], outputs: [], nodes: [makeNode("Relu", ["x"], ["y"])] });
    model.graph.valueInfos.push(tensorValue("y", "int8", [9]));
    expect(inferShapes(model).get("y")).toEqual({ elementType: "float32", shape: [2, 3] });
  });
});

describe("local functions", () => {
  const body = (name: string, nodes: OnnxModel["graph"]["nodes"], attributeNames: string[] = []): OnnxFunction => ({
    domain: "local", name, overload: "", inputs: ["a"], outputs: ["z"], attributeNames, attributeDefaults: makeNode("", [], [], { ends: ints(2) }).attributes, nodes,
    opsets: [{ domain: "", version: 9 }, { domain: "local", version: 1 }], valueInfos: [], docString: "", metadata: [], unknownFields: [],
  });
  const fromCaller = (name: string): OnnxAttribute => ({ type: "reference", value: name, refType: 7, name, docString: "", unknownFields: [] });

  function model(functions: OnnxFunction[], calls: OnnxModel["graph"]["nodes"]): OnnxModel {
    const made = sampleModel({ inputs: [tensorValue("x", "float32", [6, 4])], outputs: [], nodes: calls });
    made.opsets.push({ domain: "local", version: 1 });
    return { ...made, functions };
  }

  test("are followed with the attributes of their callers, their defaults and their own operator set", () => {
    const cut = makeNode("Slice", ["a"], ["z"], { starts: ints(0) });
    cut.attributes.push(fromCaller("ends"), fromCaller("axes"));
    const call = (output: string, attributes: Readonly<Record<string, AttributeInput>>) => makeNode("Cut", ["x"], [output], attributes, { domain: "local" });
    const calls = [call("y1", { ends: ints(3) }), call("y2", {}), call("y3", { ends: ints(1), axes: ints(1) })];
    const types = inferShapes(model([body("Cut", [cut], ["axes"])], calls));
    expect(calls.map(({ outputs }) => types.get(outputs[0] ?? "")?.shape)).toEqual([[3, 4], [2, 4], [6, 1]]);
  });

  test("that double at every level end, knowing nothing", () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const inner = level === 29 ? "Relu" : `f${level + 1}`;
      const domain = { domain: level === 29 ? "" : "local" };
      return body(`f${level}`, [makeNode(inner, ["a"], ["b"], {}, domain), makeNode(inner, ["b"], ["z"], {}, domain)]);
    });
    expect(inferShapes(model(levels, [makeNode("f0", ["x"], ["y"], {}, { domain: "local" })])).has("y")).toBe(false);
    expect(inferShapes(model(levels, [makeNode("f20", ["x"], ["y"], {}, { domain: "local" })])).get("y")?.shape).toEqual([6, 4]);
  });
});

describe("control flow", () => {
  const branch = (shape: number[], output: string) =>
    sampleGraph({ inputs: [], outputs: [tensorValue(output, "float32", null)], initializers: [int64s(`${output}.to`, [shape.length], shape)], nodes: [makeNode("Reshape", ["x", `${output}.to`], [output])] });

  test("If says what both branches have in common, or what the constant condition takes", async () => {
    const model = (initializers: OnnxTensor[]) =>
      sampleModel({
        inputs: [tensorValue("x", "float32", [2, 3]), ...(initializers.length === 0 ? [tensorValue("which", "bool", [])] : [])],
        outputs: [],
        initializers,
        nodes: [makeNode("If", ["which"], ["y"], { then_branch: { graph: branch([2, 3, 1], "a") }, else_branch: { graph: branch([1, 3, 2], "b") } })],
      });
    expect(inferShapes(model([])).get("y")?.shape).toEqual([null, 3, null]);
    expect(inferShapes(model([{ ...isTrue, name: "which" }])).get("y")?.shape).toEqual([2, 3, 1]);
    expect((await compareShapes(model([]))).wrong).toEqual([]);
  });

  test("Loop keeps of what it carries only what no round changes", async () => {
    const body = sampleGraph({
      inputs: [tensorValue("round", "int64", []), tensorValue("go", "bool", []), tensorValue("grown", "float32", null), tensorValue("kept", "float32", null)],
      outputs: ["go2", "grown2", "kept2", "seen"].map((name) => tensorValue(name, name === "go2" ? "bool" : "float32", null)),
      nodes: [makeNode("Identity", ["go"], ["go2"]), makeNode("Concat", ["grown", "x"], ["grown2"], { axis: { int: 0 } }), makeNode("Relu", ["kept"], ["kept2"]), makeNode("Abs", ["kept"], ["seen"])],
    });
    const model = sampleModel({
      inputs: [tensorValue("x", "float32", [2, 3])],
      outputs: [],
      initializers: [int64s("trips", [], [4]), { ...isTrue, name: "yes" }],
      nodes: [makeNode("Loop", ["trips", "yes", "x", "x"], ["all", "last", "every"], { body: { graph: body } })],
    });
    const types = inferShapes(model);
    expect(types.get("all")?.shape).toEqual([null, 3]);
    expect(types.get("last")?.shape).toEqual([2, 3]);
    expect(types.get("every")?.shape).toEqual([null, 2, 3]);
    expect((await compareShapes(model)).wrong).toEqual([]);
  });
});

describe("whole models", () => {
  test("of the demo fleet are known in full", async () => {
    const { wrong, open, values } = await compareShapes(readOnnx(demoConvNet({ seed: 1 })), { dimensions: { batch: 3 } });
    expect({ wrong, open, values }).toEqual({ wrong: [], open: [], values: 9 });
  });

  const folder = dirname(sharedModel("any").path);
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".onnx")) : [];
  test(`of other people's tools are known in full${files.length === 0 ? ` (skipped: ${folder} is not here)` : ""}`, { skip: files.length === 0 }, async () => {
    for (const file of files) {
      // A run of it takes ten seconds; it is below.
      if (file === "style-candy.onnx") continue;
      const { wrong, open, values } = await compareShapes(readOnnx(readFileSync(join(folder, file))));
      expect({ file, wrong, open }).toEqual({ file, wrong: [], open: [] });
      expect(values).toBeGreaterThan(0);
    }
  });

  const candy = sharedModel("style-candy.onnx");
  test(`style-candy.onnx is known in full and ends as it declares${candy.missing === null ? "" : ` (skipped: ${candy.missing})`}`, { skip: candy.missing !== null }, () => {
    const model = readOnnx(readFileSync(candy.path));
    const types = inferShapes(model, { dimensions: { None: 1 } });
    expect(types.get("outputImage")).toMatchObject({ elementType: "float32", shape: [1, 3, 720, 720] });
    const made = model.graph.nodes.flatMap(({ outputs }) => outputs);
    expect(made.filter((name) => types.get(name)?.shape?.every((dim) => typeof dim === "number") !== true)).toEqual([]);
  });
});
