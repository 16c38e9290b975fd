import { buildModel, floatTensor, seededRandom } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, readOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { relativeRms, runOnce } from "../testing/optimized-graph.ts";
import { quantizeStatic } from "./quantize-static.ts";
import { smoothActivations } from "./smooth-quant.ts";

const WIDTH = 32;

/** LayerNormalization with one column a hundred times larger, in front of two products. */
function block(opset: number): OnnxModel {
  const random = seededRandom(9);
  const normal = (count: number, size = 1) => Array.from({ length: count }, () => (random() - 0.5) * size);
  return readOnnx(
    buildModel({
      opsets: [{ domain: "", version: opset }],
      graph: {
        inputs: [{ name: "x", elementType: "float32", shape: [16, WIDTH] }],
        outputs: ["a", "b"].map((name) => ({ name, elementType: "float32", shape: [16, 24] })),
        initializers: [
          floatTensor("gamma", [WIDTH], Array.from({ length: WIDTH }, (_, column) => (column === 5 ? 100 : 1))),
          floatTensor("beta", [WIDTH], normal(WIDTH)),
          floatTensor("wa", [WIDTH, 24], normal(WIDTH * 24)),
          floatTensor("wb", [24, WIDTH], normal(WIDTH * 24)),
          floatTensor("bias", [24], normal(24)),
        ],
        nodes: [
          { name: "norm", opType: "LayerNormalization", inputs: ["x", "gamma", "beta"], outputs: ["n"] },
          { name: "product", opType: "MatMul", inputs: ["n", "wa"], outputs: ["a"] },
          { name: "gemm", opType: "Gemm", inputs: ["n", "wb", "bias"], outputs: ["b"], attributes: { transB: { int: 1 } } },
        ],
      },
    }),
  );
}

const random = seededRandom(21);
const samples = Array.from({ length: 8 }, () => Float32Array.from({ length: 16 * WIDTH }, () => random() * 4 - 2));
const feedsOf = (data: Float32Array) => ({ x: { elementType: "float32", shape: [16, WIDTH], data } }) as const;
const examples: ExampleSource = { count: samples.length, read: (index) => Promise.resolve({ feeds: feedsOf(samples[index] ?? new Float32Array(0)), label: null }) };

test.each([17, 18])("smoothing changes nothing in float and lessens the error in int8 (opset %i)", async (opset) => {
  const model = block(opset);
  const smoothed = cloneModel(model);
  const changes = await smoothActivations(smoothed, examples);
  expect(changes).toEqual([{ node: "norm", what: "shares its extremes with the weights of product, gemm" }]);
  const feeds = feedsOf(samples[0] ?? new Float32Array(0));
  const wanted = await runOnce(model, feeds);
  expect(relativeRms(await runOnce(smoothed, feeds), wanted)).toBeLessThan(1e-5);
  const options = { perChannel: true, smallestMacs: 0, calibration: { kind: "min-max" } } as const;
  const plain = relativeRms(await runOnce((await quantizeStatic(model, examples, options)).model, feeds), wanted);
  const better = relativeRms(await runOnce((await quantizeStatic(model, examples, { ...options, smooth: true })).model, feeds), wanted);
  expect(better).toBeLessThan(plain);
});
