import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { testDb, type TestDb } from "@flotilla/db";
import { cancelJob, createJob, getJob, jobLogs, type JobView } from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWorkerFixture, operator, type WorkerFixture } from "./testing/worker-fixture.ts";
import { runWorkerToEnd, startWorkerProcess, until, type WorkerProcess } from "./testing/worker-process.ts";

// The worker as a process of its own, ended in every way a process can end.

let database: TestDb;
let here: WorkerFixture;
let processes: WorkerProcess[] = [];
beforeEach(async () => {
  database = await testDb();
  here = await openWorkerFixture(database.url);
  processes = [];
});
afterEach(async () => {
  for (const started of processes) started.kill("SIGKILL");
  await Promise.all(processes.map(({ exited }) => exited));
  await here.close();
  await database.drop();
});

async function start(more: Record<string, string> = {}): Promise<WorkerProcess> {
  const started = await startWorkerProcess({ DATABASE_URL: database.url, ARTIFACT_STORE: here.storeRoot, ...more });
  processes.push(started);
  return started;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}

const job = (id: string): Promise<JobView> => here.transact((tx) => getJob(tx, operator, id));

async function readyVersion(): Promise<string> {
  const version = await here.newVersion([{ name: "m.onnx", bytes: demoConvNet({ seed: 4 }) }]);
  await here.run(version.importJobId ?? "");
  return version.id;
}

/** A job that takes ten seconds of running the model. */
async function longJob(versionId: string): Promise<string> {
  const { id } = await here.transact((tx) => createJob(tx, operator, { kind: "benchmark", payload: { versionId, mode: "back_to_back", runs: 16 } }));
  return id;
}

/** Waits until the sandbox child of the job runs the model. */
const untilRunning = (id: string) => until(async () => (await job(id)).progressText === "Running back to back");

test("an upload becomes ready without anybody but the worker doing anything", async () => {
  await start();
  const version = await here.newVersion([{ name: "m.onnx", bytes: demoConvNet({ seed: 5 }) }]);
  await until(async () => (await here.version(version.id)).state === "ready");
  expect(await job(version.importJobId ?? "")).toMatchObject({ state: "succeeded", attempt: 1 });
});

test("the job of a worker that was killed is done again by another one", { timeout: 120_000 }, async () => {
  const id = await longJob(await readyVersion());
  const first = await start();
  await untilRunning(id);
  const heldBy = (await job(id)).workerId;
  first.kill("SIGKILL");
  await first.exited;
  const second = await start();
  const done = await until(async () => {
    const now = await job(id);
    return now.state === "succeeded" && now;
  });
  expect(heldBy).toBe(first.ready["workerId"]);
  expect(done).toMatchObject({ attempt: 2, workerId: second.ready["workerId"], result: { results: [{ mode: "back_to_back" }] } });
  const log = await here.transact((tx) => jobLogs(tx, operator, { jobId: id }));
  expect(log.map((line) => line.text).join("\n")).toContain(`Worker ${String(heldBy)} stopped answering in attempt 1.`);
});

test("a cancelled job stops its child, ends cancelled and leaves nothing on the disk", async () => {
  const id = await longJob(await readyVersion());
  await start();
  await untilRunning(id);
  await here.transact((tx) => cancelJob(tx, operator, { id, reason: "wrong version" }));
  const ended = await until(async () => {
    const now = await job(id);
    return now.state !== "running" && now;
  });
  expect(ended).toMatchObject({ state: "cancelled", causeCode: "cancelled", attempt: 1 });
  await until(async () => (await here.leftovers()).length === 0);
});

test("SIGTERM gives a long job back without counting the attempt, and another worker finishes it", async () => {
  const id = await longJob(await readyVersion());
  const first = await start();
  await untilRunning(id);
  first.kill("SIGTERM");
  expect(await first.exited).toEqual({ code: 0, signal: null });
  expect(await job(id)).toMatchObject({ state: "queued", attempt: 0, workerId: null });
  expect(await here.leftovers()).toEqual([]);
  await start();
  await until(async () => (await job(id)).state === "succeeded");
  expect(await job(id)).toMatchObject({ attempt: 1 });
});

test("the worker ends by itself when the process that started it is gone", async () => {
  const launcher = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const started = await start({ FLOTILLA_PARENT_PID: String(launcher.pid) });
  launcher.kill("SIGKILL");
  await once(launcher, "exit");
  expect(await started.exited).toEqual({ code: 0, signal: null });
});

test("the health endpoint answers for the database and says what the worker does", async () => {
  const { ready } = await start({ HEALTH_PORT: String(await freePort()) });
  const answer = await fetch(`${String(ready["url"])}/health`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ status: "ok", checks: { database: "ok", store: "ok" }, runningJobs: [], workerId: ready["workerId"] });
  expect((await fetch(`${String(ready["url"])}/jobs`)).status).toBe(404);
});

test("supervisors tell a worker that lives from one that can work, and read in its metrics what it did", async () => {
  const { ready, pid } = await start({ HEALTH_PORT: String(await freePort()) });
  const url = String(ready["url"]);
  const version = await here.newVersion([{ name: "m.onnx", bytes: demoConvNet({ seed: 6 }) }]);
  await until(async () => (await here.version(version.id)).state === "ready");
  const text = await until(async () => {
    const now = await (await fetch(`${url}/metrics`)).text();
    return now.includes('flotilla_job_seconds_count{kind="import",outcome="succeeded"} 1') && now;
  });
  expect(text).toContain('flotilla_jobs{kind="import",state="queued"} 0');
  expect(text).toMatch(/flotilla_evaluation_seconds_count\{kind="evaluated"\} [1-9]/);
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
  // The store goes away: it lives, and cannot work.
  await rm(here.storeRoot, { recursive: true });
  await writeFile(here.storeRoot, "a file where the store was");
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  const answer = await fetch(`${url}/health/ready`);
  expect([answer.status, await answer.json()]).toMatchObject([503, { status: "failing", checks: { database: "ok", store: "failing" } }]);
  expect(pid).toBeGreaterThan(0);
});

test("a worker without settings names all that is missing at once", async () => {
  const { code, stderr } = await runWorkerToEnd({ WORKER_CONCURRENCY: "many" });
  expect(code).toBe(1);
  expect(stderr).toContain("DATABASE_URL");
  expect(stderr).toContain("ARTIFACT_STORE");
  expect(stderr).toContain("WORKER_CONCURRENCY");
});
