import { withSql, type Db } from "@flotilla/db";
import { waitFor, type FaultContext } from "./fault.ts";
import { holdWrite } from "./held-write.ts";
import type { Program } from "./programs.ts";
import type { StepOutcome, StepPoint } from "./step-point.ts";
import { addJobs, checkJobs, createFaultTables, untilFinished } from "./worker-jobs.ts";

const LEASE_MS = 2_000;
const REACHED_WITHIN_MS = 120_000;
/** The queue takes a consumer for dead after ten seconds. */
const DELIVERED_WITHIN_MS = 120_000;
const KEY = 1;

/** A worker: its `begun` resolves when it has a job in hand. */
function startWorker(context: FaultContext, databaseUrl: string): Program & { readonly begun: Promise<void> } {
  const begun = Promise.withResolvers<void>();
  const program = context.programs.start("apps/worker/src/testing/slim-worker-main.ts", {
    env: { DATABASE_URL: databaseUrl, ARTIFACT_STORE: `${context.dir}/store`, WORKER_CONCURRENCY: "1", JOB_LEASE_MS: String(LEASE_MS), SLIM_WORKERS: "1" },
    onLine: (line) => {
      if (line.msg === "begun") begun.resolve();
    },
  });
  return Object.assign(program, { begun: begun.promise });
}

async function outcomeOf(db: Db, isReached: boolean, isSettled: boolean): Promise<StepOutcome> {
  const { lost, duplicate, torn, stuck, done } = await checkJobs(db);
  return { isReached, lost, duplicate, torn, stuck: stuck + (isSettled && done === 1 ? 0 : 1) };
}

/** Whether the queue has nothing left to deliver. */
async function isDelivered(db: Db): Promise<boolean> {
  const rows = await withSql(db, (sql) => sql.query("select 1 from pgboss.job where name = 'job' and state < 'completed'"));
  return rows.length === 0;
}

async function crashWorkerAt(context: FaultContext, db: Db, databaseUrl: string, write: Parameters<typeof holdWrite>[1]): Promise<StepOutcome> {
  await createFaultTables(db);
  await addJobs(db, ["work:100"]);
  const held = await holdWrite(db, write, KEY);
  const worker = startWorker(context, databaseUrl);
  const isReached = await held.reached(REACHED_WITHIN_MS);
  await held.crash(worker);
  startWorker(context, databaseUrl);
  await untilFinished(db);
  const isSettled = (await waitFor(() => isDelivered(db), DELIVERED_WITHIN_MS, 100)) !== null;
  return outcomeOf(db, isReached, isSettled);
}

export const effectWithoutEnd: StepPoint = {
  name: "worker: the job's effect is written, the job's end is not",
  crash: (context, db, url) => crashWorkerAt(context, db, url, { table: "job", event: "update", condition: "new.state = 'succeeded'" }),
};

export const endedUntold: StepPoint = {
  name: "worker: the job has ended, the queue is not told; it delivers the job again",
  crash: (context, db, url) => crashWorkerAt(context, db, url, { table: "pgboss.job", event: "update", condition: "new.state = 'completed'" }),
};

export const reapedUntold: StepPoint = {
  name: "reaper: a dead worker's job is taken from it, the queue is not told",
  async crash(context, db, databaseUrl) {
    await createFaultTables(db);
    await addJobs(db, ["work:1000"]);
    const first = startWorker(context, databaseUrl);
    await first.begun;
    await first.kill();
    const held = await holdWrite(db, { table: "pgboss.job", event: "insert", condition: "new.name = 'job'" }, KEY);
    const reaper = startWorker(context, databaseUrl);
    const isReached = await held.reached(REACHED_WITHIN_MS);
    await held.crash(reaper);
    startWorker(context, databaseUrl);
    await untilFinished(db);
    const isSettled = (await waitFor(() => isDelivered(db), DELIVERED_WITHIN_MS, 100)) !== null;
    return outcomeOf(db, isReached, isSettled);
  },
};
