import { buffer } from "node:stream/consumers";
import { testDb, type TestDb } from "@flotilla/db";
import { createTraining, fittingTemplates, getJob, getTraining, getVersion, jobMetrics, stopTraining, versionReport, type TrainingView } from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { readOnnx, writeOnnx } from "@flotilla/runtime/ir";
import { buildTemplate } from "@flotilla/trainer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digitFiles } from "../testing/digit-files.ts";
import { tallOrWide } from "../testing/tall-or-wide.ts";
import { openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";

let database: TestDb;
let worker: WorkerFixture;
let digits = "";
beforeAll(async () => {
  database = await testDb();
  worker = await openWorkerFixture(database.url);
  digits = await readyDataset(digitFiles(300));
});
afterAll(async () => {
  await worker.close();
  await database.drop();
});

async function readyDataset(files: Parameters<WorkerFixture["newDataset"]>[0]): Promise<string> {
  const version = await worker.newDataset(files, { fractions: { train: 0.6, calibration: 0, validation: 0.2, test: 0.2 } });
  await worker.run(version.importJobId ?? "");
  return version.id;
}

const start = (input: Parameters<typeof createTraining>[2]): Promise<TrainingView> => worker.transact((tx) => createTraining(tx, operator, input));
const viewOf = (id: string): Promise<TrainingView> => worker.transact((tx) => getTraining(tx, operator, id));
/** Each weight's bytes, in hexadecimal digits. */
async function weightsOf(versionId: string): Promise<Map<string, string>> {
  const { files } = await worker.version(versionId);
  const bytes = await buffer(await worker.ports.store.open(files[0]?.sha256 ?? ""));
  return new Map(readOnnx(bytes).graph.initializers.map(({ name, data }) => [name, Buffer.from(data as Uint8Array).toString("hex")]));
}
const quick = { batchSize: 16, budget: { epochs: 2, minutes: null }, optimizer: { learningRate: 0.003 } };

test("a dataset says which networks can be trained on it, with their sizes", async () => {
  const templates = await worker.transact((tx) => fittingTemplates(tx, operator, digits));
  expect(templates.map(({ id }) => id)).toEqual(["cnn", "resnet", "mobilenet", "image-autoencoder"]);
  expect(templates.at(-1)).toMatchObject({ input: [1, 28, 28], answers: 784, isClassifier: false });
  expect(templates[0]).toMatchObject({ input: [1, 28, 28], answers: 10, isClassifier: true, preprocessing: { kind: "image", channels: "grey", layout: "nchw" } });
  expect(templates[0]?.presets.find(({ id }) => id === "medium")).toMatchObject({ parameters: 93_322 });
});

test("an autoencoder learns to draw pictures again, whatever their labels", async () => {
  const training = await start({ datasetVersionId: digits, template: { id: "image-autoencoder", preset: "small" }, modelName: "seen before", recipe: { ...quick, loss: "mean_squared_error" } });
  await worker.run(training.jobId);
  expect(await viewOf(training.id)).toMatchObject({ state: "succeeded", best: { metric: "validation loss" }, result: { modelName: "seen before", number: 1 }, confusion: null });
  const losses = (await worker.transact((tx) => jobMetrics(tx, operator, { jobId: training.jobId }))).filter(({ name }) => name === "train loss").map(({ value }) => value);
  expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] ?? 0));
});

test("a network from a template becomes a version with its lineage, its curves and its numbers", async () => {
  const training = await start({ datasetVersionId: digits, template: { id: "cnn", preset: "small" }, modelName: "digit reader", recipe: quick });
  expect(training).toMatchObject({ state: "queued", name: "digit reader", start: { kind: "template", template: "cnn" } });
  await worker.run(training.jobId);
  const ended = await viewOf(training.id);
  expect(ended).toMatchObject({ state: "succeeded", stoppedBy: "epochs", epoch: 2, stepsPerEpoch: 11, best: { metric: "validation accuracy" }, result: { modelName: "digit reader", number: 1 }, confusion: { split: "validation" } });
  expect(ended.worst.length).toBeGreaterThan(0);
  expect(ended.worst[0]).toMatchObject({ truth: expect.stringMatching(/^\d$/), image: expect.stringMatching(/^data:image\/webp;base64,/) });
  const version = await worker.transact((tx) => getVersion(tx, operator, ended.result?.versionId ?? ""));
  expect(version).toMatchObject({ state: "ready", source: "train", trainingId: training.id, recipeSha256: training.recipeSha256, preprocessing: { kind: "image" } });
  const { evaluations } = await worker.transact((tx) => versionReport(tx, operator, version.id));
  expect(evaluations).toMatchObject([{ datasetVersionId: digits, numbers: { split: "test", n: 60 } }]);
  const points = await worker.transact((tx) => jobMetrics(tx, operator, { jobId: training.jobId }));
  expect(points.filter(({ name }) => name === "validation loss").map(({ step }) => step)).toEqual([11, 22]);
  expect(points.filter(({ name }) => name === "train loss").map(({ step }) => step)).toEqual(Array.from({ length: 22 }, (_, i) => i + 1));
  expect(await worker.leftovers()).toEqual([]);
});

test("a version is trained further: what is frozen stays bit for bit, and the new version names its parent", async () => {
  const parent = await worker.acceptedVersion(demoConvNet({ seed: 3 }), { kind: "image", channels: "grey", scale: 1 / 255 });
  const training = await start({ datasetVersionId: digits, versionId: parent.id, freezeUpTo: "pool1", recipe: { ...quick, budget: { epochs: 1, minutes: null } } });
  await worker.run(training.jobId);
  const { result, state, cause } = await viewOf(training.id);
  expect({ state, cause }).toMatchObject({ state: "succeeded" });
  expect(await worker.transact((tx) => getVersion(tx, operator, result?.versionId ?? ""))).toMatchObject({ parentId: parent.id, modelId: parent.modelId, number: parent.number + 1 });
  const [before, after] = [await weightsOf(parent.id), await weightsOf(result?.versionId ?? "")];
  const [frozen, learnt] = [["conv1.weight", "conv1.bias"], ["conv2.weight", "classifier.weight"]];
  expect(frozen.map((name) => after.get(name))).toEqual(frozen.map((name) => before.get(name)));
  for (const name of learnt) expect(after.get(name), name).not.toBe(before.get(name));
});

test("a version whose answer is a point learns from triplets: fellows come nearer than strangers, and no class is called right", async () => {
  const points = buildTemplate("cnn", "small", { input: [1, 28, 28], answers: 8, isClassifier: false }, 7);
  const parent = await worker.acceptedVersion(writeOnnx(points), { kind: "image", channels: "grey", scale: 1 / 255 });
  const training = await start({ datasetVersionId: digits, versionId: parent.id, recipe: { ...quick, loss: "triplet", batchSize: 32, budget: { epochs: 12, minutes: null } } });
  await worker.run(training.jobId);
  const { result, ...ended } = await viewOf(training.id);
  expect(ended).toMatchObject({ state: "succeeded", cause: null, best: { metric: "validation loss" }, confusion: null, worst: [] });
  const losses = (await worker.transact((tx) => jobMetrics(tx, operator, { jobId: training.jobId }))).filter(({ name }) => name === "validation loss").map(({ value }) => value);
  // Where all answers are the same it is 1, the margin.
  expect(ended.best?.value).toBeLessThan(Math.min(0.5, 0.8 * (losses[0] ?? 0)));
  const version = await worker.transact((tx) => getVersion(tx, operator, result?.versionId ?? ""));
  expect(version).toMatchObject({ state: "ready", parentId: parent.id, trainingId: training.id, preprocessing: parent.preprocessing });
  expect((await worker.transact((tx) => versionReport(tx, operator, version.id))).evaluations).toEqual([]);
});

test("tables are learnt too, and what does not go together is told before anything runs", async () => {
  const shapes = await readyDataset([{ name: "shapes.csv", bytes: tallOrWide(120) }]);
  const training = await start({ datasetVersionId: shapes, template: { id: "mlp", preset: "small" }, modelName: "shapes", recipe: quick });
  await worker.run(training.jobId);
  expect(await viewOf(training.id)).toMatchObject({ state: "succeeded", confusion: { classes: ["tall", "wide"] } });
  await expect(start({ datasetVersionId: shapes, template: { id: "cnn", preset: "small" }, modelName: "x" })).rejects.toMatchObject({ code: "bad_request" });
  await expect(start({ datasetVersionId: shapes, template: { id: "mlp", preset: "small" }, modelName: "x", recipe: { loss: "huber" } })).rejects.toMatchObject({ code: "bad_request" });
  await expect(start({ datasetVersionId: shapes, modelName: "x" })).rejects.toMatchObject({ code: "bad_request" });
  await expect(start({ datasetVersionId: shapes, template: { id: "mlp", preset: "small" }, modelName: "x", recipe: { batchSize: 0 } })).rejects.toMatchObject({ code: "bad_request", public: expect.stringContaining("recipe.batchSize") });
});

test("a training that runs away fails with what to do, and its job may be tried again", async () => {
  const shapes = await readyDataset([{ name: "wild.csv", bytes: tallOrWide(60) }]);
  const training = await start({ datasetVersionId: shapes, template: { id: "autoencoder", preset: "small" }, modelName: "wild", recipe: { ...quick, loss: "mean_squared_error", optimizer: { kind: "sgd", learningRate: 10, momentum: 0.99 }, budget: { epochs: 50, minutes: null }, patienceEpochs: null } });
  await worker.run(training.jobId);
  expect(await viewOf(training.id)).toMatchObject({ state: "failed", causeCode: "training_diverged", cause: expect.stringContaining("lower learning rate"), result: null });
});

test("who asks a training to stop that does not run is told so", async () => {
  const training = await start({ datasetVersionId: digits, template: { id: "cnn", preset: "small" }, modelName: "waiting", recipe: quick });
  await expect(worker.transact((tx) => stopTraining(tx, operator, { id: training.id }))).rejects.toMatchObject({ code: "illegal_transition" });
  expect(await worker.transact((tx) => getJob(tx, operator, training.jobId))).toMatchObject({ state: "queued" });
});
