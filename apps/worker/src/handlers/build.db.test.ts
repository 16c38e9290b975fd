import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { testDb, type TestDb } from "@flotilla/db";
import { createBuild, getBuild, listAudit, type BuildView } from "@flotilla/fleet";
import { buildManifestSchema, modelFileOf, selectVariant } from "@flotilla/protocol";
import { buildModel, checkGoldenSet, demoConvNet, openModel } from "@flotilla/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedModel } from "../testing/shared-models.ts";
import { openWorkerFixture, operator, type NewFile, type WorkerFixture } from "../testing/worker-fixture.ts";

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

async function readyVersion(files: readonly NewFile[]): Promise<string> {
  const version = await worker.newVersion(files);
  await worker.run(version.importJobId ?? "");
  expect(await worker.version(version.id)).toMatchObject({ state: "ready" });
  return version.id;
}

async function newBuild(name: string, variants: { versionId: string; classes?: string[] }[]): Promise<BuildView> {
  return worker.transact((tx) => createBuild(tx, operator, { name, variants, settings: {} }));
}

const reread = (id: string) => worker.transact((tx) => getBuild(tx, operator, id));
const stored = async (sha256: string) => buffer(await worker.ports.store.open(sha256));

/** Opens the stored model bytes as a device would, and checks the stored golden set on it. */
async function goldenCheckOf(build: BuildView, index: number) {
  const variant = build.manifest?.variants[index];
  if (variant === undefined) throw new Error("the build has no such variant");
  const path = join(worker.storeRoot, `${variant.versionId}.onnx`);
  await writeFile(path, await stored(modelFileOf(variant).sha256));
  const model = await openModel(path, { intraOpThreads: build.settings.intraOpThreads });
  const check = await checkGoldenSet(model, await stored(variant.golden.sha256), {
    relTolerance: variant.golden.relativeTolerance,
    absTolerance: variant.golden.absoluteTolerance,
  });
  await model.close();
  return check;
}

test("a build's manifest is an artifact that a device can parse, fetch and prove", async () => {
  const small = await readyVersion([{ name: "small.onnx", bytes: demoConvNet({ seed: 1, channels: 4 }) }]);
  const large = await readyVersion([{ name: "large.onnx", bytes: demoConvNet({ seed: 2 }) }]);
  const build = await newBuild("two sizes", [{ versionId: small, classes: ["pi4"] }, { versionId: large }]);
  expect(build).toMatchObject({ state: "pending", variants: [{ versionId: small, classes: ["pi4"] }, { versionId: large, classes: [] }] });
  expect(await worker.run(build.jobId ?? "")).toMatchObject({ state: "succeeded", result: { state: "ready" } });

  const ready = await reread(build.id);
  expect(ready.state).toBe("ready");
  const bytes = await stored(ready.manifestSha256 ?? "");
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(ready.manifestSha256);
  const manifest = buildManifestSchema.parse(JSON.parse(bytes.toString("utf8")));
  expect(manifest).toEqual(ready.manifest);
  expect(manifest.variants.map((variant) => variant.classes)).toEqual([["pi4"], []]);
  const device = { name: "jetson", arch: "arm64", isa: [], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4 * 2 ** 30, simulated: false };
  expect(selectVariant(manifest, device)).toMatchObject({ kind: "variant", variant: { versionId: large } });
  expect(await goldenCheckOf(ready, 0)).toMatchObject({ ok: true, failures: [] });
  expect(await goldenCheckOf(ready, 1)).toMatchObject({ ok: true, failures: [] });
  const known = await worker.transact((tx) => tx.artifact.count({ where: { sha256: { in: [ready.manifestSha256 ?? "", ...manifest.variants.map((v) => v.golden.sha256)] } } }));
  expect(known).toBe(3);
  expect(await worker.leftovers()).toEqual([]);
});

test("the golden set of one model is not accepted on another", async () => {
  const one = await readyVersion([{ name: "one.onnx", bytes: demoConvNet({ seed: 11 }) }]);
  const other = await readyVersion([{ name: "other.onnx", bytes: demoConvNet({ seed: 12 }) }]);
  const build = await newBuild("mixed up", [{ versionId: one }, { versionId: other }]);
  await worker.run(build.jobId ?? "");
  const { manifest } = await reread(build.id);
  const [first, second] = manifest?.variants ?? [];
  if (first === undefined || second === undefined) throw new Error("two variants were built");
  const path = join(worker.storeRoot, "swapped.onnx");
  await writeFile(path, await stored(modelFileOf(first).sha256));
  const model = await openModel(path);
  expect(await checkGoldenSet(model, await stored(second.golden.sha256))).toMatchObject({ ok: false });
  await model.close();
});

test("a build job that runs twice gives one build and one audit row", async () => {
  const versionId = await readyVersion([{ name: "m.onnx", bytes: demoConvNet({ seed: 3 }) }]);
  const build = await newBuild("run twice", [{ versionId }]);
  await worker.run(build.jobId ?? "");
  const first = await reread(build.id);
  await worker.run(build.jobId ?? "");
  expect(await reread(build.id)).toEqual(first);
  const audit = await worker.transact((tx) => listAudit(tx, operator, { action: "build.ready", objectId: build.id }));
  expect(audit.items).toHaveLength(1);
});

test("a model whose results change from run to run cannot be built, and the build says why", async () => {
  const bytes = buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [1, 8] }],
      outputs: [{ name: "y", elementType: "float32", shape: [1, 8] }],
      nodes: [
        { opType: "RandomNormalLike", inputs: ["x"], outputs: ["noise"] },
        { opType: "Add", inputs: ["x", "noise"], outputs: ["y"] },
      ],
    },
  });
  const versionId = await readyVersion([{ name: "noise.onnx", bytes }]);
  const build = await newBuild("noise", [{ versionId }]);
  expect(await worker.run(build.jobId ?? "")).toMatchObject({ state: "failed", causeCode: "not_reproducible" });
  expect(await reread(build.id)).toMatchObject({ state: "failed", manifest: null, failure: expect.stringContaining("different results for the same input") as unknown });
});

describe("real models", () => {
  test.for(["squeezenet-fp16.onnx", "face-rfb-320.onnx", "mnist-8.onnx"])("%s is imported, built, and proven by its golden set", async (file, { skip }) => {
    const { path, missing } = sharedModel(file);
    if (missing !== null) return skip(missing);
    const versionId = await readyVersion([{ name: file, bytes: await readFile(path) }]);
    const build = await newBuild(`build of ${file}`, [{ versionId }]);
    await worker.run(build.jobId ?? "");
    const ready = await reread(build.id);
    expect(ready).toMatchObject({ state: "ready", failure: null });
    expect(ready.manifest?.variants[0]?.requiredMemoryBytes).toBeGreaterThan(0);
    expect(await goldenCheckOf(ready, 0)).toMatchObject({ ok: true, failures: [] });
  });
});
