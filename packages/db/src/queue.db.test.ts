import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { enqueueJob, startJobConsumer, testDb, withTx, type TestDb } from "./index.ts";

let suite: TestDb;
beforeAll(async () => {
  suite = await testDb();
});
afterAll(() => suite.drop());

async function consume(onJob: (jobId: string, kind: string) => Promise<void> | void): Promise<void> {
  const consumer = await startJobConsumer(suite.db, { concurrency: 2, onJob: async (jobId, kind) => onJob(jobId, kind) });
  onTestFinished(() => consumer.stop());
}

const enqueue = (id: string) => withTx(suite.db, (tx) => enqueueJob(tx, { id, kind: "import" }));
const pending = async () =>
  Number((await suite.db.pool.query("select count(*) as n from pgboss.job where name = 'job' and state in ('created', 'retry', 'active')")).rows[0]?.n);

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}

test("a job whose transaction rolls back is never delivered, the next one is delivered once with its kind", async () => {
  const seen: string[] = [];
  await consume((jobId, kind) => void seen.push(`${jobId} ${kind}`));
  await withTx(suite.db, async (tx) => {
    await enqueueJob(tx, { id: "rolled-back", kind: "import" });
    throw new Error("no");
  }).catch(() => undefined);
  await enqueue("kept");
  await until(async () => seen.length > 0 && (await pending()) === 0);
  expect(seen).toEqual(["kept import"]);
});

test("a waiting consumer is woken by the commit, not by its next poll", async () => {
  const arrived = Promise.withResolvers<void>();
  await consume(() => arrived.resolve());
  // The consumer polls every five seconds at best; a hundred jobs one after the other would take minutes by polling.
  await enqueue("first");
  await arrived.promise;
  let next = Promise.withResolvers<void>();
  await consume(() => next.resolve());
  for (let at = 0; at < 100; at++) {
    next = Promise.withResolvers<void>();
    const either = Promise.race([next.promise, until(async () => (await pending()) === 0)]);
    await enqueue(`job-${at}`);
    await either;
  }
  await until(async () => (await pending()) === 0);
});

test("a backlog is taken one job after the other, without a poll in between", async () => {
  for (let at = 0; at < 60; at++) await enqueue(`backlog-${at}`);
  // Two places that waited for a poll after each job would take two and a half minutes: longer than this test may.
  await consume(() => undefined);
  await until(async () => (await pending()) === 0);
  expect(await pending()).toBe(0);
});

test("a job that is tried again does not wait behind those that were never tried", async () => {
  const seen: string[] = [];
  for (const id of ["new-1", "new-2"]) await enqueue(id);
  await withTx(suite.db, (tx) => enqueueJob(tx, { id: "again-first", kind: "import", isAgain: true }));
  const consumer = await startJobConsumer(suite.db, { concurrency: 1, onJob: async (jobId) => void seen.push(jobId) });
  onTestFinished(() => consumer.stop());
  await until(() => seen.length === 3);
  expect(seen[0]).toBe("again-first");
});

test("a job whose handler throws is delivered again", async () => {
  const seen: string[] = [];
  await consume((jobId) => {
    seen.push(jobId);
    if (seen.length === 1) throw new Error("first time");
  });
  await enqueue("again");
  await until(() => seen.length === 2);
  expect(seen).toEqual(["again", "again"]);
});

test("a job whose consumer is killed is delivered to another consumer", async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "testing/hold-job.ts"), suite.url], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await enqueue("orphaned");
  const [taken] = (await once(child.stdout, "data")) as [Buffer];
  expect(taken.toString()).toBe("orphaned");
  child.kill("SIGKILL");
  await once(child, "exit");

  const redelivered = Promise.withResolvers<string>();
  await consume((jobId) => redelivered.resolve(jobId));
  expect(await redelivered.promise).toBe("orphaned");
});

test("stop lets the job in hand finish", async () => {
  const started = Promise.withResolvers<void>();
  const mayFinish = Promise.withResolvers<void>();
  let isFinished = false;
  const consumer = await startJobConsumer(suite.db, {
    concurrency: 1,
    async onJob() {
      started.resolve();
      await mayFinish.promise;
      isFinished = true;
    },
  });
  await enqueue("in-hand");
  await started.promise;
  const stopped = consumer.stop();
  mayFinish.resolve();
  await stopped;
  expect(isFinished).toBe(true);
  expect(await pending()).toBe(0);
});
