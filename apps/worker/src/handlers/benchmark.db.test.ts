import { testDb, type TestDb } from "@flotilla/db";
import { createJob, jobMetrics } from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
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

test("a benchmark gives one result and one curve for each measuring mode, and never mixes them", { timeout: 120_000 }, async () => {
  const version = await worker.newVersion([{ name: "m.onnx", bytes: demoConvNet({ seed: 1 }) }]);
  await worker.run(version.importJobId ?? "");
  const { id } = await worker.transact((tx) => createJob(tx, operator, { kind: "benchmark", payload: { versionId: version.id, runs: 16 } }));
  const job = await worker.run(id);
  expect(job).toMatchObject({
    state: "succeeded",
    subjectId: version.id,
    result: { results: [{ mode: "back_to_back", intervalMs: null }, { mode: "scheduled", intervalMs: 100 }], measuredOn: { threads: 1 } },
  });
  const { results } = job.result as { results: { mode: string; latencyMs: { p50: number; p99: number; n: number; method: string } }[] };
  for (const { latencyMs } of results) {
    expect(latencyMs.n).toBeGreaterThanOrEqual(16);
    expect(latencyMs.p99).toBeGreaterThanOrEqual(latencyMs.p50);
  }
  expect(results.map(({ latencyMs }) => latencyMs.method.slice(0, 20))).toEqual(["back to back; 50 war", "one run each 100 ms,"]);
  const points = await worker.transact((tx) => jobMetrics(tx, operator, { jobId: id }));
  expect([...new Set(points.map((point) => point.name))]).toEqual(["back to back p50 ms", "back to back p99 ms", "scheduled p50 ms", "scheduled p99 ms"]);
  expect(await worker.leftovers()).toEqual([]);
});
