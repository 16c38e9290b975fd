import type { AttributeInput } from "@flotilla/runtime/ir";
import { afterAll, describe, expect, test } from "vitest";
import type { GraphBuilder } from "../graph/graph-builder.ts";
import { largestGradientError, type GradientCase } from "../testing/gradient-check.ts";
import { POOLED_CONVOLUTIONS } from "../lower/pooled-convolution.ts";
import { RULES, STEPS } from "./rule-table.ts";

type Attributes = Readonly<Record<string, AttributeInput>>;
type Dims = readonly number[];
type Range = { readonly from?: number; readonly to?: number };

/** One node on inputs a, b, c … of these shapes. */
function node(opType: string, shapes: readonly Dims[], out: Dims, attributes: Attributes = {}, options: Range & Pick<GradientCase, "elementType" | "step"> & { more?: (builder: GraphBuilder) => readonly string[]; outputs?: readonly Dims[] } = {}): [string, GradientCase] {
  const { from, to, more, outputs, ...rest } = options;
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  const names = shapes.map((_, i) => "abcdefg"[i] ?? "");
  return [opType, {
    inputs: Object.fromEntries(shapes.map((dims, i) => [names[i] ?? "", { dims, ...range }])),
    write: (builder) => {
      const { elementType } = builder.typeOf("a");
      const all = [...names, ...(more?.(builder) ?? [])];
      return builder.emitAll(opType, all, [out, ...(outputs ?? [])].map((dims) => ({ elementType, dims })), attributes)[0] ?? "";
    },
    ...rest,
  }];
}

const unary = (opType: string, range: Range = {}, attributes: Attributes = {}, options: Pick<GradientCase, "elementType" | "step"> = {}) => node(opType, [[2, 5]], [2, 5], attributes, { ...range, ...options });
/** Kernels that exist in single precision only; wide steps for what is linear. */
const single = { elementType: "float32", step: 1e-2 } as const;
const linear = { elementType: "float32", step: 0.5 } as const;
const ints = (...values: readonly number[]) => ({ ints: values });
const window = (kernel: Dims, strides: Dims, pads: Dims, more: Attributes = {}): Attributes => ({ kernel_shape: { ints: kernel }, strides: { ints: strides }, pads: { ints: pads }, ...more });
const constants = (...values: readonly (readonly number[])[]) => (builder: GraphBuilder) => values.map((list) => builder.int64s(list));

const CASES: readonly [string, GradientCase][] = [
  node("Add", [[2, 3], [3]], [2, 3]), node("Add", [[2, 1, 3], [4, 1]], [2, 4, 3]), node("Sum", [[2, 3], [2, 3], [1, 3]], [2, 3]), node("Mean", [[2, 3], [3]], [2, 3], {}, linear),
  node("Sub", [[3], [2, 3]], [2, 3]), node("Mul", [[2, 3], [2, 1]], [2, 3]), node("Div", [[2, 3], [3]], [2, 3], {}, { from: 0.5, to: 2 }),
  node("Max", [[2, 4], [2, 4]], [2, 4]), node("Min", [[2, 4], [4]], [2, 4]),
  node("Pow", [[2, 4]], [2, 4], {}, { from: 0.5, to: 2, more: (builder) => [builder.scalar(3)] }),
  unary("Neg"), unary("Abs"), unary("Exp"), unary("Log", { from: 0.5, to: 2 }), unary("Sqrt", { from: 0.5, to: 2 }), unary("Reciprocal", { from: 0.5, to: 2 }), unary("Sin"), unary("Cos"), unary("Identity"),
  unary("Relu"), unary("LeakyRelu", {}, { alpha: { float: 0.25 } }, single), unary("Sigmoid"), unary("Tanh"), unary("Softplus", {}, {}, single), unary("Elu", {}, { alpha: { float: 0.5 } }, single), unary("Erf", {}, {}, single),
  unary("Gelu", { from: -2, to: 2 }, {}, single), unary("HardSwish", { from: -4, to: 4 }, {}, single), unary("HardSigmoid", { from: -4, to: 4 }, {}, single), node("PRelu", [[2, 3, 2], [3, 1]], [2, 3, 2], {}, single),
  node("Clip", [[2, 6]], [2, 6], {}, { ...single, more: (builder) => [builder.scalar(-0.5), builder.scalar(0.5)] }),
  node("Reshape", [[2, 6]], [3, 4], {}, { more: constants([3, 4]) }), node("Flatten", [[2, 3, 2]], [2, 6]), node("Squeeze", [[2, 1, 3]], [2, 3], {}, { more: constants([1]) }), node("Unsqueeze", [[2, 3]], [2, 1, 3], {}, { more: constants([1]) }),
  node("Transpose", [[2, 3, 4]], [4, 2, 3], { perm: ints(2, 0, 1) }), node("Concat", [[2, 3], [2, 1], [2, 2]], [2, 6], { axis: { int: 1 } }), node("Split", [[2, 5]], [2, 3], { axis: { int: -1 } }, { more: constants([3, 2]), outputs: [[2, 2]] }),
  node("Slice", [[4, 5]], [2, 3], {}, { more: constants([1, -4], [3, 4], [0, 1]) }), node("Slice", [[4, 6]], [2, 3], {}, { more: constants([3, 0], [-9, 6], [0, 1], [-2, 2]) }),
  node("Pad", [[2, 3]], [3, 6], {}, { more: constants([1, 1, 0, 2]) }), node("Expand", [[2, 1]], [3, 2, 4], {}, { more: constants([3, 2, 4]) }), node("Tile", [[2, 3]], [4, 3], {}, { more: constants([2, 1]) }),
  node("Gather", [[5, 2]], [2, 3, 2], { axis: { int: 0 } }, { more: (builder) => [builder.int64s([0, 4, 0, 1, -1, 2], [2, 3])] }), node("Gather", [[2, 4, 2]], [2, 3, 2], { axis: { int: 1 } }, { more: constants([3, 3, 0]) }),
  ["Where", { inputs: { a: { dims: [2, 3] }, b: { dims: [3] } }, write: (builder) => builder.emit("Where", [builder.emit("Greater", ["a", "b"], { elementType: "bool", dims: [2, 3] }), "a", "b"], { elementType: "float64", dims: [2, 3] }) }],
  node("ReduceSum", [[2, 3, 4]], [2, 4], { keepdims: { int: 0 } }, { more: constants([1]) }), node("ReduceMean", [[2, 3, 4]], [1, 3, 1], {}, { more: constants([0, -1]) }), node("ReduceMax", [[2, 5]], [2, 1], {}, { more: constants([1]) }), node("ReduceMin", [[2, 5]], [1, 1]),
  node("ReduceSumSquare", [[2, 5]], [2, 1], {}, { more: constants([1]) }), node("ReduceL2", [[2, 5]], [2, 1], {}, { ...single, more: constants([1]) }), node("ReduceL1", [[2, 5]], [2, 1], {}, { ...single, more: constants([1]) }),
  node("GlobalAveragePool", [[2, 3, 4, 4]], [2, 3, 1, 1], {}, linear), node("GlobalMaxPool", [[2, 3, 3, 3]], [2, 3, 1, 1], {}, single),
  node("MatMul", [[2, 3], [3, 4]], [2, 4]), node("MatMul", [[2, 5, 2, 3], [3, 4]], [2, 5, 2, 4]), node("MatMul", [[2, 2, 3], [2, 3, 4]], [2, 2, 4]), node("MatMul", [[3], [3, 4]], [4]), node("MatMul", [[2, 3], [3]], [2]),
  node("Gemm", [[3, 2], [4, 3], [4]], [2, 4], { transA: { int: 1 }, transB: { int: 1 }, alpha: { float: 0.5 }, beta: { float: 2 } }), node("Gemm", [[2, 3], [3, 4]], [2, 4]), node("Gemm", [[2, 3], [4, 3], [2, 1]], [2, 4], { transB: { int: 1 } }), node("Gemm", [[3, 2], [3, 4]], [2, 4], { transA: { int: 1 } }),
  node("Conv", [[2, 3, 5, 6], [4, 3, 3, 3], [4]], [2, 4, 3, 4], {}, linear), node("Conv", [[2, 5, 7, 7], [3, 5, 3, 2]], [2, 3, 4, 4], { strides: ints(2, 2), pads: ints(1, 0, 1, 1) }, linear), node("Conv", [[1, 4, 7, 7], [2, 4, 3, 3]], [1, 2, 3, 3], { dilations: ints(2, 2) }, linear),
  node("Conv", [[2, 5, 4, 4], [3, 5, 1, 1], [3]], [2, 3, 4, 4], {}, linear), node("Conv", [[2, 4, 5, 5], [4, 1, 3, 3], [4]], [2, 4, 5, 5], { group: { int: 4 }, pads: ints(1, 1, 1, 1) }, linear), node("Conv", [[2, 4, 6, 6], [4, 1, 3, 3]], [2, 4, 3, 3], { group: { int: 4 }, strides: ints(2, 2), pads: ints(0, 0, 1, 1) }, linear),
  node("Conv", [[2, 4, 5, 5], [6, 2, 3, 3]], [2, 6, 3, 3], { group: { int: 2 } }, linear), node("Conv", [[2, 5, 9], [3, 5, 3], [3]], [2, 3, 4], { strides: ints(2) }, linear), node("Conv", [[2, 4, 8], [4, 1, 3]], [2, 4, 8], { group: { int: 4 }, pads: ints(1, 1) }, linear), node("Conv", [[1, 4, 6, 6], [2, 4, 3, 3]], [1, 2, 3, 3], { strides: ints(2, 2), auto_pad: { string: "SAME_UPPER" } }, linear),
  node("ConvTranspose", [[2, 3, 4, 4], [3, 2, 3, 3], [2]], [2, 2, 9, 9], { strides: ints(2, 2) }, linear), node("ConvTranspose", [[1, 4, 3, 3], [4, 1, 2, 2]], [1, 2, 6, 6], { strides: ints(2, 2), group: { int: 2 } }, linear), node("ConvTranspose", [[2, 3, 5], [3, 2, 3]], [2, 2, 5], { pads: ints(1, 1) }, linear),
  node("MaxPool", [[2, 2, 4, 4]], [2, 2, 2, 2], window([2, 2], [2, 2], [0, 0, 0, 0]), single), node("MaxPool", [[2, 2, 5, 5]], [2, 2, 3, 3], window([3, 3], [2, 2], [1, 1, 1, 1]), single), node("MaxPool", [[2, 2, 7]], [2, 2, 3], window([3], [2], [0, 0]), single),
  node("AveragePool", [[2, 2, 4, 4]], [2, 2, 2, 2], window([2, 2], [2, 2], [0, 0, 0, 0]), linear), node("AveragePool", [[2, 2, 5, 5]], [2, 2, 3, 3], window([3, 3], [2, 2], [1, 1, 1, 1]), linear), node("AveragePool", [[1, 2, 5, 5]], [1, 2, 3, 3], window([3, 3], [2, 2], [1, 1, 1, 1], { count_include_pad: { int: 1 } }), linear),
  node("LayerNormalization", [[3, 4, 5], [5], [5]], [3, 4, 5], {}, single), node("InstanceNormalization", [[2, 3, 4, 4], [3], [3]], [2, 3, 4, 4], {}, single),
  node("Softmax", [[3, 5]], [3, 5], { axis: { int: -1 } }), node("Softmax", [[2, 4, 3]], [2, 4, 3], { axis: { int: 1 } }), node("LogSoftmax", [[3, 5]], [3, 5]),
];

describe("gradients equal central differences", () => {
  const worst = new Map<string, number>();
  for (const [at, [opType, check]] of CASES.entries()) {
    test(`${opType}, case ${at}`, async () => {
      const error = await largestGradientError(check);
      worst.set(opType, Math.max(worst.get(opType) ?? 0, error));
      expect(error).toBeLessThan(check.elementType === "float32" ? (check.step === 0.5 ? 1e-4 : 1e-3) : 1e-6);
    });
  }
  // Tests run in any order: the table is whole when all of them are done.
  afterAll(() => {
    process.stdout.write(`largest errors of gradients: ${[...worst].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([opType, error]) => `${opType} ${error.toExponential(1)}`).join(", ")}\n`);
  });
});

test("every rule has a case, or a slope of zero", () => {
  const elsewhere = ["BatchNormalization", "Dropout", "QuantizeLinear", "DequantizeLinear", "Cast", "LSTM", "GRU", ...POOLED_CONVOLUTIONS];
  const checked = new Set([...CASES.map(([opType]) => opType), ...elsewhere, ...STEPS]);
  expect(Object.keys(RULES).filter((opType) => !checked.has(opType))).toEqual([]);
});
