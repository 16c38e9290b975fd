import { testDb, type TestDb } from "@flotilla/db";
import { createJob, getOptimization, versionReport } from "@flotilla/fleet";
import { buildModel, demoConvNet, floatTensor, seededRandom } from "@flotilla/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digitFiles } from "../testing/digit-files.ts";
import { openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";

let database: TestDb;
let worker: WorkerFixture;
beforeAll(async () => {
  database = await testDb();
  worker = await openWorkerFixture(database.url);
});
afterAll(async () => {
  await worker.close();
  await database.drop();
});

test("each technique makes a checked and measured version, or says why there is none", { timeout: 600_000 }, async () => {
  const dataset = await worker.newDataset(digitFiles(200));
  await worker.run(dataset.importJobId ?? "");
  const version = await worker.acceptedVersion(demoConvNet({ seed: 3 }), { kind: "image", channels: "grey", scale: 1 / 255 });
  const techniques = [{ kind: "static_int8" }, { kind: "fp16_storage" }, { kind: "weight_blocks", bits: 8 }, { kind: "channel_pruning" }, { kind: "mixed_precision" }];
  const payload = { versionId: version.id, datasetVersionId: dataset.id, recipe: { techniques, calibrationSamples: 16 }, goal: { objective: "size", maxAccuracyDropPoints: 5 } };
  const job = await worker.transact((tx) => createJob(tx, operator, { kind: "optimize", payload }));
  expect(await worker.run(job.id)).toMatchObject({ state: "succeeded" });
  const { results, toolVersions } = await worker.transact((tx) => getOptimization(tx, operator, job.subjectId ?? ""));
  expect(results.map(({ kind, versionId }) => [kind, versionId !== null])).toEqual([["static_int8", true], ["fp16_storage", true], ["weight_blocks", true], ["channel_pruning", true], ["mixed_precision", false]]);
  expect(results.at(-1)?.sentence).toBe("Mixed precision: nothing has to stay in float for accuracy: static int8 is the same model.");
  expect(toolVersions?.["onnxruntime"]).toMatch(/^1\./);
  const reports = await Promise.all(results.slice(0, 3).map(({ versionId }) => worker.transact((tx) => versionReport(tx, operator, versionId ?? ""))));
  for (const report of reports) {
    expect(report.variant?.size.bytes, report.label ?? "").toBeLessThan(report.variant?.size.parentBytes ?? 0);
    expect(report.againstParent, report.label ?? "").toHaveLength(1);
  }
  const int8 = reports[0]?.variant;
  expect(int8?.fusion?.integerNodes).toBeGreaterThan(2);
  expect(int8?.saturation?.method).toContain("emulated");
});

/** Digits by two matrices, the first of which is large enough for integers: 784 × 128. */
function twoMatrices(): Uint8Array {
  const next = seededRandom(5);
  const numbers = (name: string, dims: [number, number]) => floatTensor(name, dims, Array.from({ length: dims[0] * dims[1] }, () => (next() - 0.5) / 10));
  const nodes = [
    { opType: "Flatten", name: "flat", inputs: ["x"], outputs: ["f"] },
    { opType: "MatMul", name: "first", inputs: ["f", "w1"], outputs: ["h"] },
    { opType: "Relu", name: "relu", inputs: ["h"], outputs: ["r"] },
    { opType: "MatMul", name: "second", inputs: ["r", "w2"], outputs: ["y"] },
  ];
  const inputs = [{ name: "x", elementType: "float32", shape: ["n", 1, 28, 28] }];
  return buildModel({ graph: { inputs, outputs: [{ name: "y", elementType: "float32", shape: ["n", 10] }], initializers: [numbers("w1", [784, 128]), numbers("w2", [128, 10])], nodes } });
}

test("dynamic int8 says what CPUs that add in 16 bits make of it: in 8 bits by emulation, in 7 bits that no sum can be clipped", { timeout: 600_000 }, async () => {
  const dataset = await worker.newDataset(digitFiles(200));
  await worker.run(dataset.importJobId ?? "");
  const version = await worker.acceptedVersion(twoMatrices(), { kind: "image", channels: "grey", scale: 1 / 255 });
  const techniques = [{ kind: "dynamic_int8" }, { kind: "dynamic_int8", reducedRange: true }];
  const payload = { versionId: version.id, datasetVersionId: dataset.id, recipe: { techniques }, goal: { objective: "size", maxAccuracyDropPoints: 50, safeOnEveryCpu: true } };
  const job = await worker.transact((tx) => createJob(tx, operator, { kind: "optimize", payload }));
  expect(await worker.run(job.id)).toMatchObject({ state: "succeeded" });
  const { results } = await worker.transact((tx) => getOptimization(tx, operator, job.subjectId ?? ""));
  const [eight, seven] = await Promise.all(results.map(async ({ versionId }) => (await worker.transact((tx) => versionReport(tx, operator, versionId ?? ""))).variant?.saturation));
  expect(eight).toMatchObject({ method: expect.stringContaining("emulated") as string });
  expect(seven).toMatchObject({ saturatedNodes: 0, sentence: expect.stringContaining("whatever the input") as string });
  for (const { sentence } of results) expect(sentence).not.toContain("is not known");
});
