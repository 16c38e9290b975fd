import { writeFile } from "node:fs/promises";
import { testDb, type TestDb } from "@flotilla/db";
import { directoryStore, getGraph, getPreprocessing } from "@flotilla/fleet";
import { buildModel, demoConvNet, floatTensor, readModelSummary } from "@flotilla/runtime";
import { soundKeras } from "@flotilla/trainer";
import { afterAll, beforeAll, expect, test } from "vitest";
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

test("a sound model becomes ready with everything the version page shows", async () => {
  const version = await worker.newVersion([{ name: "digits.onnx", bytes: demoConvNet({ seed: 1 }) }]);
  const job = await worker.run(version.importJobId ?? "");
  expect(job).toMatchObject({ state: "succeeded", progress: 1, result: { state: "ready" }, attempt: 1 });
  const { state, inspection, decidedAt } = await worker.version(version.id);
  expect(state).toBe("ready");
  expect(decidedAt).not.toBeNull();
  expect(inspection).toMatchObject({
    producer: "flotilla-demo",
    inputs: [{ name: "image", elementType: "float32", shape: ["batch", 1, 28, 28] }],
    outputs: [{ name: "scores", elementType: "float32", shape: ["batch", 10] }],
    nodeCount: 9,
  });
  expect(inspection?.operators).toContainEqual({ domain: "", opType: "Conv", count: 2 });
  expect(inspection?.macs).toBe(28 * 28 * 8 * 9 + 14 * 14 * 16 * 8 * 9 + 784 * 10);
  expect(inspection?.layers.length).toBeGreaterThan(3);
  expect(inspection?.latencyMs.n).toBeGreaterThan(10);
  expect(inspection?.peakMemoryBytes).toBeGreaterThan(20 * 2 ** 20);
  expect(inspection?.measuredOn.threads).toBe(1);
  const graph = await worker.transact((tx) => getGraph(tx, operator, version.id));
  expect(graph?.nodes).toHaveLength(9);
  expect(graph?.nodes.filter((node) => node.opType === "Conv").every((node) => node.medianUs !== null), "each Conv has its layer's time").toBe(true);
  expect(await worker.leftovers()).toEqual([]);
});

test("a model with external data is opened with the files that were uploaded beside it", async () => {
  const weights = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
  const bytes = buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [1, 4] }],
      outputs: [{ name: "y", elementType: "float32", shape: [1, 4] }],
      initializers: [{ name: "w", elementType: "float32", shape: [4], external: { location: "weights.bin", offset: 0, length: 16 } }],
      nodes: [{ opType: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    },
  });
  const version = await worker.newVersion([
    { name: "weights.bin", bytes: weights },
    { name: "model.onnx", bytes },
  ]);
  await worker.run(version.importJobId ?? "");
  expect(await worker.version(version.id)).toMatchObject({ state: "ready", inspection: { initializerBytes: 16 } });
});

test.each(["h5", "keras"] as const)("a model from Keras (.%s) becomes a version of ONNX that knows what it was", async (format) => {
  const bytes = await soundKeras(format);
  const version = await worker.newVersion([{ name: `pictures v2.${format}`, bytes }]);
  const uploaded = version.files[0];
  expect(await worker.run(version.importJobId ?? "")).toMatchObject({ state: "succeeded", result: { state: "ready" } });
  const { state, files, sizeBytes, inspection } = await worker.version(version.id);
  expect(state).toBe("ready");
  expect(files).toMatchObject([{ name: "pictures_v2.onnx", role: "model", sizeBytes }]);
  expect(files[0]?.sha256).not.toBe(uploaded?.sha256);
  expect(inspection).toMatchObject({
    producer: expect.stringMatching(/^Keras \d/) as unknown, opsets: [{ domain: "", version: 18 }],
    inputs: [{ name: "picture", elementType: "float32", shape: ["batch", 8, 12, 3] }], outputs: [{ name: "scores", elementType: "float32", shape: ["batch", 5] }],
    origin: { format: `.${format}`, fileName: uploaded?.name, sha256: uploaded?.sha256, sizeBytes: bytes.length, normalizesInput: true, notes: [] },
  });
  const { suggested } = await worker.transact((tx) => getPreprocessing(tx, operator, version.id));
  expect(suggested, "its own Rescaling brings pixels between 0 and 1").toMatchObject({ kind: "image", layout: "nhwc", channels: "rgb", resize: { width: 12, height: 8 }, scale: 1 });
  const summary = await readModelSummary({ path: directoryStore(worker.storeRoot).pathOf(files[0]?.sha256 ?? "") }, []);
  expect(summary.operators.map(({ opType }) => opType)).toContain("Conv");
  expect(await worker.leftovers()).toEqual([]);
});

test("an import that is delivered twice gives one result, and the second run changes nothing", async () => {
  const version = await worker.newVersion([{ name: "m.onnx", bytes: demoConvNet({ seed: 2 }) }]);
  await worker.run(version.importJobId ?? "");
  const first = await worker.version(version.id);
  const again = await worker.run(version.importJobId ?? "");
  expect(again).toMatchObject({ state: "succeeded", attempt: 1 });
  expect(await worker.version(version.id)).toEqual(first);
});

test("bytes that were changed in the store are found out, and the version says so", async () => {
  const bytes = buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [4] }],
      outputs: [{ name: "y", elementType: "float32", shape: [4] }],
      initializers: [floatTensor("w", [4], [1, 2, 3, 4])],
      nodes: [{ opType: "Mul", inputs: ["x", "w"], outputs: ["y"] }],
    },
  });
  const version = await worker.newVersion([{ name: "m.onnx", bytes }]);
  await writeFile(directoryStore(worker.storeRoot).pathOf(version.files[0]?.sha256 ?? ""), bytes.toReversed());
  expect(await worker.run(version.importJobId ?? "")).toMatchObject({ state: "failed", causeCode: "artifact_damaged" });
  expect(await worker.version(version.id)).toMatchObject({ state: "rejected", rejectCode: "artifact_damaged", rejectReason: expect.stringContaining("Upload the file again") as unknown });
});

test("names that no database can hold do not keep a version from being decided", async () => {
  const bytes = buildModel({
    graph: {
      inputs: [{ name: "x\u0000", elementType: "float32", shape: ["n\u0000", 4] }],
      outputs: [{ name: "y\u0000z", elementType: "float32", shape: ["n", 4] }],
      nodes: [{ name: "\u0000", opType: "Relu", inputs: ["x\u0000"], outputs: ["y\u0000z"] }],
    },
  });
  const version = await worker.newVersion([{ name: "nul.onnx", bytes }]);
  const job = await worker.run(version.importJobId ?? "");
  expect(job).toMatchObject({ state: "succeeded", attempt: 1 });
  expect(["ready", "rejected"]).toContain((await worker.version(version.id)).state);
});
