import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "@flotilla/runtime";
import { demoConvNet, openModel, syntheticFeeds } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, readOnnx, upgradeOpset, writeOnnx } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExampleSource } from "../examples.ts";
import { auditFusion, integerShare } from "../fusion/audit.ts";
import { simplify } from "../simplify/simplify.ts";
import { mnist, sharedFile } from "../testing/shared-files.ts";
import { widenFloat16 } from "../weights/widen-float16.ts";
import { qdqProblems } from "./check-qdq.ts";
import type { QuantizeOptions } from "./quantize-static.ts";
import { quantizeStatic } from "./quantize-static.ts";

let workDir = "";
beforeAll(() => {
  workDir = mkdtempSync(join(tmpdir(), "flotilla-quantize-test-"));
});
afterAll(() => rmSync(workDir, { recursive: true, force: true }));

const DIGITS = { scale: 1, shift: 0 };

async function synthetic(model: OnnxModel, count: number): Promise<ExampleSource> {
  const session = await openModel(writeOnnx(model));
  const { inputs } = session;
  await session.close();
  return { count, read: (index) => Promise.resolve({ feeds: syntheticFeeds(inputs, index + 1), label: null }) };
}

function demo(): OnnxModel {
  const model = readOnnx(demoConvNet({ seed: 3, channels: 16 }));
  upgradeOpset(model, 17);
  return model;
}

async function firstOutputs(model: OnnxModel, examples: ExampleSource, level: "disabled" | "extended" | "all"): Promise<Float32Array[]> {
  const session = await openModel(writeOnnx(model), { graphOptimization: level });
  const outputs: Float32Array[] = [];
  for (let index = 0; index < examples.count; index += 1) {
    const [output] = Object.values(await session.run((await examples.read(index)).feeds)) as [Tensor];
    outputs.push(Float32Array.from(output.data as Float32Array));
  }
  await session.close();
  return outputs;
}

function largest(values: Float32Array): number {
  let at = 0;
  values.forEach((value, index) => {
    if (value > (values[at] ?? 0)) at = index;
  });
  return at;
}

/** What must hold of every artefact: sound, the same file on a second write, loads at each level and is as foreseen. */
async function expectSound(model: OnnxModel): Promise<void> {
  expect(qdqProblems(model)).toEqual([]);
  const bytes = writeOnnx(model);
  expect(Buffer.compare(writeOnnx(readOnnx(bytes)), bytes)).toBe(0);
  for (const graphOptimization of ["disabled", "extended", "all"] as const) await (await openModel(bytes, { graphOptimization })).close();
  for (const target of ["x86", "arm"] as const) {
    expect((await auditFusion(readOnnx(bytes), { workDir, target })).nodes.filter(({ isAsPredicted }) => !isAsPredicted)).toEqual([]);
  }
}

describe("a network of the project's own", () => {
  const variants: Record<string, QuantizeOptions> = {
    "by default": {},
    "with one scale per tensor": { perChannel: false },
    "with signed activations": { activations: "int8", reducedRange: "all" },
    "with seven bits": { reducedRange: "all" },
    "with shifted biases": { biasCorrection: { kind: "fast", examples: 4 } },
    "with biases shifted in order": { biasCorrection: { kind: "sequential", examples: 4 } },
    "equalised, with the least divergence": { equalise: true, calibration: { kind: "least-divergence" } },
  };
  test.each(Object.entries(variants))("%s is sound, as foreseen, and within a few steps of the float model at every level", async (_, options) => {
    const model = demo();
    const examples = await synthetic(model, 12);
    const { model: quantised } = await quantizeStatic(model, examples, options);
    await expectSound(quantised);
    const [wanted, plain, fused] = [await firstOutputs(model, examples, "disabled"), await firstOutputs(quantised, examples, "disabled"), await firstOutputs(quantised, examples, "extended")];
    wanted.forEach((scores, index) => {
      scores.forEach((score, at) => {
        expect(Math.abs(score - (plain[index]?.[at] ?? 0))).toBeLessThan(0.06);
        expect(Math.abs((plain[index]?.[at] ?? 0) - (fused[index]?.[at] ?? 0))).toBeLessThan(0.02);
      });
    });
  });

  test("gives the same bytes for the same input, and leaves its input as it was", async () => {
    const model = demo();
    const before = writeOnnx(model);
    const examples = await synthetic(model, 6);
    const [first, second] = [await quantizeStatic(model, examples), await quantizeStatic(cloneModel(model), examples)];
    expect(Buffer.compare(writeOnnx(first.model), writeOnnx(second.model))).toBe(0);
    expect(Buffer.compare(writeOnnx(model), before)).toBe(0);
  });

  test("tells its progress and stops between examples when aborted", async () => {
    const model = demo();
    const controller = new AbortController();
    const seen: number[] = [];
    const onSample = (done: number, total: number) => {
      expect(total).toBe(40);
      seen.push(done);
      if (done === 5) controller.abort(new Error("enough"));
    };
    await expect(quantizeStatic(model, await synthetic(model, 20), {}, { signal: controller.signal, onSample })).rejects.toThrow("enough");
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test("keeps in float what it is asked to, and says so", async () => {
    const model = demo();
    const { report } = await quantizeStatic(model, await synthetic(model, 2), { keepFloat: ["conv1"] });
    expect(report.nodes.find(({ node }) => node.startsWith("conv1"))).toMatchObject({ state: "float", reason: "it was asked to stay float" });
  });

  test("without examples, or quantised already, is refused", async () => {
    const model = demo();
    await expect(quantizeStatic(model, await synthetic(model, 0))).rejects.toMatchObject({ code: "no_examples" });
    const { model: quantised } = await quantizeStatic(model, await synthetic(model, 2));
    await expect(quantizeStatic(quantised, await synthetic(model, 2))).rejects.toMatchObject({ code: "already_quantised" });
  });
});

async function correct(model: OnnxModel, examples: ExampleSource): Promise<number> {
  const session = await openModel(writeOnnx(model));
  let count = 0;
  for (let index = 0; index < examples.count; index += 1) {
    const { feeds, label } = await examples.read(index);
    const [output] = Object.values(await session.run(feeds)) as [Tensor];
    if (largest(output.data as Float32Array) === label) count += 1;
  }
  await session.close();
  return count / examples.count;
}

async function simplified(path: string): Promise<OnnxModel> {
  const model = readOnnx(readFileSync(path));
  await widenFloat16.run(model, {});
  upgradeOpset(model, 13);
  return (await simplify(model, { verifyRuns: 1 }, { target: "integer" })).model;
}

describe.each([
  ["mnist-8.onnx", "Input3", DIGITS],
  ["mnist-cnn-pytorch.onnx", "0", { scale: 1 / 255 / 0.3081, shift: 0.1307 / 0.3081 }],
])("%s", (file, input, transform) => {
  const { path, missing } = sharedFile("models", file);
  const skip = missing ?? sharedFile("data/mnist/test-images.idx3.gz").missing;
  test(`in int8 is within half a point of float on 10,000 digits${skip === null ? "" : ` (skipped: ${skip})`}`, { skip: skip !== null }, async () => {
    const model = await simplified(path);
    const train = mnist("train", input, transform);
    const { model: quantised } = await quantizeStatic(model, { count: 100, read: (index) => train.read(index) });
    await expectSound(quantised);
    const digits = mnist("test", input, transform);
    expect(digits.count).toBe(10_000);
    const [before, after] = [await correct(model, digits), await correct(quantised, digits)];
    expect(before).toBeGreaterThan(0.98);
    expect(after).toBeGreaterThan(before - 0.005);
  });
});

describe("real convolutional networks", () => {
  const squeezeNet = sharedFile("models", "squeezenet-fp16.onnx");
  test(`SqueezeNet runs every convolution on integers in 28 % of its size${squeezeNet.missing ?? ""}`, { skip: squeezeNet.missing !== null }, async () => {
    const model = await simplified(squeezeNet.path);
    const { model: quantised } = await quantizeStatic(model, await synthetic(model, 2), { calibration: { kind: "min-max" } });
    await expectSound(quantised);
    expect(writeOnnx(quantised).length).toBeLessThan(0.28 * writeOnnx(model).length);
    const { nodes: audit } = await auditFusion(quantised, { workDir });
    expect(audit.filter(({ opType }) => opType === "Conv").map(({ kernel }) => kernel)).toEqual(Array.from({ length: 26 }, () => "QLinearConv"));
    expect(integerShare(audit).integerMacs).toBe(integerShare(audit).macs);
  });

  for (const file of ["face-rfb-320.onnx", "style-candy.onnx"]) {
    const { path, missing } = sharedFile("models", file);
    test(`${file} is quantised in part, as foreseen${missing ?? ""}`, { skip: missing !== null }, async () => {
      const model = readOnnx(readFileSync(path));
      upgradeOpset(model, 13);
      const names = new Set(model.graph.initializers.map(({ name }) => name));
      model.graph.inputs = model.graph.inputs.filter(({ name }) => !names.has(name));
      model.irVersion = 8;
      const { model: quantised, report } = await quantizeStatic(model, await synthetic(model, 1), { calibration: { kind: "min-max" } });
      expect(qdqProblems(quantised)).toEqual([]);
      const { nodes: audit } = await auditFusion(quantised, { workDir });
      expect(audit.filter(({ opType, state }) => opType === "Conv" && state === "integer").length).toBeGreaterThan(5);
      expect(audit.filter(({ opType, isAsPredicted }) => opType === "Conv" && !isAsPredicted)).toEqual([]);
      for (const { state, reason } of report.nodes) expect(state === "float").toBe(reason !== null);
    });
  }

  const trees = sharedFile("models", "tree-ensemble-rf.onnx");
  test(`a forest of decision trees is refused with the reason${trees.missing ?? ""}`, { skip: trees.missing !== null }, async () => {
    const model = readOnnx(readFileSync(trees.path));
    await expect(quantizeStatic(model, await synthetic(model, 1))).rejects.toMatchObject({ code: "nothing_to_quantise", reason: expect.stringContaining("TreeEnsembleRegressor") as string });
  });
});
