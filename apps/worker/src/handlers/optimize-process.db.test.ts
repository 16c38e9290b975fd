import { testDb, type TestDb } from "@flotilla/db";
import { cancelJob, createJob, getJob, getOptimization, jobLogs, type JobView } from "@flotilla/fleet";
import { demoConvNet } from "@flotilla/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digitFiles } from "../testing/digit-files.ts";
import { MEASURE_BUDGET_MS, openWorkerFixture, operator, type WorkerFixture } from "../testing/worker-fixture.ts";
import { sandboxChildren, startWorkerProcess, until, type WorkerProcess } from "../testing/worker-process.ts";

// An optimization in workers that are processes of their own, with sandbox children of theirs, ended in the middle of it.
// Linux only: children are found in /proc.

let database: TestDb;
let here: WorkerFixture;
let datasetVersionId = "";
let processes: WorkerProcess[] = [];
beforeEach(async () => {
  database = await testDb();
  here = await openWorkerFixture(database.url);
  processes = [];
  const dataset = await here.newDataset(digitFiles(200));
  await here.run(dataset.importJobId ?? "");
  datasetVersionId = dataset.id;
});
afterEach(async () => {
  for (const started of processes) started.kill("SIGKILL");
  await Promise.all(processes.map(({ exited }) => exited));
  await here.close();
  await database.drop();
});

/** Its lease is short: nobody waits longer for a dead one. */
async function start(measureBudgetMs: number): Promise<WorkerProcess> {
  const started = await startWorkerProcess({ DATABASE_URL: database.url, ARTIFACT_STORE: here.storeRoot, JOB_LEASE_MS: "5000", MEASURE_BUDGET_MS: String(measureBudgetMs) });
  processes.push(started);
  return started;
}

/** The same network, dataset and recipe each time, on a version of its own. */
async function startOptimization(): Promise<JobView> {
  const version = await here.acceptedVersion(demoConvNet({ seed: 3 }), { kind: "image", channels: "grey", scale: 1 / 255 });
  const recipe = { techniques: [{ kind: "static_int8" }, { kind: "fp16_storage" }], calibrationSamples: 16 };
  return here.transact((tx) => createJob(tx, operator, { kind: "optimize", payload: { versionId: version.id, datasetVersionId, recipe, goal: { objective: "size", maxAccuracyDropPoints: 5 } } }));
}

const jobOf = (id: string): Promise<JobView> => here.transact((tx) => getJob(tx, operator, id));
const stepsOf = (jobId: string) => database.db.prisma.jobStep.findMany({ where: { jobId }, orderBy: [{ at: "asc" }, { name: "asc" }] });
const ended = (id: string): Promise<JobView> => until(async () => {
  const now = await jobOf(id);
  return !["queued", "running"].includes(now.state) && now;
});

/** What an optimization left: digests of the variants, and how many rows of each kind. */
async function leftBy(job: JobView): Promise<object> {
  const { prisma } = database.db;
  const { results, versionId } = await here.transact((tx) => getOptimization(tx, operator, job.subjectId ?? ""));
  const variants = await prisma.modelVersion.findMany({ where: { parentId: versionId }, include: { files: true } });
  const digestOf = (id: string | null) => variants.find((variant) => variant.id === id)?.files.map(({ name, sha256, sizeBytes }) => ({ name, sha256, sizeBytes }));
  const rows = { versionId: { in: [versionId, ...variants.map(({ id }) => id)] } };
  return {
    results: results.map(({ kind, versionId: id, versionNumber }) => ({ kind, versionNumber, files: digestOf(id) })),
    variants: variants.length,
    evaluations: await prisma.evaluation.count({ where: rows }),
    measurements: await prisma.measurement.count({ where: { ...rows, mode: "interleaved" } }),
    made: (await stepsOf(job.id)).filter(({ artifactSha256 }) => artifactSha256 !== null).map(({ name, artifactSha256 }) => [name, artifactSha256]),
    steps: (await stepsOf(job.id)).map(({ name }) => name),
  };
}

test.skipIf(process.platform !== "linux")("a worker and its child killed in the middle of a technique lose only the step in hand: another worker comes to the same variants, once", { timeout: 300_000 }, async () => {
  const job = await startOptimization();
  // Measures long, so that the second candidate is certainly not done when it dies.
  const first = await start(10_000);
  const [child] = await until(async () => {
    const isMade = (await stepsOf(job.id)).some(({ name }) => name === "make 1");
    const children = sandboxChildren(first.pid);
    return isMade && children.length > 0 && children;
  });
  // The worker first: alive, it would blame the candidate for the end of its child.
  first.kill("SIGKILL");
  killIfAlive(child ?? 0);
  await first.exited;
  const kept = await stepsOf(job.id);
  expect(kept.map(({ name }) => name)).toEqual(expect.arrayContaining(["make 0", "look 0", "judge 0", "saturation 0", "make 1"]) as string[]);
  expect(kept.map(({ name }) => name)).not.toContain("judge 1");
  expect(await jobOf(job.id)).toMatchObject({ state: "running", workerId: first.ready["workerId"] });

  const second = await start(MEASURE_BUDGET_MS);
  expect(await ended(job.id)).toMatchObject({ state: "succeeded", attempt: 2, workerId: second.ready["workerId"] });
  const finished = await stepsOf(job.id);
  // The very rows, with the time at which they were kept.
  expect(finished.slice(0, kept.length)).toEqual(kept);
  const log = (await here.transact((tx) => jobLogs(tx, operator, { jobId: job.id }))).map(({ text }) => text);
  expect(log.join("\n")).toContain(`Worker ${String(first.ready["workerId"])} stopped answering in attempt 1.`);
  expect(log.filter((text) => text === "Made in an earlier attempt.")).toHaveLength(2);

  const undisturbed = await startOptimization();
  expect(await ended(undisturbed.id)).toMatchObject({ state: "succeeded", attempt: 1 });
  const left = await leftBy(job);
  expect(left).toEqual(await leftBy(undisturbed));
  expect(left).toMatchObject({ results: [{ versionNumber: 2 }, { versionNumber: 3 }], variants: 2, evaluations: 3 });
});

test.skipIf(process.platform !== "linux")("when a cancelled optimization says so its child is gone, and nothing is left of it", { timeout: 120_000 }, async () => {
  const job = await startOptimization();
  const worker = await start(10_000);
  await until(async () => (await stepsOf(job.id)).length > 0 && sandboxChildren(worker.pid).length > 0);
  const askedAtMs = performance.now();
  await here.transact((tx) => cancelJob(tx, operator, { id: job.id, reason: "wrong recipe" }));
  let goneAfterMs: number | null = null;
  const now = await until(async () => {
    const seen = await jobOf(job.id);
    if (sandboxChildren(worker.pid).length === 0) goneAfterMs ??= performance.now() - askedAtMs;
    return seen.state !== "running" && seen;
  });
  expect(now).toMatchObject({ state: "cancelled", causeCode: "cancelled", attempt: 1 });
  expect(sandboxChildren(worker.pid)).toEqual([]);
  process.stdout.write(`cancel of an optimization: its child was gone after ${Math.round(goneAfterMs ?? Number.NaN)} ms, the job said so after ${Math.round(performance.now() - askedAtMs)} ms\n`);
  expect(await here.transact((tx) => getOptimization(tx, operator, job.subjectId ?? ""))).toMatchObject({ state: "failed" });
  expect(await database.db.prisma.modelVersion.count({ where: { NOT: { parentId: null } } })).toBe(0);
  await until(async () => (await here.leftovers()).length === 0);
});

/** Where the system can, it has ended with its parent already. */
function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
