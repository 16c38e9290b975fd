import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActivationType, Cell, CellInput } from "../testing/qdq-cells.ts";
import { cellModel, TARGET } from "../testing/qdq-cells.ts";
import { auditFusion } from "./audit.ts";
import type { TargetClass } from "./predict.ts";
import { predictFusion } from "./predict.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-fusion-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const activation = (...shape: number[]): CellInput => ({ kind: "activation", shape });
const weight = (shape: number[], axis?: number): CellInput => ({ kind: "weight", shape, ...(axis === undefined ? {} : { axis }) });
const unsignedWeight = (...shape: number[]): CellInput => ({ kind: "weight", shape, elementType: "uint8" });
const ints = (...values: number[]): CellInput => ({ kind: "ints", values });
const float = (...shape: number[]): CellInput => ({ kind: "float", shape });
const bias = (count: number, factor = 1): CellInput => ({ kind: "bias", count, axis: 0, factor });
const absent: CellInput = { kind: "absent" };
const condition: CellInput = { kind: "condition", shape: [2, 4] };

const image = activation(1, 4, 6, 6);
const rows = activation(2, 4);
const filters = weight([8, 4, 3, 3], 0);
const columns = weight([4, 6], 1);
/** Parameters whose lowest level is 0, and others that no input has. */
const fromZero = { scale: 0.05, zeroPoint: "lowest" } as const;
const other = { scale: 0.03, zeroPoint: 3 };

type CellRow = Omit<Cell, "output"> & { readonly output?: null | { readonly scale: number; readonly zeroPoint: number | "lowest" } };

const CONVOLUTIONS: Record<string, CellRow> = {
  "with bias": { opType: "Conv", inputs: [image, filters, bias(8)] },
  "without bias": { opType: "Conv", inputs: [image, filters] },
  "of one dimension": { opType: "Conv", inputs: [activation(1, 4, 6), weight([8, 4, 3], 0), bias(8)] },
  "of three dimensions": { opType: "Conv", inputs: [activation(1, 4, 6, 6, 6), weight([8, 4, 3, 3, 3], 0), bias(8)] },
  "by channel": { opType: "Conv", attributes: { group: { int: 4 } }, inputs: [image, weight([4, 1, 3, 3], 0), bias(4)] },
  "with one scale": { opType: "Conv", inputs: [image, weight([8, 4, 3, 3]), { kind: "bias", count: 8 }] },
  "with a float bias": { opType: "Conv", inputs: [image, filters, float(8)] },
  "with float weights": { opType: "Conv", inputs: [image, float(8, 4, 3, 3)] },
  "with float weights and bias": { opType: "Conv", inputs: [image, float(8, 4, 3, 3), float(8)] },
  "with unsigned weights": { opType: "Conv", inputs: [image, unsignedWeight(8, 4, 3, 3)] },
  "with computed weights": { opType: "Conv", inputs: [image, activation(8, 4, 3, 3)] },
  "with a bias scale 0.8 % off": { opType: "Conv", inputs: [image, filters, bias(8, 1.008)] },
  "with a bias scale 1.2 % off": { opType: "Conv", inputs: [image, filters, bias(8, 1.012)] },
  "with one bias scale 2 % off": { opType: "Conv", inputs: [image, weight([8, 4, 3, 3]), { kind: "bias", count: 8, factor: 1.02 }] },
  "with float output": { opType: "Conv", inputs: [image, filters], output: null },
  "with another reader": { opType: "Conv", inputs: [image, filters], floatReader: true },
  "with a Relu above the lowest level": { opType: "Conv", inputs: [image, filters], clip: "Relu", output: other },
  "with a Relu at the lowest level": { opType: "Conv", inputs: [image, filters], clip: "Relu", output: fromZero },
  "with a Clip at the limits": { opType: "Conv", inputs: [image, filters], clip: "Clip", output: { scale: 6 / 255, zeroPoint: "lowest" } },
  "with a Clip inside the limits": { opType: "Conv", inputs: [image, filters], clip: "Clip", output: fromZero },
  "behind a branch": { opType: "Conv", inputs: [image, filters], branching: true },
  "behind a branch, with a float bias": { opType: "Conv", inputs: [image, filters, float(8)], branching: true },
  transposed: { opType: "ConvTranspose", inputs: [image, weight([4, 8, 3, 3], 1)] },
};

const MATRICES: Record<string, CellRow> = {
  MatMul: { opType: "MatMul", inputs: [rows, columns] },
  "MatMul with float output": { opType: "MatMul", inputs: [rows, columns], output: null },
  "MatMul of two activations": { opType: "MatMul", inputs: [rows, activation(4, 6)] },
  "MatMul with float weights": { opType: "MatMul", inputs: [rows, float(4, 6)] },
  "MatMul with unsigned weights": { opType: "MatMul", inputs: [rows, unsignedWeight(4, 6)] },
  "MatMul with a Relu at the lowest level": { opType: "MatMul", inputs: [rows, columns], clip: "Relu", output: fromZero },
  "MatMul with a Relu above it": { opType: "MatMul", inputs: [rows, columns], clip: "Relu", output: other },
  "MatMul with another reader": { opType: "MatMul", inputs: [rows, columns], floatReader: true },
  "Gemm, transposed": { opType: "Gemm", attributes: { transB: { int: 1 } }, inputs: [rows, weight([6, 4], 0), bias(6)] },
  "Gemm with float output": { opType: "Gemm", inputs: [rows, columns, bias(6)], output: null },
  "Gemm without bias": { opType: "Gemm", inputs: [rows, columns] },
  "Gemm with a float bias": { opType: "Gemm", inputs: [rows, columns, float(6)] },
  "Gemm with a float bias and float output": { opType: "Gemm", inputs: [rows, columns, float(6)], output: null },
  "Gemm with a float bias of two dimensions": { opType: "Gemm", inputs: [rows, columns, float(1, 6)] },
  "Gemm with one float bias for all": { opType: "Gemm", inputs: [rows, columns, float(1)] },
  "Gemm with float weights": { opType: "Gemm", inputs: [rows, float(4, 6), float(6)] },
  "Gemm with unsigned weights": { opType: "Gemm", inputs: [rows, unsignedWeight(4, 6)] },
  "Gemm with beta": { opType: "Gemm", attributes: { beta: { float: 2 } }, inputs: [rows, columns, bias(6)] },
  "Gemm with beta and no bias": { opType: "Gemm", attributes: { beta: { float: 2 } }, inputs: [rows, columns] },
  "Gemm with alpha": { opType: "Gemm", attributes: { alpha: { float: 2 } }, inputs: [rows, columns, bias(6)] },
  "Gemm with alpha and no bias": { opType: "Gemm", attributes: { alpha: { float: 2 } }, inputs: [rows, columns] },
  "Gemm with a Relu at the lowest level": { opType: "Gemm", inputs: [rows, columns, bias(6)], clip: "Relu", output: fromZero },
  "Gemm with a Relu above it": { opType: "Gemm", inputs: [rows, columns, bias(6)], clip: "Relu", output: other },
  "Gemm with a Relu and float output": { opType: "Gemm", inputs: [rows, columns, bias(6)], clip: "Relu", output: null },
  "MatMul with a Relu and float output": { opType: "MatMul", inputs: [rows, columns], clip: "Relu", output: null },
  "Gemm with another reader": { opType: "Gemm", inputs: [rows, columns, bias(6)], floatReader: true },
};

const BY_ELEMENT: Record<string, CellRow> = {
  "Add with a float constant": { opType: "Add", inputs: [rows, float(4)] },
  "Add with an unsigned constant": { opType: "Add", inputs: [rows, unsignedWeight(4)] },
  "Add with a signed constant": { opType: "Add", inputs: [rows, weight([4])] },
  "Add with float output": { opType: "Add", inputs: [rows, rows], output: null },
  "Add with a Relu at the lowest level": { opType: "Add", inputs: [rows, rows], clip: "Relu", output: fromZero },
  "Add with a Relu above it": { opType: "Add", inputs: [rows, rows], clip: "Relu", output: other },
  "Mul with a Relu at the lowest level": { opType: "Mul", inputs: [rows, rows], clip: "Relu", output: fromZero },
  "Softmax with float output": { opType: "Softmax", inputs: [rows], output: null },
  "Relu alone, at the lowest level": { opType: "Relu", inputs: [rows], output: fromZero },
  "Relu alone, above it": { opType: "Relu", inputs: [rows], output: other },
  "Clip alone, without bounds": { opType: "Clip", inputs: [rows] },
  "Gelu alone": { opType: "Gelu", inputs: [rows], opset: 20 },
  "Concat with other parameters": { opType: "Concat", attributes: { axis: { int: 1 } }, inputs: [image, image], output: other },
  Concat: { opType: "Concat", attributes: { axis: { int: 1 } }, inputs: [image, image] },
  "Concat with a float constant": { opType: "Concat", attributes: { axis: { int: 1 } }, inputs: [activation(1, 4), float(1, 4)] },
  "Concat with an unsigned constant": { opType: "Concat", attributes: { axis: { int: 1 } }, inputs: [activation(1, 4), unsignedWeight(1, 4)] },
  Where: { opType: "Where", inputs: [condition, rows, rows] },
  "Where with a float constant": { opType: "Where", inputs: [condition, rows, float(4)] },
  "Where with an unsigned constant": { opType: "Where", inputs: [condition, rows, unsignedWeight(1)] },
  ArgMax: { opType: "ArgMax", attributes: { axis: { int: 1 } }, inputs: [rows], outputType: "int64" },
};
for (const opType of ["Add", "Mul", "Sub", "Div", "Max", "Min", "Pow", "PRelu", "Sum", "Mean"]) BY_ELEMENT[`${opType} of two activations`] = { opType, inputs: [rows, rows] };
for (const opType of ["Sigmoid", "LeakyRelu", "Softmax", "Tanh", "HardSwish", "HardSigmoid", "Elu", "Exp", "Erf", "Sqrt", "Abs", "Neg", "LogSoftmax"]) {
  BY_ELEMENT[`${opType} alone`] = { opType, inputs: [rows] };
}

const kernelShape = { kernel_shape: { ints: [2, 2] } };
const POOLS_AND_NORMS: Record<string, CellRow> = {
  AveragePool: { opType: "AveragePool", attributes: kernelShape, inputs: [image], output: other },
  GlobalAveragePool: { opType: "GlobalAveragePool", inputs: [image], output: other },
  GlobalMaxPool: { opType: "GlobalMaxPool", inputs: [image] },
  LpPool: { opType: "LpPool", attributes: kernelShape, inputs: [image] },
  LRN: { opType: "LRN", attributes: { size: { int: 3 } }, inputs: [image] },
  ReduceMean: { opType: "ReduceMean", attributes: { axes: { ints: [1] } }, inputs: [image], opset: 17 },
  ReduceSum: { opType: "ReduceSum", inputs: [image, ints(1)] },
  Pad: { opType: "Pad", inputs: [image, ints(0, 0, 1, 1, 0, 0, 1, 1)] },
  SpaceToDepth: { opType: "SpaceToDepth", attributes: { blocksize: { int: 2 } }, inputs: [image] },
  InstanceNormalization: { opType: "InstanceNormalization", inputs: [image, float(4), float(4)] },
  LayerNormalization: { opType: "LayerNormalization", inputs: [activation(1, 4), float(4), float(4)] },
  BatchNormalization: { opType: "BatchNormalization", inputs: [image, float(4), float(4), float(4), float(4)] },
  CumSum: { opType: "CumSum", inputs: [rows, ints(1)] },
  GatherND: { opType: "GatherND", inputs: [activation(4), ints(2)] },
};

const MOVERS: Record<string, CellRow> = {
  MaxPool: { opType: "MaxPool", attributes: kernelShape, inputs: [image] },
  ReduceMax: { opType: "ReduceMax", inputs: [image, ints(1)], opset: 18 },
  "ReduceMax of before opset 18": { opType: "ReduceMax", attributes: { axes: { ints: [1] } }, inputs: [image], opset: 17 },
  ReduceMin: { opType: "ReduceMin", attributes: { axes: { ints: [1] } }, inputs: [image], opset: 17 },
  Reshape: { opType: "Reshape", inputs: [image, ints(1, -1)] },
  Flatten: { opType: "Flatten", inputs: [image] },
  Transpose: { opType: "Transpose", attributes: { perm: { ints: [0, 2, 3, 1] } }, inputs: [image] },
  Squeeze: { opType: "Squeeze", inputs: [image, ints(0)] },
  Unsqueeze: { opType: "Unsqueeze", inputs: [image, ints(0)] },
  Slice: { opType: "Slice", inputs: [image, ints(0), ints(2), ints(1)] },
  Gather: { opType: "Gather", attributes: { axis: { int: 1 } }, inputs: [image, ints(0, 2)] },
  GatherElements: { opType: "GatherElements", attributes: { axis: { int: 0 } }, inputs: [activation(4), ints(0, 2)] },
  Expand: { opType: "Expand", inputs: [activation(1, 4), ints(3, 4)] },
  Tile: { opType: "Tile", inputs: [activation(1, 4), ints(3, 1)] },
  DepthToSpace: { opType: "DepthToSpace", attributes: { blocksize: { int: 2 } }, inputs: [image] },
  "Resize to the nearest": { opType: "Resize", attributes: { mode: { string: "nearest" } }, inputs: [image, absent, absent, ints(1, 4, 12, 12)] },
  "Resize, linear": { opType: "Resize", attributes: { mode: { string: "linear" } }, inputs: [image, absent, absent, ints(1, 4, 12, 12)] },
  Split: { opType: "Split", attributes: { axis: { int: 1 } }, inputs: [image, ints(2, 2)], outputs: 2 },
};

const VARIANTS: readonly (readonly [type: ActivationType, target: TargetClass])[] = [
  ["uint8", "x86"],
  ["int8", "x86"],
  ["int8", "arm"],
  ["uint16", "x86"],
];
const LOWEST: Record<ActivationType, number> = { uint8: 0, int8: -128, uint16: 0, int16: -32_768 };

function cellOf(row: CellRow, type: ActivationType): Cell {
  const { output, ...rest } = row;
  if (output === undefined || output === null) return { ...rest, type, ...(output === null ? { output } : {}) };
  const zeroPoint = output.zeroPoint === "lowest" ? LOWEST[type] : output.zeroPoint;
  return { ...rest, type, output: { scale: output.scale, zeroPoint } };
}

/** Every node that stands in the cell, not the target alone: a Relu behind it has a fate of its own. */
async function expectPredicted(row: CellRow): Promise<void> {
  for (const [type, target] of VARIANTS) {
    if (row.opset !== undefined && type === "uint16") continue; // 16 bits need opset 21, where these have another form
    const model = readOnnx(cellModel(cellOf(row, type)));
    const audit = (await auditFusion(model, { workDir, target })).nodes.filter(({ opType }) => opType !== "Sin");
    const wrong = audit.filter(({ isAsPredicted }) => !isAsPredicted);
    expect({ type, target, wrong, predicted: wrong.length === 0 ? null : predictFusion(model, target) }).toEqual({ type, target, wrong: [], predicted: null });
    expect(audit.map(({ node }) => node)).toContain(TARGET);
  }
}

describe.each([
  ["convolution", CONVOLUTIONS],
  ["matrix product", MATRICES],
  ["element by element:", BY_ELEMENT],
  ["pool, sum or norm:", POOLS_AND_NORMS],
  ["moves values:", MOVERS],
])("the runtime does what the matrix says: %s", (_, rowsOfKind) => {
  test.each(Object.entries(rowsOfKind))("%s", async (_name, row) => expectPredicted(row));
});

describe("the runtime does what the matrix says between other parameters, and without a quantiser behind:", () => {
  test.each(Object.entries(MOVERS))("%s", async (_name, row) => {
    await expectPredicted({ ...row, output: other });
    await expectPredicted({ ...row, output: null });
  });
});
