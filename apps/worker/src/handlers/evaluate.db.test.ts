import { readFileSync } from "node:fs";
import { join } from "node:path";
import { testDb, type TestDb } from "@flotilla/db";
import { compareVersions, createJob, versionReport } from "@flotilla/fleet";
import { buildModel, floatTensor } from "@flotilla/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sharedFile, sharedModel } from "../testing/shared-models.ts";
import { tallOrWide, tallOrWideModel } from "../testing/tall-or-wide.ts";
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

async function readyDataset(name: string, bytes: Uint8Array, more: readonly { name: string; bytes: Uint8Array }[] = []): Promise<string> {
  const version = await worker.newDataset([{ name, bytes }, ...more], { fractions: { train: 0.2, calibration: 0, validation: 0, test: 0.8 } });
  await worker.run(version.importJobId ?? "");
  return version.id;
}

async function evaluate(versionId: string, datasetVersionId: string) {
  const { id } = await worker.transact((tx) => createJob(tx, operator, { kind: "evaluate", payload: { versionId, datasetVersionId } }));
  return worker.run(id);
}

test("right answers are counted per class with their interval, and two versions compare example by example", async () => {
  const dataset = await readyDataset("shapes.csv", tallOrWide(400));
  const [right, biased] = [await worker.acceptedVersion(tallOrWideModel(), { kind: "values" }), await worker.acceptedVersion(tallOrWideModel(3), { kind: "values" })];
  for (const version of [right, biased]) expect(await evaluate(version.id, dataset)).toMatchObject({ state: "succeeded" });
  const { evaluations } = await worker.transact((tx) => versionReport(tx, operator, right.id));
  expect(evaluations).toMatchObject([{ datasetVersionId: dataset, numbers: { split: "test", n: 320, top1: { value: 1, n: 320 }, classes: [{ name: "tall", n: 160, correct: 160 }, { name: "wide", n: 160, correct: 160 }], confusions: [] } }]);
  const compared = await worker.transact((tx) => compareVersions(tx, operator, { versionIds: [right.id, biased.id] }));
  expect(compared.accuracyOn).toMatchObject({ datasetVersionId: dataset, split: "test" });
  const [, second] = compared.versions;
  // A bias of 3 for wide is wrong exactly where tall wins by 1.
  const lost = second?.delta?.accuracy?.lost ?? 0;
  expect(lost).toBeGreaterThan(40);
  expect(second?.delta?.accuracy).toMatchObject({ n: 320, gained: 0, value: -lost / 320, worstClass: { name: "tall" } });
  expect(compared.classes).toMatchObject([{ name: "tall", correct: [160, 160 - lost] }, { name: "wide", correct: [160, 160] }]);
  expect(compared.latencyOn).toMatchObject({ mode: "back_to_back" });
  expect(await worker.leftovers()).toEqual([]);
});

test("an evaluation that runs twice keeps one row, and one whose examples do not fit says so", async () => {
  const dataset = await readyDataset("again.csv", tallOrWide(80));
  const version = await worker.acceptedVersion(tallOrWideModel(), { kind: "values" });
  await evaluate(version.id, dataset);
  await evaluate(version.id, dataset);
  expect(await database.db.prisma.evaluation.count({ where: { versionId: version.id } })).toBe(1);
  const three = buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [1, 3] }], outputs: [{ name: "y", elementType: "float32", shape: [1, 2] }],
      initializers: [floatTensor("w", [3, 2], [1, 0, 0, 1, 1, 1])], nodes: [{ opType: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    },
  });
  const wide = await worker.acceptedVersion(three, { kind: "values" });
  expect(await evaluate(wide.id, dataset)).toMatchObject({ state: "failed", causeCode: "examples_do_not_fit", cause: "Examples have the shape (1, 2) after preprocessing, and the model wants (1, 3)." });
});

const mnist = sharedModel("mnist-8.onnx");
const images = sharedFile("data/mnist/test-images.idx3.gz");
test.skipIf(mnist.missing !== null || images.missing !== null)("MNIST-8 on the genuine test set is as good as is known of it", { timeout: 300_000 }, async ({ skip }) => {
  if (mnist.missing !== null) return skip(mnist.missing);
  const labels = readFileSync(join(images.path, "../test-labels.idx1.gz"));
  const dataset = await worker.newDataset([{ name: "t10k-images-idx3-ubyte.gz", bytes: readFileSync(images.path) }, { name: "t10k-labels-idx1-ubyte.gz", bytes: labels }], { fractions: { train: 0, calibration: 0, validation: 0, test: 1 } });
  await worker.run(dataset.importJobId ?? "");
  expect(await worker.dataset(dataset.id)).toMatchObject({ state: "ready", summary: { counts: { test: 10_000 } } });
  const version = await worker.acceptedVersion(readFileSync(mnist.path), { kind: "image", channels: "grey", layout: "nchw", scale: 1 });
  await evaluate(version.id, dataset.id);
  const { evaluations } = await worker.transact((tx) => versionReport(tx, operator, version.id));
  expect(evaluations[0]?.numbers.top1?.value).toBeCloseTo(0.9891, 4);
});
