import { testDb, withSql, withTx, type TestDb, type Tx } from "@flotilla/db";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createBuild, getBuild } from "../builds/index.ts";
import { newId } from "../id.ts";
import { createModel, createVersion, getVersion, markVersionReady, type VersionInspection } from "../models/index.ts";
import { cancelJob, cancelRequests, claimJob, createJob, finishJob, getJob, heartbeatJob, jobLogs, jobMetrics, listJobs, reapJobs, retryJob, runningLeases } from "./index.ts";

let database: TestDb;
let versionId: string;
const olga = { kind: "user", id: "usr_olga", name: "Olga", role: "operator" } as const;
const tx = <T>(fn: (tx: Tx) => Promise<T>): Promise<T> => withTx(database.db, fn);

beforeAll(async () => {
  database = await testDb();
  versionId = (await newVersion()).id;
  await tx((t) => markVersionReady(t, versionId, {} as VersionInspection));
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.db.prisma.job.deleteMany();
});

async function newVersion() {
  const id = newId("upl");
  await database.db.prisma.upload.create({
    data: { id, filename: "m.onnx", sizeBytes: 1n, sha256: "a".repeat(64), partSizeBytes: 8, state: "complete", createdById: olga.id, expiresAt: new Date() },
  });
  return tx(async (t) => createVersion(t, olga, { modelId: (await createModel(t, olga, { name: id })).id, files: [{ uploadId: id }] }));
}

const newJob = async () => (await tx((t) => createJob(t, olga, { kind: "benchmark", payload: { versionId } }))).id;
const read = (id: string) => tx((t) => getJob(t, olga, id));

async function claim(id: string, worker = "w1"): Promise<string> {
  const result = await tx((t) => claimJob(t, id, worker));
  if (result.kind !== "claimed") throw new Error(`not claimed but ${result.kind}`);
  return result.leaseToken;
}

/** As if the worker had not been heard of for the lease's whole time. */
const loseLease = (id: string) => database.db.prisma.job.update({ where: { id }, data: { leaseUntil: new Date(Date.now() - 1) } });

test("of many workers that are delivered one job exactly one gets it, and the attempt is counted before any work", async () => {
  const id = await newJob();
  const results = await Promise.all(Array.from({ length: 8 }, (_, n) => tx((t) => claimJob(t, id, `w${n}`))));
  expect(results.map((result) => result.kind).toSorted()).toEqual(["claimed", ...Array.from({ length: 7 }, () => "taken")]);
  expect(await read(id)).toMatchObject({ state: "running", attempt: 1 });
});

test("a job that is gone or has ended is nothing to do", async () => {
  expect(await tx((t) => claimJob(t, "job_none", "w1"))).toEqual({ kind: "gone" });
  const id = await newJob();
  const token = await claim(id);
  await tx((t) => finishJob(t, id, token, { kind: "succeeded", result: {} }));
  expect(await tx((t) => claimJob(t, id, "w2"))).toEqual({ kind: "ended", state: "succeeded" });
});

test("a worker whose lease was taken over writes nothing at all", async () => {
  const id = await newJob();
  const stale = await claim(id, "w1");
  await tx((t) => heartbeatJob(t, id, stale, { progress: 0.5, progressText: "half", logs: [{ level: "info", text: "mine" }] }));
  await loseLease(id);
  const fresh = await claim(id, "w2");
  const before = { job: await read(id), logs: await tx((t) => jobLogs(t, olga, { jobId: id })) };
  expect(await tx((t) => heartbeatJob(t, id, stale, { progress: 0.9, logs: [{ level: "info", text: "stale" }], metrics: [{ name: "loss", step: 1, value: 1 }] }))).toEqual({ kind: "lost" });
  expect(await tx((t) => finishJob(t, id, stale, { kind: "succeeded", result: { stale: true } }))).toEqual({ kind: "lost" });
  expect(await tx((t) => finishJob(t, id, stale, { kind: "failed", code: "x", cause: "x" }))).toEqual({ kind: "lost" });
  expect({ job: await read(id), logs: await tx((t) => jobLogs(t, olga, { jobId: id })) }).toEqual(before);
  expect(await tx((t) => jobMetrics(t, olga, { jobId: id }))).toEqual([]);
  expect(await tx((t) => finishJob(t, id, fresh, { kind: "succeeded", result: { fresh: true } }))).toEqual({ kind: "finished", state: "succeeded" });
  expect(await read(id)).toMatchObject({ result: { fresh: true }, attempt: 2, workerId: "w2" });
});

test("jobs of dead workers go back to the queue twice, and then into quarantine", async () => {
  const id = await newJob();
  for (const attempt of [1, 2]) {
    await claim(id);
    await loseLease(id);
    expect(await tx((t) => reapJobs(t))).toEqual({ requeued: 1, quarantined: 0, cancelled: 0 });
    expect(await read(id)).toMatchObject({ state: "queued", attempt, causeCode: "worker_lost" });
  }
  await claim(id);
  await loseLease(id);
  expect(await tx((t) => reapJobs(t))).toEqual({ requeued: 0, quarantined: 1, cancelled: 0 });
  expect(await read(id)).toMatchObject({ state: "quarantined", attempt: 3, causeCode: "quarantined" });
  expect(await tx((t) => claimJob(t, id, "w9"))).toEqual({ kind: "ended", state: "quarantined" });
});

test("a dead worker's job is handed to the queue again, before those that were never tried", async () => {
  const deliveries = async (id: string): Promise<{ state: string; priority: number }[]> =>
    withSql(database.db, (sql) => sql.query("select state::text, priority from pgboss.job where name = 'job' and data ->> 'jobId' = $1 order by created_on", [id]));
  const id = await newJob();
  expect(await deliveries(id)).toEqual([{ state: "created", priority: 0 }]);
  await claim(id);
  await loseLease(id);
  await tx((t) => reapJobs(t));
  expect(await deliveries(id)).toEqual([{ state: "created", priority: 0 }, { state: "created", priority: 1 }]);
});

test("a delivery that comes after the last attempt's lease finds the job in quarantine", async () => {
  const id = await newJob();
  for (let n = 0; n < 3; n += 1) {
    await claim(id);
    await loseLease(id);
  }
  expect(await tx((t) => claimJob(t, id, "w2"))).toEqual({ kind: "ended", state: "quarantined" });
});

test("the reaper leaves jobs with a living lease alone, and two reapers do one job once", async () => {
  const alive = await newJob();
  await claim(alive);
  const dead = await newJob();
  await claim(dead);
  await loseLease(dead);
  const counts = await Promise.all([tx((t) => reapJobs(t)), tx((t) => reapJobs(t))]);
  expect(counts.reduce((sum, count) => sum + count.requeued, 0)).toBe(1);
  expect(await read(alive)).toMatchObject({ state: "running" });
});

test("a heartbeat extends the lease", async () => {
  const id = await newJob();
  const token = await claim(id);
  await loseLease(id);
  expect(await tx((t) => heartbeatJob(t, id, token))).toEqual({ kind: "alive", cancelRequested: false });
  expect(await tx((t) => reapJobs(t))).toMatchObject({ requeued: 0 });
});

test("a waiting job is cancelled at once, a running one is asked, and what waits for it is told", async () => {
  const version = await newVersion();
  const waiting = version.importJobId ?? "";
  expect(await tx((t) => cancelJob(t, olga, { id: waiting, reason: "wrong file" }))).toMatchObject({ state: "cancelled", cause: "Cancelled by Olga." });
  expect(await tx((t) => getVersion(t, olga, version.id))).toMatchObject({ state: "rejected", rejectCode: "cancelled" });

  const id = await newJob();
  const token = await claim(id);
  expect(await tx((t) => cancelJob(t, olga, { id }))).toMatchObject({ state: "running", cancelRequested: true });
  expect(await tx((t) => cancelRequests(t, [id, waiting]))).toContain(id);
  expect(await tx((t) => heartbeatJob(t, id, token))).toEqual({ kind: "alive", cancelRequested: true });
  await tx((t) => finishJob(t, id, token, { kind: "cancelled" }));
  expect(await read(id)).toMatchObject({ state: "cancelled", causeCode: "cancelled" });
  await expect(tx((t) => cancelJob(t, olga, { id }))).rejects.toMatchObject({ code: "illegal_transition" });
});

test("a job that was to be cancelled when its worker died is cancelled, not done again", async () => {
  const id = await newJob();
  await claim(id);
  await tx((t) => cancelJob(t, olga, { id }));
  await loseLease(id);
  expect(await tx((t) => reapJobs(t))).toEqual({ requeued: 0, quarantined: 0, cancelled: 1 });
  expect(await read(id)).toMatchObject({ state: "cancelled" });
});

test("an error that may pass is tried again until the attempts are used up; one that stays ends the job", async () => {
  const id = await newJob();
  for (const attempt of [1, 2]) {
    const token = await claim(id);
    await tx((t) => finishJob(t, id, token, { kind: "failed", code: "internal", cause: "The disk is full.", retryInMs: 10 }));
    expect(await read(id)).toMatchObject({ state: "queued", attempt, cause: "The disk is full. Tried again in 1 s." });
  }
  const token = await claim(id);
  await tx((t) => finishJob(t, id, token, { kind: "failed", code: "internal", cause: "The disk is full.", retryInMs: 10 }));
  expect(await read(id)).toMatchObject({ state: "failed", attempt: 3, cause: "The disk is full." });
  const other = await newJob();
  const once = await claim(other);
  await tx((t) => finishJob(t, other, once, { kind: "failed", code: "version_not_ready", cause: "No." }));
  expect(await read(other)).toMatchObject({ state: "failed", attempt: 1 });
});

test("a worker that shuts down gives the job back without using up an attempt", async () => {
  const id = await newJob();
  const token = await claim(id);
  await tx((t) => finishJob(t, id, token, { kind: "released" }));
  expect(await read(id)).toMatchObject({ state: "queued", attempt: 0, workerId: null });
});

test("a job that ends without a result settles the version or build that waits for it, and trying again opens it", async () => {
  const version = await newVersion();
  const importId = version.importJobId ?? "";
  const token = await claim(importId);
  await tx((t) => finishJob(t, importId, token, { kind: "failed", code: "artifact_missing", cause: "The bytes are gone." }));
  expect(await tx((t) => getVersion(t, olga, version.id))).toMatchObject({ state: "rejected", rejectCode: "artifact_missing", rejectReason: "The bytes are gone." });
  expect(await tx((t) => retryJob(t, olga, { id: importId }))).toMatchObject({ state: "queued", attempt: 0, cause: null });
  expect(await tx((t) => getVersion(t, olga, version.id))).toMatchObject({ state: "validating" });

  const build = await tx((t) => createBuild(t, olga, { name: "settled", variants: [{ versionId }] }));
  const buildJob = build.jobId ?? "";
  for (let n = 0; n < 3; n += 1) {
    await claim(buildJob);
    await loseLease(buildJob);
  }
  await tx((t) => reapJobs(t));
  expect(await tx((t) => getBuild(t, olga, build.id))).toMatchObject({ state: "failed", failure: expect.stringContaining("worker died") as unknown });
  await tx((t) => retryJob(t, olga, { id: buildJob }));
  expect(await tx((t) => getBuild(t, olga, build.id))).toMatchObject({ state: "pending", failure: null });
});

test("only a job that ended can be tried again, and only while nothing newer has its place", async () => {
  const id = await newJob();
  await expect(tx((t) => retryJob(t, olga, { id }))).rejects.toMatchObject({ code: "illegal_transition" });
  const version = await newVersion();
  const first = version.importJobId ?? "";
  await tx((t) => cancelJob(t, olga, { id: first }));
  await database.db.prisma.modelVersion.update({ where: { id: version.id }, data: { importJobId: "job_newer" } });
  await expect(tx((t) => retryJob(t, olga, { id: first }))).rejects.toMatchObject({ code: "conflict" });
  expect(await read(first)).toMatchObject({ state: "cancelled" });
});

test("log lines keep their order and numbers, whatever they hold, and stop at a limit", async () => {
  const id = await newJob();
  const token = await claim(id);
  await tx((t) => heartbeatJob(t, id, token, { logs: [{ level: "info", text: "one" }, { level: "warn", text: "NUL \u0000 and half a \ud83d" }] }));
  await tx((t) => heartbeatJob(t, id, token, { logs: [{ level: "error", text: "x".repeat(10_000) }] }));
  const lines = await tx((t) => jobLogs(t, olga, { jobId: id }));
  expect(lines.map((line) => line.seq)).toEqual([1, 2, 3, 4]);
  expect(lines[2]?.text).toBe("NUL \ufffd and half a \ufffd");
  expect(lines[3]?.text).toHaveLength(4_000);
  expect(await tx((t) => jobLogs(t, olga, { jobId: id, after: 3 }))).toHaveLength(1);
  const many = Array.from({ length: 6_000 }, (_, n) => ({ level: "info" as const, text: String(n) }));
  await tx((t) => heartbeatJob(t, id, token, { logs: many }));
  expect(await database.db.prisma.jobLog.count({ where: { jobId: id } })).toBe(5_000);
});

test("metric points are read by step, and a second attempt writes over the first", async () => {
  const id = await newJob();
  const token = await claim(id);
  await tx((t) => heartbeatJob(t, id, token, { metrics: [{ name: "p50", step: 0, value: 1 }, { name: "p50", step: 1, value: 2 }, { name: "p50", step: 2, value: Number.NaN }] }));
  await tx((t) => heartbeatJob(t, id, token, { metrics: [{ name: "p50", step: 1, value: 3 }, { name: "p50", step: 1, value: 4 }] }));
  const points = await tx((t) => jobMetrics(t, olga, { jobId: id, name: "p50" }));
  expect(points.map(({ step, value }) => [step, value])).toEqual([[0, 1], [1, 4]]);
});

test("a waiting job knows how many are before it", async () => {
  const ids = [await newJob(), await newJob(), await newJob()];
  const queue = (await tx((t) => listJobs(t, olga, { state: "queued" }))).items;
  expect(queue.map((job) => [job.id, job.queuedBefore])).toEqual([[ids[2], 2], [ids[1], 1], [ids[0], 0]]);
  await claim(ids[0] ?? "");
  expect(await read(ids[2] ?? "")).toMatchObject({ queuedBefore: 1 });
  expect(await read(ids[0] ?? "")).toMatchObject({ queuedBefore: null });
});

test("a job is only made for what can be done: a ready version, a known kind, a sound payload", async () => {
  const make = (kind: "import" | "benchmark", payload: unknown) => tx((t) => createJob(t, olga, { kind, payload }));
  const validating = await newVersion();
  await expect(make("benchmark", { versionId: validating.id })).rejects.toMatchObject({ code: "version_not_ready" });
  await expect(make("benchmark", { versionId: "ver_none" })).rejects.toMatchObject({ code: "not_found" });
  await expect(make("benchmark", { versionId, runs: -1 })).rejects.toMatchObject({ code: "bad_request" });
  await expect(make("benchmark", { versionId, extra: 1 })).rejects.toMatchObject({ code: "bad_request" });
  await expect(make("import", { versionId })).rejects.toMatchObject({ code: "bad_request" });
  await expect(make("nonsense" as "import", {})).rejects.toMatchObject({ code: "bad_request" });
  await expect(make("constructor" as "import", {})).rejects.toMatchObject({ code: "bad_request" });
});

test("a work directory is in use only while its job runs under the very lease in its name", async () => {
  const id = await newJob();
  const first = await claim(id);
  expect(await tx((t) => runningLeases(t, [{ jobId: id, tokenStart: first.slice(0, 8) }]))).toEqual(new Set([id]));
  await loseLease(id);
  await claim(id, "w2");
  expect(await tx((t) => runningLeases(t, [{ jobId: id, tokenStart: first.slice(0, 8) }]))).toEqual(new Set());
});
