import { seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { checkModel, floats, makeNode, writeOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { operatorsRun, relativeRms, runOnce } from "../testing/optimized-graph.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { quantiseBlocks } from "./block-quantisation.ts";
import { blockWeights } from "./block-weights.ts";
import { compensatedBlocks, outputError } from "./compensated-blocks.ts";
import { compensateBlockWeights } from "./compensate-block-weights.ts";

const [DEPTH, COLUMNS] = [64, 64];
const FORMAT = { bits: 4, blockSize: 32, symmetric: true } as const;
const random = seededRandom(7);
const WEIGHTS = Float32Array.from({ length: DEPTH * COLUMNS }, () => random() - 0.5);

/** Inputs that go together: eight causes, mixed, and a little noise. */
function row(seed: number): Float32Array {
  const next = seededRandom(seed + 1);
  const causes = Array.from({ length: 8 }, () => next() - 0.5);
  return Float32Array.from({ length: DEPTH }, (_, k) => causes.reduce((sum, cause, at) => sum + cause * Math.sin(k * (at + 1)), 0) + 0.05 * (next() - 0.5));
}

function momentsOf(rows: readonly Float32Array[]): Float64Array {
  const moments = new Float64Array(DEPTH * DEPTH);
  for (const x of rows) for (let at = 0; at < moments.length; at += 1) moments[at] = (moments[at] ?? 0) + (x[Math.floor(at / DEPTH)] ?? 0) * (x[at % DEPTH] ?? 0);
  return moments;
}

const rows = (from: number, count: number) => Array.from({ length: count }, (_, at) => row(from + at));

test("for inputs that have nothing to do with each other it is rounding to the nearest", () => {
  const identity = Float64Array.from({ length: DEPTH * DEPTH }, (_, at) => (at % (DEPTH + 1) === 0 ? 3 : 0));
  for (const format of [FORMAT, { ...FORMAT, symmetric: false }, { ...FORMAT, bits: 8 as const }]) {
    expect(compensatedBlocks(WEIGHTS, DEPTH, COLUMNS, identity, format)).toEqual(quantiseBlocks(WEIGHTS, DEPTH, COLUMNS, format));
  }
});

test("for inputs that go together outputs are less than half as far off, on other inputs too", () => {
  const blocks = compensatedBlocks(WEIGHTS, DEPTH, COLUMNS, momentsOf(rows(0, 256)), FORMAT);
  const others = momentsOf(rows(1_000, 256));
  const error = (made: typeof blocks) => (made === null ? Infinity : outputError(WEIGHTS, made, DEPTH, COLUMNS, others, FORMAT.blockSize));
  expect(error(blocks)).toBeLessThan(0.5 * error(quantiseBlocks(WEIGHTS, DEPTH, COLUMNS, FORMAT)));
});

test("moments of nothing, or of what is not finite, are of no use", () => {
  for (const entry of [0, Number.NaN, Infinity]) expect(compensatedBlocks(WEIGHTS, DEPTH, COLUMNS, new Float64Array(DEPTH * DEPTH).fill(entry), FORMAT)).toBeNull();
});

/** Two products; the second reads what is positive of the first. */
function twoProducts(): OnnxModel {
  return smallModel({
    opset: 17,
    inputs: [value("x", ["rows", DEPTH])],
    outputs: [value("y", ["rows", COLUMNS])],
    initializers: [floats("w1", [DEPTH, COLUMNS], WEIGHTS), floats("w2", [COLUMNS, COLUMNS], WEIGHTS.map((weight) => -weight)), floats("b", [COLUMNS], new Array<number>(COLUMNS).fill(0.1))],
    nodes: [makeNode("MatMul", ["x", "w1"], ["h"], {}, { name: "first" }), makeNode("Relu", ["h"], ["r"], {}, { name: "relu" }), makeNode("Gemm", ["r", "w2", "b"], ["y"], { transB: { int: 1 } }, { name: "second" })],
  });
}

const examples: ExampleSource = { count: 64, read: (index) => Promise.resolve({ feeds: { x: { elementType: "float32", shape: [4, DEPTH], data: Float32Array.from(rows(4 * index, 4).flatMap((x) => [...x])) } }, label: null }) };
const OPTIONS = { ...FORMAT, weightsMin: 1_024 };

test("a whole model's outputs are nearer than with rounding, its products have their kernel, and the same gives the same bytes", async () => {
  const source = twoProducts();
  const before = writeOnnx(source);
  const { model, products } = await compensateBlockWeights(source, OPTIONS, examples);
  expect(Buffer.compare(writeOnnx(source), before)).toBe(0);
  expect(products).toMatchObject([{ node: "first", isCompensated: true }, { node: "second", isCompensated: true }]);
  for (const { errorRatio } of products) expect(errorRatio).toBeLessThan(0.8);
  expect(checkModel(model)).toEqual([]);
  expect(await operatorsRun(model)).toMatchObject({ MatMulNBits: 2 });
  const nearest = twoProducts();
  await blockWeights(OPTIONS).run(nearest, {});
  const feeds = { x: { elementType: "float32" as const, shape: [64, DEPTH], data: Float32Array.from(rows(5_000, 64).flatMap((x) => [...x])) } };
  const exact = await runOnce(source, feeds);
  const exactActivations = { qdq_matmulnbits_accuracy_level: "1" };
  expect(relativeRms(await runOnce(model, feeds, exactActivations), exact)).toBeLessThan(0.8 * relativeRms(await runOnce(nearest, feeds, exactActivations), exact));
  expect(Buffer.compare(writeOnnx((await compensateBlockWeights(twoProducts(), OPTIONS, examples)).model), writeOnnx(model))).toBe(0);
});

test("one example, and inputs that are always 0, leave every product rounded to the nearest", async () => {
  const nearest = twoProducts();
  await blockWeights(OPTIONS).run(nearest, {});
  const zeros: ExampleSource = { count: 8, read: () => Promise.resolve({ feeds: { x: { elementType: "float32", shape: [1, DEPTH], data: new Float32Array(DEPTH) } }, label: null }) };
  for (const source of [{ ...examples, count: 1 }, zeros]) {
    const { model, products } = await compensateBlockWeights(twoProducts(), OPTIONS, source);
    expect(products[0]).toMatchObject({ isCompensated: false });
    if (source === zeros) continue;
    expect(Buffer.compare(writeOnnx(model), writeOnnx(nearest))).toBe(0);
  }
});
