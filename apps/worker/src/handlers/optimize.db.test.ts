import { testDb, type TestDb } from "@flotilla/db";
import { compareVersions, createJob, getGraph, getOptimization, jobLogs, variantTree, versionReport, type JobView } from "@flotilla/fleet";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ballastModel, tallOrWide, tallOrWideModel } from "../testing/tall-or-wide.ts";
import { openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";
import { until } from "../testing/worker-process.ts";

let database: TestDb;
let worker: WorkerFixture;
let datasetVersionId = "";
beforeAll(async () => {
  database = await testDb();
  worker = await openWorkerFixture(database.url);
  const dataset = await worker.newDataset([{ name: "shapes.csv", bytes: tallOrWide(200) }]);
  await worker.run(dataset.importJobId ?? "");
  datasetVersionId = dataset.id;
});
afterAll(async () => {
  await worker.close();
  await database.drop();
});

async function startOptimization(bytes: Uint8Array, techniques: readonly object[]): Promise<{ job: JobView; versionId: string }> {
  const version = await worker.acceptedVersion(bytes, { kind: "values" });
  const payload = { versionId: version.id, datasetVersionId, recipe: { techniques }, goal: { objective: "size" } };
  return { job: await worker.transact((tx) => createJob(tx, operator, { kind: "optimize", payload })), versionId: version.id };
}

const optimization = (job: JobView) => worker.transact((tx) => getOptimization(tx, operator, job.subjectId ?? ""));

test("what helps becomes a version with parent, recipe and all its numbers; a second delivery and a second recipe make no second one", { timeout: 300_000 }, async () => {
  const { job, versionId } = await startOptimization(ballastModel(), [{ kind: "simplify" }]);
  expect(await worker.run(job.id)).toMatchObject({ state: "succeeded", result: { state: "finished", offered: 1 } });
  const finished = await optimization(job);
  expect(finished).toMatchObject({ state: "finished", results: [{ kind: "simplify", verdict: "helps", versionNumber: 2, sentence: expect.stringContaining("smaller") as unknown }] });
  const variantId = finished.results[0]?.versionId ?? "";
  expect(await worker.version(variantId)).toMatchObject({ state: "ready", source: "optimize", parentId: versionId, variantKind: "simplify", offered: true, preprocessing: { kind: "values" } });
  const report = await worker.transact((tx) => versionReport(tx, operator, variantId));
  expect(report).toMatchObject({ evaluations: [{ numbers: { split: "test", top1: { value: 1 } } }], againstParent: [{ value: 0, gained: 0, lost: 0, agreement: 1 }], recipe: { kind: "simplify" } });
  expect(report.variant?.size.bytes).toBeLessThan((report.variant?.size.parentBytes ?? 0) / 10);
  expect(report.variant?.passes.some((pass) => pass.changes > 0)).toBe(true);
  expect(report.measurements.map((measurement) => measurement.mode)).toEqual(["interleaved", "back_to_back"]);
  const compared = await worker.transact((tx) => compareVersions(tx, operator, { versionIds: [versionId, variantId] }));
  expect(compared).toMatchObject({ latencyOn: { mode: "interleaved" }, accuracyOn: { split: "test" } });
  const [before, after] = compared.versions;
  expect(after?.comparableMs, "on the scatter as far from the parent as the runs in turns say").toBeCloseTo((before?.latencyMs?.p50 ?? 0) * (after?.delta?.latencyRatio ?? 0), 9);
  expect(before?.comparableMs).toBe(before?.latencyMs?.p50);
  expect((await worker.transact((tx) => variantTree(tx, operator, versionId))).items.map((node) => node.id)).toEqual([versionId, variantId]);
  expect((await worker.transact((tx) => getGraph(tx, operator, variantId)))?.nodes.length).toBeLessThan(4);
  expect(await worker.run(job.id)).toMatchObject({ attempt: 1 });
  const again = await worker.transact((tx) => createJob(tx, operator, { kind: "optimize", payload: { versionId, datasetVersionId, recipe: { techniques: [{ kind: "simplify" }] }, goal: { objective: "size" } } }));
  await worker.run(again.id);
  expect((await optimization(again)).results).toMatchObject([{ versionId: variantId }]);
  expect(await database.db.prisma.modelVersion.count({ where: { parentId: versionId } })).toBe(1);
  expect(await worker.leftovers()).toEqual([]);
});

test("where nothing helps the optimization says so with the reason, and makes no version", { timeout: 300_000 }, async () => {
  const { job, versionId } = await startOptimization(tallOrWideModel(), [{ kind: "simplify" }]);
  expect(await worker.run(job.id)).toMatchObject({ state: "succeeded", result: { offered: 0 } });
  expect(await optimization(job)).toMatchObject({ state: "finished", sentence: expect.stringContaining("Nothing helps.") as unknown, results: [{ verdict: "refused", versionId: null }] });
  expect(await database.db.prisma.modelVersion.count({ where: { parentId: versionId } })).toBe(0);
});

test("an attempt that is stopped half way leaves its finished steps to the next one", { timeout: 300_000 }, async () => {
  const { job } = await startOptimization(ballastModel(), [{ kind: "simplify" }]);
  const first = worker.run(job.id);
  await until(async () => (await database.db.prisma.jobStep.count({ where: { jobId: job.id } })) > 0);
  worker.running.get(job.id)?.stop("shutdown");
  expect(await first).toMatchObject({ state: "queued" });
  const [kept] = await database.db.prisma.jobStep.findMany({ where: { jobId: job.id, name: "make 0" } });
  expect(await worker.run(job.id)).toMatchObject({ state: "succeeded" });
  const lines = await worker.transact((tx) => jobLogs(tx, operator, { jobId: job.id }));
  expect(lines.filter((line) => line.text === "Made in an earlier attempt.")).toHaveLength(1);
  expect(await database.db.prisma.jobStep.findMany({ where: { jobId: job.id, name: "make 0" } })).toEqual([kept]);
});

test("a cancelled optimization is failed with the reason, makes no version, and can be tried again", { timeout: 300_000 }, async () => {
  const { job, versionId } = await startOptimization(ballastModel(), [{ kind: "simplify" }]);
  const running = worker.run(job.id);
  await until(() => worker.running.has(job.id));
  worker.running.get(job.id)?.stop("cancelled");
  expect(await running).toMatchObject({ state: "cancelled" });
  expect(await optimization(job)).toMatchObject({ state: "failed", failure: "Cancelled by a person." });
  expect(await database.db.prisma.modelVersion.count({ where: { parentId: versionId } })).toBe(0);
  expect(await worker.leftovers()).toEqual([]);
});
