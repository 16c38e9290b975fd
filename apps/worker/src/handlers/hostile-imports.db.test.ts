import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testDb, type TestDb } from "@flotilla/db";
import { constantOfShape, endlessLoop, functionChain, hostileModels, type HostileModel } from "@flotilla/runtime";
import { hostileKeras } from "@flotilla/trainer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limitsFor } from "../sandbox/limits.ts";
import { runModel } from "../sandbox/run-model.ts";
import { openWorkerFixture, type NewFile, type WorkerFixture } from "../testing/worker-fixture.ts";

// The whole way of a hostile upload: version, job, reader or sandbox, refusal. That this process lives to look at the
// rows is half of each test.

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

/** Uploads get safe names and real sizes, so these two cannot come in by this door; the reader's own tests have them. */
const notUploadable = new Set(["external file with a hostile name", "external file larger than 2 GiB"]);
/** Two kinds of file are not refused as such: they are converted, and refused for what is in them. */
const converted = new Set<string>(["keras_hdf5", "keras_archive"]);
const corpus = hostileModels().filter((model) => !notUploadable.has(model.name) && !converted.has(model.refusal));
/** Of the files that the converter's own tests go through, one of each kind: code, links, sizes, cycles, archives. */
const kerasCorpus = hostileKeras().filter((file) =>
  ["nothing but the signature", "Lambda layer", "link to a file of the machine", "67 million weights that are not stored", "cycle of two layers", "wrong checksum", "Lambda layer in an archive"].includes(file.name),
);

function filesOf(model: HostileModel): NewFile[] {
  const beside = (model.files ?? []).map(({ name, sizeBytes }) => ({ name, bytes: new Uint8Array(sizeBytes) }));
  return [{ name: "model.onnx", bytes: model.bytes }, ...beside];
}

describe("the corpus through the import job", () => {
  test.each(corpus.map((model) => [model.name, model] as const))("%s is rejected with its own code and sentence", async (_name, model) => {
    const version = await worker.newVersion(filesOf(model));
    const job = await worker.run(version.importJobId ?? "");
    expect(job).toMatchObject({ state: "succeeded", result: { state: "rejected", code: model.refusal } });
    const decided = await worker.version(version.id);
    expect(decided).toMatchObject({ state: "rejected", rejectCode: model.refusal, inspection: null });
    if (typeof model.says === "string") expect(decided.rejectReason).toContain(model.says);
    else expect(decided.rejectReason).toMatch(model.says);
    expect(decided.rejectReason).not.toContain(worker.storeRoot);
  });

  test.each(kerasCorpus.map((file) => [file.name, file] as const))("Keras: %s is rejected with the converter's code and sentence", async (_name, { format, bytes, refusal, says }) => {
    const version = await worker.newVersion([{ name: `model.${format}`, bytes: await bytes() }]);
    const job = await worker.run(version.importJobId ?? "");
    expect(job).toMatchObject({ state: "succeeded", result: { state: "rejected", code: refusal } });
    const decided = await worker.version(version.id);
    expect(decided).toMatchObject({ state: "rejected", rejectCode: refusal, inspection: null, files: [{ name: `model.${format}` }] });
    expect(decided.rejectReason).toMatch(says);
    expect(decided.rejectReason).not.toContain(worker.storeRoot);
  });

  test("nothing of all that is left on the disk", async () => {
    expect(await worker.leftovers()).toEqual([]);
  });
});

describe("what passes the reader and harms ONNX Runtime", () => {
  /** As the import job does it, with limits that a test can wait for. */
  async function probe(name: string, bytes: Uint8Array, limits: Partial<ReturnType<typeof limitsFor>>): Promise<unknown> {
    const modelPath = join(worker.storeRoot, `${name}.onnx`);
    await writeFile(modelPath, bytes);
    return runModel({
      entry: new URL("../sandbox/probe.ts", import.meta.url),
      input: { modelPath, budgetMs: worker.ports.measureBudgetMs },
      limits: { ...limitsFor(bytes.length), ...limits },
      workDir: worker.storeRoot,
      signal: new AbortController().signal,
      doing: () => "opening the model",
    });
  }

  test("an endless loop that no reader can see is ended by the CPU limit", async () => {
    const reason = "opening the model takes more than 2 s of CPU time";
    expect(await probe("loop", endlessLoop("computed"), { cpuSeconds: 2 })).toEqual({ kind: "refused", code: "too_slow", reason });
  });

  test("a model that does not end in time is ended by the clock", async () => {
    const reason = "opening the model did not end within 1 s";
    expect(await probe("slow", endlessLoop("computed"), { wallMs: 1_000 })).toEqual({ kind: "refused", code: "too_slow", reason });
  });

  test("a model that needs too much memory is told apart from one that crashes", async () => {
    expect(await probe("big", constantOfShape(134_217_728n), { memoryBytes: 300 * 2 ** 20 })).toEqual({
      kind: "refused",
      code: "too_much_memory",
      reason: "opening the model needs more than 0.3 GiB of memory",
    });
    const reason = "opening the model crashed ONNX Runtime (SIGSEGV)";
    expect(await probe("deep", functionChain(3_000), {})).toEqual({ kind: "refused", code: "sandbox_crashed", reason });
  });
});
