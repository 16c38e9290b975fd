import { buffer } from "node:stream/consumers";
import { testDb, type TestDb } from "@flotilla/db";
import { createTraining, getTraining, getVersion, jobLogs, newId, versionReport, type TrainingView, type VersionView } from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { readOnnx, type OnnxModel } from "@flotilla/runtime/ir";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digitFiles } from "../testing/digit-files.ts";
import { openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";

// Accuracy that rounding or cutting cost is won back by training further, with rounding and with another version to learn from.

let database: TestDb;
let worker: WorkerFixture;
let digits = "";
let parent: VersionView;
beforeAll(async () => {
  database = await testDb();
  worker = await openWorkerFixture(database.url);
  const dataset = await worker.newDataset(digitFiles(300), { fractions: { train: 0.7, calibration: 0, validation: 0.15, test: 0.15 } });
  await worker.run(dataset.importJobId ?? "");
  digits = dataset.id;
  parent = await trained({ template: { id: "resnet", preset: "small" }, modelName: "digit reader", recipe: { ...quick, budget: { epochs: 4, minutes: null } } });
});
afterAll(async () => {
  await worker.close();
  await database.drop();
});

type Wish = Omit<Parameters<typeof createTraining>[2], "datasetVersionId">;
const quick = { batchSize: 16, budget: { epochs: 1, minutes: null }, optimizer: { learningRate: 0.003 } };
const start = (wish: Wish): Promise<TrainingView> => worker.transact((tx) => createTraining(tx, operator, { datasetVersionId: digits, ...wish }));
const viewOf = (id: string): Promise<TrainingView> => worker.transact((tx) => getTraining(tx, operator, id));

async function logOf({ jobId }: TrainingView): Promise<string> {
  return (await worker.transact((tx) => jobLogs(tx, operator, { jobId }))).map(({ text }) => text).join("\n");
}

async function trained(wish: Wish): Promise<VersionView> {
  const { id, jobId } = await start(wish);
  await worker.run(jobId);
  const { result, cause } = await viewOf(id);
  if (result === null) throw new Error(cause ?? "the training has no result");
  return worker.transact((tx) => getVersion(tx, operator, result.versionId));
}

async function modelOf({ files: [file] }: VersionView): Promise<OnnxModel> {
  return readOnnx(await buffer(await worker.ports.store.open(file?.sha256 ?? "")));
}

test("a version is trained with rounding and a teacher: what comes of it has integers for weights, its numbers, and its lineage", async () => {
  const recipe = { ...quick, quantization: { weightBits: 4 as const, perChannel: false }, distillation: { teacherVersionId: parent.id, temperature: 2, hardShare: 0.5 } };
  const training = await start({ versionId: parent.id, recipe });
  expect(training).toMatchObject({ teacher: { versionId: parent.id, name: "digit reader v1" }, recipe: { quantization: { weightBits: 4 }, distillation: { temperature: 2 } } });
  await worker.run(training.jobId);
  const { result, state, cause } = await viewOf(training.id);
  expect({ state, cause }).toEqual({ state: "succeeded", cause: null });
  const version = await worker.transact((tx) => getVersion(tx, operator, result?.versionId ?? ""));
  expect(version).toMatchObject({ parentId: parent.id, trainingId: training.id, recipeSha256: training.recipeSha256, preprocessing: parent.preprocessing });
  const { graph } = await modelOf(version);
  expect(graph.nodes.filter(({ opType }) => opType === "BatchNormalization")).toEqual([]);
  const weights = graph.initializers.filter(({ elementType, dims }) => elementType === "int8" && dims.length > 1);
  expect(weights.length).toBeGreaterThan(5);
  for (const { data, name } of weights) expect(Math.max(...new Int8Array((data as Uint8Array).slice().buffer).map(Math.abs)), name).toBeLessThanOrEqual(7);
  const { evaluations } = await worker.transact((tx) => versionReport(tx, operator, version.id));
  expect(evaluations).toMatchObject([{ datasetVersionId: digits, numbers: { split: "test", n: 45 } }]);
  expect(await logOf(training)).toContain("Trains with 4-bit weights");

  // Integers are not rounded again.
  await expect(start({ versionId: version.id, recipe: { ...quick, quantization: {} } })).rejects.toMatchObject({ code: "bad_request", public: expect.stringContaining("integers already") });
});

test("a small network from a template learns from a larger version, and sees examples as that one does", async () => {
  const teacher = { ...parent, preprocessing: { ...parent.preprocessing, invert: true } };
  await database.db.prisma.modelVersion.update({ where: { id: parent.id }, data: { preprocessing: teacher.preprocessing } });
  const child = await trained({ template: { id: "cnn", preset: "small" }, modelName: "pupil", recipe: { ...quick, distillation: { teacherVersionId: parent.id } } });
  await database.db.prisma.modelVersion.update({ where: { id: parent.id }, data: { preprocessing: parent.preprocessing ?? {} } });
  expect(child).toMatchObject({ modelName: "pupil", parentId: null, preprocessing: teacher.preprocessing });
});

test("what cannot be rounded or taught is told before anything runs", async () => {
  const wishes: [Wish, string][] = [
    [{ template: { id: "cnn", preset: "small" }, modelName: "x", recipe: { quantization: {} } }, "has learnt nothing"],
    [{ versionId: parent.id, freezeUpTo: "whatever", recipe: { quantization: {} } }, "freezeUpTo"],
    [{ outside: { script: "train.py" }, modelName: "x", recipe: { quantization: {} } }, "own business"],
    [{ outside: { script: "train.py" }, modelName: "x", recipe: { distillation: { teacherVersionId: parent.id } } }, "own business"],
    [{ versionId: parent.id, recipe: { loss: "huber", distillation: { teacherVersionId: parent.id } } }, "cross entropy"],
    [{ versionId: parent.id, recipe: { quantization: { weightBits: 5 } } }, "recipe.quantization.weightBits"],
    [{ template: { id: "cnn", preset: "small" }, modelName: "x", recipe: { loss: "triplet" } }, "triplets"],
  ];
  for (const [wish, words] of wishes) await expect(start(wish), words).rejects.toMatchObject({ code: "bad_request", public: expect.stringContaining(words) });
  await expect(start({ versionId: parent.id, recipe: { distillation: { teacherVersionId: "ver_nobody" } } })).rejects.toMatchObject({ code: "not_found" });
  const other = await worker.acceptedVersion(demoConvNet({ seed: 4 }), { ...parent.preprocessing, scale: 1 });
  await expect(start({ versionId: parent.id, recipe: { distillation: { teacherVersionId: other.id } } })).rejects.toMatchObject({ code: "bad_request", public: expect.stringContaining("preprocessing differs") });
});

test("other teachers make other digests, and a checkpoint that was made with another one is left alone", async () => {
  const recipe = { ...quick, distillation: { teacherVersionId: parent.id } };
  const training = await start({ versionId: parent.id, recipe });
  const other = await worker.acceptedVersion(demoConvNet({ seed: 4 }), parent.preprocessing ?? {});
  const otherwise = await start({ versionId: parent.id, recipe: { ...recipe, distillation: { teacherVersionId: other.id } } });
  expect(otherwise.recipeSha256).not.toBe(training.recipeSha256);

  const artifact = await worker.ports.store.put(new TextEncoder().encode("of another teacher"));
  await database.db.prisma.artifact.create({ data: { sha256: artifact.sha256, sizeBytes: BigInt(artifact.sizeBytes) } });
  const keep = (jobId: string, parts: string | undefined) => database.db.prisma.jobStep.create({ data: { jobId, name: "checkpoint", key: newId("job"), result: { epoch: 7, step: 70, best: null, points: [], ...(parts !== undefined && { parts }) }, artifactSha256: artifact.sha256, artifactBytes: BigInt(artifact.sizeBytes) } });
  await keep(training.jobId, "of another teacher");
  await worker.run(training.jobId);
  expect(await viewOf(training.id)).toMatchObject({ state: "succeeded", epoch: 1 });
  expect(await logOf(training)).toContain("begins anew");
  // The same bytes without a word on what they were made from are taken, and found to be no checkpoint.
  await keep(otherwise.jobId, undefined);
  await worker.run(otherwise.jobId);
  expect(await viewOf(otherwise.id)).toMatchObject({ state: "failed", causeCode: "checkpoint_unreadable" });
});
