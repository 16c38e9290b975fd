import type { Tensor } from "@flotilla/runtime";
import { openModel, seededRandom } from "@flotilla/runtime";
import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { floats, makeNode, tensorNumbers, writeOnnx } from "@flotilla/runtime/ir";
import { describe, expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import type { QuantizeOptions } from "../quantize/quantize-static.ts";
import { quantizeStatic } from "../quantize/quantize-static.ts";
import { digitClassifier } from "../testing/digit-classifier.ts";
import { mnist, sharedFile } from "../testing/shared-files.ts";
import { smallModel, value } from "../testing/small-graphs.ts";
import { matrixLayer } from "./matrix-layer.ts";
import { planSample } from "./sample-rows.ts";

function numbers(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random() + random() - 1);
}

/** Grouped convolution and Relu, pointwise convolution, pooled into a Gemm and a MatMul. */
function network(): OnnxModel {
  return smallModel({
    opset: 17,
    inputs: [value("x", [1, 4, 8, 8])],
    outputs: [value("y", [1, 6])],
    initializers: [
      floats("w1", [8, 2, 3, 3], numbers(144, 1)),
      floats("b1", [8], numbers(8, 2)),
      floats("w2", [6, 8, 1, 1], numbers(48, 3)),
      floats("w3", [12, 6], numbers(72, 4)),
      floats("b3", [12], numbers(12, 5)),
      floats("w4", [12, 6], numbers(72, 6)),
    ],
    nodes: [
      makeNode("Conv", ["x", "w1", "b1"], ["c1"], { group: { int: 2 }, pads: { ints: [1, 1, 1, 1] }, strides: { ints: [2, 2] } }, { name: "grouped" }),
      makeNode("Relu", ["c1"], ["r1"], {}, { name: "relu" }),
      makeNode("Conv", ["r1", "w2"], ["c2"], {}, { name: "pointwise" }),
      makeNode("GlobalAveragePool", ["c2"], ["p"], {}, { name: "pool" }),
      makeNode("Flatten", ["p"], ["f"], {}, { name: "flatten" }),
      makeNode("Gemm", ["f", "w3", "b3"], ["g"], { transB: { int: 1 } }, { name: "gemm" }),
      makeNode("MatMul", ["g", "w4"], ["y"], {}, { name: "matmul" }),
    ],
  });
}

const WEIGHTS = { grouped: "w1", pointwise: "w2", gemm: "w3", matmul: "w4" };

/** Images that are alike in places that lie together, as real ones: on noise alone each weight's nearest level would be best. */
function examples(count: number): ExampleSource {
  const image = (seed: number) => {
    const [noise, light] = [numbers(256, seed), numbers(8, seed + 50_000)];
    return noise.map((value, at) => 0.2 * value + (light[at >> 6] ?? 0) + ((light[4 + (at >> 6)] ?? 0) * (at % 8)) / 8);
  };
  return { count, read: (index) => Promise.resolve({ feeds: { x: { elementType: "float32", shape: [1, 4, 8, 8], data: image(100 + index) } }, label: null }) };
}

const FOUR_BITS: QuantizeOptions = { perChannel: false, weightLevels: 7, smallestMacs: 0, calibration: { kind: "min-max" } };
const ADAPTIVE: QuantizeOptions = { ...FOUR_BITS, rounding: "adaptive", adaptiveRounding: { iterations: 200, rows: 512 } };

function initializer(model: OnnxModel, name: string): Float64Array {
  const found = model.graph.initializers.find((tensor) => tensor.name === name);
  if (found === undefined) throw new RangeError(`there is no ${name}`);
  return tensorNumbers(found);
}

describe("adaptive rounding", () => {
  test("lowers the error of every kind of layer on held-out examples, with each weight within one step and the same scales", async () => {
    const model = network();
    const nearest = await quantizeStatic(model, examples(160), FOUR_BITS);
    const adapted = await quantizeStatic(model, examples(160), ADAPTIVE);
    expect(nearest.report.rounding).toEqual([]);
    expect(adapted.report.rounding.map(({ node }) => node)).toEqual(Object.keys(WEIGHTS));
    for (const layer of adapted.report.rounding) {
      expect(layer).toMatchObject({ isAdapted: true, steps: 200, reason: null });
      expect(layer.adaptedError).toBeLessThan(layer.nearestError ?? 0);
      expect(layer.moved).toBeGreaterThan(0);
    }
    for (const name of Object.values(WEIGHTS)) {
      const [scale = 0] = initializer(adapted.model, `${name}_scale`);
      expect(scale).toBe(initializer(nearest.model, `${name}_scale`)[0]);
      const real = initializer(model, name);
      initializer(adapted.model, `${name}_quantized`).forEach((level, at) => {
        expect(Math.abs(level)).toBeLessThanOrEqual(7);
        expect(Math.abs(level * scale - (real[at] ?? 0))).toBeLessThanOrEqual(scale * 1.0001);
      });
    }
  });

  test("gives the same bytes for the same seed", async () => {
    const [first, second] = [await quantizeStatic(network(), examples(40), ADAPTIVE), await quantizeStatic(network(), examples(40), ADAPTIVE)];
    expect(Buffer.compare(writeOnnx(first.model), writeOnnx(second.model))).toBe(0);
    expect(second.report).toEqual(first.report);
  });

  test("without time, or with too few examples to measure on, leaves every weight at the nearest and says why", async () => {
    for (const [count, options, reason] of [
      [8, { timeMs: 0 }, "the time for rounding was over"],
      [1, {}, "the examples give too few rows to fit and to measure on"],
    ] as const) {
      const nearest = await quantizeStatic(network(), examples(count), FOUR_BITS);
      const { model, report } = await quantizeStatic(network(), examples(count), { ...ADAPTIVE, adaptiveRounding: options });
      expect(Buffer.compare(writeOnnx(model), writeOnnx(nearest.model))).toBe(0);
      for (const layer of report.rounding) expect(layer).toMatchObject({ isAdapted: false, moved: 0, reason });
    }
  });

  test("counts up to its total and stops in the middle of a layer when aborted", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const total = 4 * (2 * 16 + 200);
    const finished: number[] = [];
    const note = (into: number[]) => (done: number, all: number) => void (all === total && into.push(done));
    await quantizeStatic(network(), examples(16), ADAPTIVE, { onSample: note(finished) });
    expect(finished.at(-1)).toBe(total);
    expect(finished.every((done, at) => done > (finished[at - 1] ?? 0))).toBe(true);
    const onSample = (done: number, all: number) => {
      note(seen)(done, all);
      if (all === total && done >= 2 * 16 + 60) controller.abort(new Error("enough"));
    };
    await expect(quantizeStatic(network(), examples(16), ADAPTIVE, { signal: controller.signal, onSample })).rejects.toThrow("enough");
    expect(seen.at(-1)).toBe(2 * 16 + 60);
  });
});

describe("a layer as a matrix product", () => {
  const conv = (attributes: Parameters<typeof makeNode>[3]) => makeNode("Conv", ["x", "w"], ["y"], attributes, { name: "layer" });
  test.each<[string, OnnxNode, number[], number[]]>([
    ["a padded convolution", conv({ pads: { ints: [1, 0, 2, 1] } }), [2, 3, 7, 6], [4, 3, 3, 2]],
    ["a strided and dilated one in groups", conv({ group: { int: 3 }, strides: { ints: [2, 1] }, dilations: { ints: [1, 2] } }), [1, 6, 9, 8], [6, 2, 3, 3]],
    ["one that keeps its size", conv({ auto_pad: { string: "SAME_LOWER" }, strides: { ints: [2, 2] } }), [1, 2, 7, 8], [3, 2, 2, 3]],
    ["one over a line", conv({ pads: { ints: [2, 2] } }), [2, 3, 10], [4, 3, 5]],
    ["a Gemm", makeNode("Gemm", ["x", "w"], ["y"], { transB: { int: 1 }, alpha: { float: 0.5 } }), [5, 7], [3, 7]],
    ["a MatMul", makeNode("MatMul", ["x", "w"], ["y"]), [2, 4, 5], [5, 3]],
  ])("%s gives what the runtime gives", async (_, node, inputDims, weightDims) => {
    const size = (dims: readonly number[]) => dims.reduce((all, dim) => all * dim, 1);
    const [x, w] = [numbers(size(inputDims), 7), numbers(size(weightDims), 8)];
    const outputShape = inputDims.map((_dim, at) => `d${at}`);
    const model = smallModel({ opset: 17, inputs: [value("x", inputDims)], outputs: [value("y", outputShape)], initializers: [floats("w", weightDims, w)], nodes: [node] });
    const session = await openModel(writeOnnx(model));
    const { y } = await session.run({ x: { elementType: "float32", shape: inputDims, data: x } });
    await session.close();
    const layer = matrixLayer(node, weightDims);
    if (layer === null || y === undefined) throw new Error("it is no matrix product");
    const reader = layer.rowsOf(inputDims);
    expect(reader.rows * layer.groups * layer.columns).toBe(y.data.length);
    const row = new Float32Array(layer.depth);
    for (let at = 0; at < reader.rows; at += 1) {
      for (let group = 0; group < layer.groups; group += 1) {
        reader.read(x, at, group, row, 0);
        for (let column = 0; column < layer.columns; column += 1) {
          const sum = row.reduce((all, value, k) => all + value * (w[layer.weightIndex(group, k, column)] ?? 0), 0);
          expect(y.data[reader.outputIndex(at, group, column)]).toBeCloseTo(layer.factor * sum, 4);
        }
      }
    }
  });

  test("of any size is sampled in at most 64 MiB", () => {
    for (const [groups, depth, columns] of [[1, 2_000_000, 10], [960, 9, 1], [1, 9, 4_000_000], [1, 27, 32]] as const) {
      const layer = { groups, depth, columns, factor: 1, weightIndex: () => 0, rowsOf: () => ({ rows: 1, read: () => undefined, outputIndex: () => 0 }) };
      const plan = planSample(examples(10_000), 4_096, layer);
      const rows = plan.examples.count * plan.rowsPerExample;
      expect(rows).toBeLessThanOrEqual(4_096);
      expect(rows * groups * (depth + columns) * 4).toBeLessThanOrEqual(64 * 2 ** 20);
    }
  });
});

async function hits(model: OnnxModel, digits: ExampleSource): Promise<boolean[]> {
  const session = await openModel(writeOnnx(model));
  const found: boolean[] = [];
  for (let index = 0; index < digits.count; index += 1) {
    const { feeds, label } = await digits.read(index);
    const [scores] = Object.values(await session.run(feeds)) as [Tensor];
    const values = scores.data as Float32Array;
    found.push(values.indexOf(Math.max(...values)) === label);
  }
  await session.close();
  return found;
}

const { path, missing } = sharedFile("models", "mnist-cnn-pytorch.onnx");
const skip = missing ?? sharedFile("data/mnist/test-images.idx3.gz").missing;
test(`a digit classifier with four-bit weights wins back digits that nearest rounding loses${skip === null ? "" : ` (skipped: ${skip})`}`, { skip: skip !== null }, async () => {
  const { model, input, transform } = await digitClassifier(path);
  const [train, digits] = [mnist("train", input, transform), mnist("test", input, transform)];
  const chosen: ExampleSource = { count: 1_024, read: (index) => train.read(index) };
  const options = { perChannel: false, weightLevels: 7 } as const;
  const adapted = await quantizeStatic(model, chosen, { ...options, rounding: "adaptive", adaptiveRounding: { iterations: 600 } });
  for (const { nearestError, adaptedError } of adapted.report.rounding) expect(adaptedError).toBeLessThan(0.6 * (nearestError ?? 0));
  const [before, after] = [await hits((await quantizeStatic(model, chosen, options)).model, digits), await hits(adapted.model, digits)];
  const count = (wasRight: boolean, isRight: boolean) => before.filter((hit, at) => hit === wasRight && after[at] === isRight).length;
  expect(count(false, true)).toBeGreaterThan(count(true, false));
});
