import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel } from "./backend.ts";
import { checkGoldenSet, makeGoldenSet } from "./golden-set.ts";
import { readModelSummary } from "./model-reader.ts";
import { runInSandbox } from "./sandbox.ts";
import { sharedModel } from "./testing/shared-models.ts";
import type { ProbeReport } from "./types.ts";

// Models that other people's tools wrote. What is expected of each was read from the model's own documentation or counted by hand.

const MIB = 1024 * 1024;

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-real-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Expected = {
  readonly file: string;
  readonly producer: string;
  readonly opset: number;
  readonly parameters: number;
  readonly input: readonly [name: string, elementType: string, shape: readonly number[]];
  readonly output: readonly [name: string, elementType: string, shape: readonly number[]];
  /** Multiply-accumulates in millions, rounded; null for a model without any that count. */
  readonly megaMacs: number | null;
  /** The most that kernels count which pad channels to the width of the machine's vectors: they are counted where a run is slow. */
  readonly paddedMegaMacs?: number;
};

const MODELS: readonly Expected[] = [
  { file: "mnist-8.onnx", producer: "CNTK", opset: 7, parameters: 5_998, input: ["Input3", "float32", [1, 1, 28, 28]], output: ["Plus214_Output_0", "float32", [1, 10]], megaMacs: 1 },
  { file: "mnist-cnn-pytorch.onnx", producer: "pytorch", opset: 9, parameters: 21_842, input: ["0", "float32", [1, 1, 28, 28]], output: ["21", "float32", [1, 10]], megaMacs: 0 },
  { file: "squeezenet-fp16.onnx", producer: "onnx-caffe2", opset: 7, parameters: 1_235_496, input: ["data_0", "float16", [1, 3, 224, 224]], output: ["softmaxout_1", "float16", [1, 1000, 1, 1]], megaMacs: 349 },
  { file: "face-rfb-320.onnx", producer: "pytorch", opset: 9, parameters: 0, input: ["input", "float32", [1, 3, 240, 320]], output: ["scores", "float32", [1, 4420, 2]], megaMacs: 100 },
  { file: "style-candy.onnx", producer: "OnnxMLTools", opset: 7, parameters: 424_905, input: ["inputImage", "float32", [1, 3, 720, 720]], output: ["outputImage", "float32", [1, 3, 720, 720]], megaMacs: 21_180, paddedMegaMacs: 38_648 },
  { file: "tree-ensemble-rf.onnx", producer: "skl2onnx", opset: 15, parameters: 0, input: ["float_input", "float32", [1, 18]], output: ["variable", "float32", [1, 1]], megaMacs: null },
];

for (const model of MODELS) {
  const { path, missing } = sharedModel(model.file);
  test(`${model.file} is read and probed${missing === null ? "" : ` (skipped: ${missing})`}`, { skip: missing !== null, timeout: 300_000 }, async () => {
    const summary = await readModelSummary({ path });
    expect(summary.producer.name).toBe(model.producer);
    expect(summary.opsets.find(({ domain }) => domain === "")?.version).toBe(model.opset);
    expect(summary.inputs[0]).toMatchObject({ name: model.input[0], elementType: model.input[1] });
    if (model.parameters > 0) expect(summary.parameterCount).toBe(model.parameters);

    const entry = new URL("./testing/probe-entry.ts", import.meta.url);
    const limits = { memoryBytes: 1_200 * MIB, cpuSeconds: 200, wallMs: 280_000, outputBytes: 4 * MIB };
    const outcome = await runInSandbox<unknown, ProbeReport>({ entry, input: { path, options: { budgetMs: 2_000 } }, limits, workDir: directory });
    if (outcome.kind !== "ok") throw new Error(JSON.stringify(outcome));
    const report = outcome.output;
    const [name, elementType, shape] = model.input;
    expect(report.inputs[0]).toEqual({ name, elementType, shape });
    expect(report.outputs[0]).toEqual({ name: model.output[0], elementType: model.output[1], shape: model.output[2] });
    const megaMacs = report.macs === null ? null : Math.round(report.macs / 1e6);
    if (model.paddedMegaMacs === undefined) expect(megaMacs).toBe(model.megaMacs);
    else {
      expect(megaMacs).toBeGreaterThanOrEqual(model.megaMacs ?? 0);
      expect(megaMacs).toBeLessThanOrEqual(model.paddedMegaMacs);
    }
    const { p50, p99, min, max, n } = report.latencyMs;
    expect(n).toBeGreaterThan(0);
    expect(min <= p50 && p50 <= p99 && p99 <= max).toBe(true);
    expect(report.layers.length).toBeGreaterThan(0);
    expect(report.layers.reduce((sum, { sharePercent }) => sum + sharePercent, 0)).toBeCloseTo(100, 3);
    expect(report.peakRssBytes).toBeGreaterThan(30 * MIB);
  });
}

describe("golden sets of real models", () => {
  for (const file of ["squeezenet-fp16.onnx", "face-rfb-320.onnx"]) {
    const { path, missing } = sharedModel(file);
    test(`${file} agrees with itself without the optimiser${missing === null ? "" : ` (skipped: ${missing})`}`, { skip: missing !== null }, async () => {
      const model = await openModel(path);
      const golden = await makeGoldenSet(model, { seeds: [1, 2] });
      await model.close();
      expect(golden.byteLength).toBeLessThan(200_000);
      const plain = await openModel(path, { graphOptimization: "disabled" });
      const check = await checkGoldenSet(plain, golden, { relTolerance: 1e-2, absTolerance: 1e-3 });
      await plain.close();
      expect(check).toMatchObject({ ok: true, failures: [] });
      expect(check.comparedValues).toBeGreaterThan(1_000);
    });
  }
});

for (const file of ["resnet8-cifar10.h5", "vww-mobilenet.h5"]) {
  const { path, missing } = sharedModel(file);
  test(`${file} is refused with the way to ONNX${missing === null ? "" : ` (skipped: ${missing})`}`, { skip: missing !== null }, async () => {
    const refusal: unknown = await readModelSummary({ path }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "keras_hdf5", reason: expect.stringContaining("tf2onnx") as string });
  });
}
