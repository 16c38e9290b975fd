import { describe, expect, test } from "vitest";
import type { KernelEvent } from "./profile.ts";
import { kernelMacs, layerTimings, runMacs } from "./profile.ts";

const kernel = (fields: Partial<KernelEvent>): KernelEvent => ({
  name: "n",
  opType: "Relu",
  provider: "CPU",
  startUs: 0,
  durationUs: 1,
  threadId: 1,
  parameterBytes: 0,
  inputShapes: [],
  outputShapes: [],
  ...fields,
});

describe("multiply-accumulates", () => {
  test.each<[string, Partial<KernelEvent>, number | null]>([
    // 112·112 positions × 64 filters × 7·7·3 numbers: the first layer of ResNet-50, 118 million in every table.
    ["Conv", { opType: "Conv", inputShapes: [[1, 3, 224, 224], [64, 3, 7, 7]], outputShapes: [[1, 64, 112, 112]] }, 118_013_952],
    ["depthwise Conv", { opType: "Conv", inputShapes: [[1, 32, 8, 8], [32, 1, 3, 3]], outputShapes: [[1, 32, 8, 8]] }, 32 * 64 * 9],
    ["QLinearConv", { opType: "QLinearConv", inputShapes: [[1, 8, 4, 4], [], [], [4, 8, 1, 1]], outputShapes: [[1, 4, 4, 4]] }, 4 * 16 * 8],
    ["ConvTranspose", { opType: "ConvTranspose", inputShapes: [[1, 8, 4, 4], [8, 2, 2, 2]], outputShapes: [[1, 2, 8, 8]] }, 8 * 16 * 2 * 4],
    ["Gemm", { opType: "Gemm", inputShapes: [[5, 784], [10, 784]], outputShapes: [[5, 10]] }, 5 * 10 * 784],
    ["Gemm with the first factor transposed", { opType: "Gemm", inputShapes: [[784, 5], [784, 10]], outputShapes: [[5, 10]] }, 5 * 10 * 784],
    ["batched MatMul", { opType: "MatMul", inputShapes: [[2, 12, 7, 64], [2, 12, 64, 9]], outputShapes: [[2, 12, 7, 9]] }, 2 * 12 * 7 * 9 * 64],
    ["MatMul with a vector", { opType: "MatMul", inputShapes: [[7, 64], [64]], outputShapes: [[7]] }, 7 * 64],
    ["FusedMatMul, transposed", { opType: "FusedMatMul", inputShapes: [[7, 64], [9, 64]], outputShapes: [[7, 9]] }, 7 * 9 * 64],
    ["LSTM", { opType: "LSTM", inputShapes: [[20, 1, 16], [1, 128, 16], [1, 128, 32]], outputShapes: [[20, 1, 1, 32]] }, 20 * 128 * 48],
    ["Relu", { opType: "Relu", inputShapes: [[5]], outputShapes: [[5]] }, null],
  ])("%s", (_, fields, macs) => {
    expect(kernelMacs(kernel(fields))).toBe(macs);
  });

  test("a run's total takes only its own kernels", () => {
    const gemm = { opType: "Gemm", inputShapes: [[1, 4], [4, 2]], outputShapes: [[1, 2]] };
    const runs = [
      { startUs: 0, endUs: 10 },
      { startUs: 20, endUs: 30 },
    ];
    expect(runMacs({ runs, kernels: [kernel({ ...gemm, startUs: 5 }), kernel({ ...gemm, startUs: 25 })] })).toBe(8);
    expect(runMacs({ runs, kernels: [kernel({ startUs: 5 })] })).toBeNull();
    expect(runMacs({ runs: [], kernels: [] })).toBeNull();
  });
});

describe("layer times", () => {
  const runs = [0, 100, 200, 300].map((startUs) => ({ startUs, endUs: startUs + 99 }));

  test("are medians over the runs without the first", () => {
    const kernels = [500, 10, 30, 20].map((durationUs, run) => kernel({ name: "conv", startUs: run * 100, durationUs: Math.min(durationUs, 99) }));
    const relus = runs.map(({ startUs }) => kernel({ name: "relu", startUs: startUs + 50, durationUs: 20, outputShapes: [[1, 2]] }));
    const layers = layerTimings({ runs, kernels: [...kernels, ...relus] }, 1);
    expect(layers.map(({ name, medianUs, sharePercent }) => [name, medianUs, sharePercent])).toEqual([
      ["conv", 20, 50],
      ["relu", 20, 50],
    ]);
    expect(layers[1]?.outputShape).toEqual([1, 2]);
  });

  test("of a loop do not contain those of its body, which add up over its rounds", () => {
    const kernels = [
      kernel({ name: "loop", opType: "Loop", startUs: 100, durationUs: 50 }),
      kernel({ name: "body", startUs: 105, durationUs: 10 }),
      kernel({ name: "body", startUs: 120, durationUs: 10 }),
      kernel({ name: "after", startUs: 160, durationUs: 30 }),
    ];
    const layers = layerTimings({ runs: runs.slice(0, 2), kernels }, 1);
    expect(layers.map(({ name, medianUs }) => [name, medianUs])).toEqual([
      ["loop", 30],
      ["body", 20],
      ["after", 30],
    ]);
  });
});
