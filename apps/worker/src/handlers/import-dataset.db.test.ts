import { testDb, type TestDb } from "@flotilla/db";
import { hostileDatasets } from "@flotilla/datasets";
import { cancelJob, getNumberedDatasetVersion } from "@flotilla/fleet";
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

const csv = (rows: number): Uint8Array =>
  new TextEncoder().encode(["width,height,species", ...Array.from({ length: rows }, (_, row) => `${row % 7}.${row},${row % 5}.25,${["oak", "ash"][row % 2]}`)].join("\n"));

test("a table becomes a ready version that says what is in it, with its examples in the store", async () => {
  const version = await worker.newDataset([{ name: "trees.csv", bytes: csv(200) }], { seed: 3 });
  const job = await worker.run(version.importJobId ?? "");
  expect(job).toMatchObject({ state: "succeeded", result: { state: "ready", classes: 2 } });
  const { state, summary, artifactSha256 } = await worker.dataset(version.id);
  expect(state).toBe("ready");
  expect(summary).toMatchObject({ kind: "table", task: "classification", classes: ["ash", "oak"], features: ["width", "height"], splitting: { seed: 3 }, source: { format: "csv" } });
  expect(Object.values(summary?.counts ?? {}).reduce((sum, count) => sum + count, 0)).toBe(200);
  const { preview } = await worker.transact((tx) => getNumberedDatasetVersion(tx, operator, { datasetId: version.datasetId, number: 1 }));
  expect(preview).toMatchObject({ sheets: [{ split: "train" }, { split: "test" }], values: [{ name: "width" }, { name: "height" }] });
  expect(preview?.sheets[0]?.rows.map((row) => row.className)).toEqual(["ash", "oak"]);
  expect(await worker.ports.store.has(artifactSha256 ?? "")).toBe(true);
  expect(await worker.leftovers()).toEqual([]);
});

test("the same files and options give the same bytes, and an import that is delivered twice changes nothing", async () => {
  const files = [{ name: "again.csv", bytes: csv(120) }];
  const [first, second] = [await worker.newDataset(files), await worker.newDataset(files)];
  for (const version of [first, second]) await worker.run(version.importJobId ?? "");
  const decided = await worker.dataset(first.id);
  expect(decided.artifactSha256).toBe((await worker.dataset(second.id)).artifactSha256);
  expect(await worker.run(first.importJobId ?? "")).toMatchObject({ state: "succeeded", attempt: 1 });
  expect(await worker.dataset(first.id)).toEqual(decided);
});

/** One of each door, and the ones that attack what lies behind it: the whole corpus takes minutes of children, and packages/datasets runs it without. */
const chosen = ["zip_bomb", "zip_name_unsafe", "zip_link", "zip_truncated", "npy_pickle", "image_unreadable", "image_too_large", "idx_size", "csv_binary"];

test("hostile uploads are refused with the reader's code and sentence, and leave nothing behind", async () => {
  const corpus = hostileDatasets().filter((upload) => upload.limits === undefined && upload.options === undefined);
  const uploads = chosen.flatMap((refusal) => corpus.find((upload) => upload.refusal === refusal) ?? []);
  expect(uploads.length).toBeGreaterThan(5);
  for (const { fileName, bytes, companions = [], refusal, says } of uploads) {
    const version = await worker.newDataset([{ name: fileName, bytes }, ...companions.map((companion) => ({ name: companion.fileName, bytes: companion.bytes }))]);
    expect(await worker.run(version.importJobId ?? ""), fileName).toMatchObject({ state: "succeeded", result: { state: "rejected", code: refusal } });
    const refused = await worker.dataset(version.id);
    expect(refused).toMatchObject({ state: "rejected", rejectCode: refusal, summary: null, artifactSha256: null });
    expect(`${refusal}: ${refused.rejectReason}`).toMatch(says);
  }
  expect(await worker.leftovers()).toEqual([]);
});

test("an import that is cancelled leaves its version refused, and its files where they were", async () => {
  const version = await worker.newDataset([{ name: "late.csv", bytes: csv(50) }]);
  await worker.transact((tx) => cancelJob(tx, operator, { id: version.importJobId ?? "" }));
  expect(await worker.run(version.importJobId ?? "")).toMatchObject({ state: "cancelled" });
  expect(await worker.dataset(version.id)).toMatchObject({ state: "rejected", rejectCode: "cancelled" });
});
