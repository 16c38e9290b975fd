import { testDb, type TestDb } from "@flotilla/db";
import { cancelJob, claimForRunner, createTraining, deliverFromRunner, getJob, getTraining, getVersion, jobMetrics, preprocessingSchema, reapJobs, reportFromRunner, retryJob, stopTraining, type RunnerTask, type TrainingView } from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digitFiles } from "../testing/digit-files.ts";
import { openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";

const runner = { kind: "api_key", id: "key_bench", name: "bench", role: "operator", scopes: ["runner"] } as const;

let database: TestDb;
let worker: WorkerFixture;
let digits = "";
beforeAll(async () => {
  database = await testDb();
  worker = await openWorkerFixture(database.url);
  const dataset = await worker.newDataset(digitFiles(120), { fractions: { train: 0.6, calibration: 0, validation: 0.2, test: 0.2 } });
  await worker.run(dataset.importJobId ?? "");
  digits = dataset.id;
});
afterAll(async () => {
  await worker.close();
  await database.drop();
});

const start = (modelName: string): Promise<TrainingView> => worker.transact((tx) => createTraining(tx, operator, { datasetVersionId: digits, outside: { script: "train.py", parameters: { width: 8 } }, modelName }));
const viewOf = (id: string): Promise<TrainingView> => worker.transact((tx) => getTraining(tx, operator, id));
const claim = (name = "bench"): Promise<RunnerTask | null> => worker.transact((tx) => claimForRunner(tx, runner, { runner: name }));
async function claimed(): Promise<RunnerTask> {
  const task = await claim();
  if (task === null) throw new Error("nothing waits for a runner");
  return task;
}
const report = ({ jobId, leaseToken }: RunnerTask, told: Parameters<typeof reportFromRunner>[2]["report"]) => worker.transact((tx) => reportFromRunner(tx, runner, { jobId, leaseToken, report: told }));
const end = ({ jobId, leaseToken }: RunnerTask, how: Parameters<typeof deliverFromRunner>[2]["end"]) => worker.transact((tx) => deliverFromRunner(tx, runner, { jobId, leaseToken, end: how }));
/** A finished upload, of the runner's own unless told. */
async function sent(bytes: Uint8Array, createdById: string = runner.id): Promise<string> {
  const [upload] = await worker.upload([{ name: "trained.onnx", bytes }]);
  const { id } = await database.db.prisma.upload.update({ where: { id: upload?.uploadId ?? "" }, data: { createdById } });
  return id;
}

async function deliver(task: RunnerTask, bytes: Uint8Array) {
  return end(task, { kind: "trained", uploadId: await sent(bytes), preprocessing: preprocessingSchema.parse({ kind: "image", channels: "grey", scale: 1 / 255 }), toolVersions: { pytorch: "2.9.0", flotilla: "mine" }, stoppedBy: "epochs", epochs: 3, steps: 30, best: { epoch: 2, metric: "validation accuracy", value: 0.9 } });
}

test("what an outside runner trains has the same page and lineage, and is checked like an upload", async () => {
  const training = await start("from outside");
  // A worker that is handed the job leaves it alone.
  expect(await worker.run(training.jobId)).toMatchObject({ state: "queued", attempt: 0 });
  const task = await claimed();
  expect(task).toMatchObject({ jobId: training.jobId, attempt: 1, training: { script: "train.py", parameters: { width: 8 } }, dataset: { versionId: digits, summary: { task: "classification" } }, parent: null });
  expect(task.dataset.files.length).toBeGreaterThan(0);
  expect(await claim("another")).toBeNull();
  expect(await report(task, { metrics: [{ name: "train loss", step: 10, value: 1.5 }], logs: [{ level: "info", text: "epoch 1" }], reached: { epoch: 1, step: 10, stepsPerEpoch: 10, best: null } })).toMatchObject({ state: "running", stopRequested: false });
  expect(await viewOf(training.id)).toMatchObject({ state: "running", epoch: 1, start: { kind: "outside", title: "train.py" } });
  await worker.transact((tx) => stopTraining(tx, operator, { id: training.id }));
  expect(await report(task, {})).toMatchObject({ state: "running", stopRequested: true });
  expect(await deliver(task, demoConvNet({ seed: 5 }))).toEqual({ state: "queued" });
  await expect(report(task, {})).rejects.toMatchObject({ code: "lease_lost" });
  expect(await worker.run(training.jobId)).toMatchObject({ state: "succeeded" });
  const { result, best, confusion, worst } = await viewOf(training.id);
  expect(best).toMatchObject({ epoch: 2 });
  // Nobody uploaded these: the worker looked at the validation split.
  expect(confusion).toMatchObject({ split: "validation", classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] });
  expect(confusion?.counts.flat().reduce((sum, n) => sum + n, 0)).toBe(24);
  expect(worst[0]).toMatchObject({ image: expect.stringMatching(/^data:image\/webp/) });
  const version = await worker.transact((tx) => getVersion(tx, operator, result?.versionId ?? ""));
  expect(version).toMatchObject({ state: "ready", source: "train", trainingId: training.id, recipeSha256: training.recipeSha256, preprocessing: { kind: "image" } });
  expect(await database.db.prisma.modelVersion.findUnique({ where: { id: version.id }, select: { toolVersions: true } })).toMatchObject({ toolVersions: { pytorch: "2.9.0", flotilla: expect.not.stringMatching("mine") } });
  expect(await worker.transact((tx) => jobMetrics(tx, operator, { jobId: training.jobId }))).toMatchObject([{ name: "train loss", step: 10, value: 1.5 }]);
});

test("a runner that lost its lease changes nothing any more, and the next one starts with its own", async () => {
  const training = await start("taken over");
  const first = await claimed();
  await report(first, { metrics: [{ name: "train loss", step: 900, value: 2 }], reached: { epoch: 9, step: 900, stepsPerEpoch: 100, best: null } });
  await database.db.pool.query("update job set lease_until = now() - interval '1 second' where id = $1", [training.jobId]);
  await worker.transact((tx) => reapJobs(tx));
  const second = await claimed();
  expect(second).toMatchObject({ jobId: training.jobId, attempt: 2 });
  // It begins anew, and so do curve and progress.
  expect(await viewOf(training.id)).toMatchObject({ state: "running", epoch: null });
  await expect(report(first, { metrics: [{ name: "train loss", step: 1, value: 9 }] })).rejects.toMatchObject({ code: "lease_lost" });
  await expect(deliver(first, demoConvNet({ seed: 6 }))).rejects.toMatchObject({ code: "lease_lost" });
  expect(await worker.transact((tx) => jobMetrics(tx, operator, { jobId: training.jobId }))).toEqual([]);
  expect(await end(second, { kind: "failed", cause: "CUDA ran out of memory." })).toEqual({ state: "failed" });
  expect(await viewOf(training.id)).toMatchObject({ state: "failed", causeCode: "runner_failed", cause: "CUDA ran out of memory." });
});

test("a model that is refused fails the training, which waits for a runner when it is tried again; a cancelled one ends at the next word", async () => {
  const training = await start("refused");
  await deliver(await claimed(), new TextEncoder().encode("not a model"));
  await worker.run(training.jobId);
  expect(await viewOf(training.id)).toMatchObject({ state: "failed", cause: expect.stringContaining("not sound"), result: null });
  await worker.transact((tx) => retryJob(tx, operator, { id: training.jobId }));
  expect(await worker.run(training.jobId)).toMatchObject({ state: "queued" });
  const again = await claimed();
  await worker.transact((tx) => cancelJob(tx, operator, { id: training.jobId }));
  expect(await report(again, {})).toMatchObject({ state: "cancelled" });
  expect(await worker.transact((tx) => getJob(tx, operator, training.jobId))).toMatchObject({ state: "cancelled" });
});

test("a runner hands over only what it uploaded itself, and no more points than there is room and time for", async () => {
  const training = await start("somebody else's bytes");
  const task = await claimed();
  const handOver = (uploadId: string) => end(task, { kind: "trained", uploadId, toolVersions: {}, stoppedBy: "epochs", epochs: 1, steps: 1, best: null });
  await expect(handOver(await sent(demoConvNet({ seed: 8 }), "usr_else"))).rejects.toMatchObject({ code: "not_found" });
  expect(await viewOf(training.id)).toMatchObject({ state: "running" });

  const points = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ name: "train loss", step: from + i, value: 1 }));
  expect(await report(task, { metrics: points(0, 1_000) })).toMatchObject({ state: "running" });
  // A thousand points take 0.2 s: whoever comes right behind waits that long. The clock is the database's.
  await database.db.pool.query("update job_metric set at = clock_timestamp() + interval '1 second' where job_id = $1", [training.jobId]);
  await expect(report(task, { metrics: points(1_000, 1_000) })).rejects.toMatchObject({ code: "rate_limited", extra: { retryAfterMs: expect.any(Number) } });
  await database.db.pool.query("update job_metric set at = clock_timestamp() - interval '1 second' where job_id = $1", [training.jobId]);
  expect(await report(task, { metrics: points(1_000, 1_000) })).toMatchObject({ state: "running" });
  await database.db.pool.query("insert into job_metric (job_id, name, step, value, at) select $1, 'many', n, 0, now() - interval '1 hour' from generate_series(1, 97500) n", [training.jobId]);
  await database.db.pool.query("update job_metric set at = now() - interval '1 hour' where job_id = $1", [training.jobId]);
  await expect(report(task, { metrics: points(2_000, 501) })).rejects.toMatchObject({ code: "too_many_points" });
  expect(await report(task, { metrics: points(2_000, 500) })).toMatchObject({ state: "running" });
  expect(await report(task, { logs: [{ level: "info", text: "goes on without" }] })).toMatchObject({ state: "running" });
  expect(await end(task, { kind: "failed", cause: "enough" })).toEqual({ state: "failed" });
});
