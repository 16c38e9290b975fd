import { testDb, type TestDb } from "@flotilla/db";
import { cancelJob, createTraining, getTraining, jobMetrics, stopTraining, type TrainingView } from "@flotilla/fleet";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digitFiles } from "../testing/digit-files.ts";
import { TRAINING_KILLS } from "../testing/training-kills.ts";
import { openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";
import { sandboxChildren, startWorkerProcess, until, type WorkerProcess } from "../testing/worker-process.ts";

// Trainings in workers that are processes of their own, with children of theirs, ended in the middle. Linux only: children are found in /proc.

// FLOTILLA_TRAINING_KILLS=20 makes a soak of it.
const KILLS = TRAINING_KILLS;
const EPOCHS = 4 * KILLS;

let database: TestDb;
let here: WorkerFixture;
let datasetVersionId = "";
let processes: WorkerProcess[] = [];
beforeEach(async () => {
  database = await testDb();
  here = await openWorkerFixture(database.url);
  processes = [];
  const dataset = await here.newDataset(digitFiles(400), { fractions: { train: 0.8, calibration: 0, validation: 0.2, test: 0 } });
  await here.run(dataset.importJobId ?? "");
  datasetVersionId = dataset.id;
});
afterEach(async () => {
  for (const started of processes) started.kill("SIGKILL");
  await Promise.all(processes.map(({ exited }) => exited));
  await here.close();
  await database.drop();
});

async function startWorker(): Promise<WorkerProcess> {
  const started = await startWorkerProcess({ DATABASE_URL: database.url, ARTIFACT_STORE: here.storeRoot, JOB_LEASE_MS: "8000" });
  processes.push(started);
  return started;
}

const start = (epochs: number): Promise<TrainingView> => here.transact((tx) => createTraining(tx, operator, {
  datasetVersionId, template: { id: "cnn", preset: "small" }, modelName: "digits", recipe: { batchSize: 16, budget: { epochs, minutes: null }, patienceEpochs: null, augmentation: { shift: 0.05, noise: 0.02 } },
}));
/** Without a transaction, as pages read it. */
const viewOf = (id: string): Promise<TrainingView> => getTraining(database.db.prisma, operator, id);
const ended = (id: string): Promise<TrainingView> => until(async () => {
  const now = await viewOf(id);
  return !["queued", "running"].includes(now.state) && now;
});
const reached = (id: string, epoch: number): Promise<TrainingView> => until(async () => {
  const now = await viewOf(id);
  return ((now.epoch ?? 0) >= epoch || !["queued", "running"].includes(now.state)) && now;
});

/** Name, step and value of every point but those that a clock decides. */
async function curveOf({ jobId }: TrainingView): Promise<string[]> {
  const points = await here.transact((tx) => jobMetrics(tx, operator, { jobId }));
  return points.filter(({ name }) => name !== "examples/s").map(({ name, step, value }) => `${name} ${step} ${value}`).sort();
}

async function bytesOf({ result }: TrainingView): Promise<string[]> {
  return (await database.db.prisma.versionFile.findMany({ where: { versionId: result?.versionId ?? "" } })).map(({ sha256 }) => sha256);
}

test.skipIf(process.platform !== "linux")("a training whose worker and child are killed again and again comes to the curve and the bytes of an undisturbed one", { timeout: 200_000 * KILLS }, async () => {
  const training = await start(EPOCHS);
  let worker: WorkerProcess | null = null;
  const killed = new Set<number>();
  for (let kill = 1; kill <= KILLS; kill += 1) {
    worker ??= await startWorker();
    const { pid } = worker;
    const now = await reached(training.id, kill * 2);
    // Between two attempts, or on a machine without a breath to spare, it waits.
    expect(["queued", "running"]).toContain(now.state);
    // One killed a moment ago may still be in the list: the kill must be that of another attempt.
    const children = await until(() => {
      const alive = sandboxChildren(pid).filter((child) => !killed.has(child));
      return alive.length > 0 && alive;
    });
    // By turns the child alone, and both; then the worker first, so that it has no say in it.
    if (kill % 2 === 0) {
      worker.kill("SIGKILL");
      await worker.exited;
      worker = null;
    }
    for (const child of children) {
      killed.add(child);
      killIfAlive(child);
    }
  }
  if (worker === null) await startWorker();
  const finished = await ended(training.id);
  expect(finished).toMatchObject({ state: "succeeded", epoch: EPOCHS });
  expect(finished.attempt).toBeGreaterThan(KILLS);
  process.stdout.write(`a training killed ${KILLS} times ended in attempt ${finished.attempt}\n`);
  const undisturbed = await ended((await start(EPOCHS)).id);
  expect(undisturbed).toMatchObject({ state: "succeeded" });
  expect(await curveOf(finished)).toEqual(await curveOf(undisturbed));
  expect(await bytesOf(finished)).toEqual(await bytesOf(undisturbed));
});

test.skipIf(process.platform !== "linux")("a person who stops a training keeps the best of it; one who cancels leaves nothing", { timeout: 300_000 }, async () => {
  const worker = await startWorker();
  const kept = await start(5_000);
  await reached(kept.id, 1);
  await here.transact((tx) => stopTraining(tx, operator, { id: kept.id, reason: "good enough" }));
  const stopped = await ended(kept.id);
  expect(stopped).toMatchObject({ state: "succeeded", stoppedBy: "person", stopRequested: true, result: { number: 1 } });
  expect(stopped.best?.epoch).toBeLessThanOrEqual(stopped.epoch ?? 0);

  const thrown = await start(5_000);
  await reached(thrown.id, 1);
  const askedAtMs = performance.now();
  await here.transact((tx) => cancelJob(tx, operator, { id: thrown.jobId }));
  await until(() => sandboxChildren(worker.pid).length === 0);
  process.stdout.write(`cancel of a training: its child was gone after ${Math.round(performance.now() - askedAtMs)} ms\n`);
  expect(await ended(thrown.id)).toMatchObject({ state: "cancelled", result: null });
  expect(await database.db.prisma.modelVersion.count({ where: { source: "train" } })).toBe(1);
});

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
