import { fromPrisma, PgBoss, type ConstructorOptions } from "pg-boss";
import type { Db } from "./connect.ts";
import type { Tx } from "./transaction.ts";

// Rows of table `job` are the truth; this queue only carries their ids to a worker, at least once, and keeps no secrets.
// Invariants: a delivery is visible exactly when the transaction that enqueued it has committed; a delivery whose
// consumer dies is delivered again after HEARTBEAT_SECONDS; giving up is decided on the job row, never here.

const SCHEMA = "pgboss";
const QUEUE = "job";

/** A consumer that stays silent so long is dead; ten is pg-boss's minimum. */
const HEARTBEAT_SECONDS = 10;
const HEARTBEAT_REFRESH_SECONDS = 3;
const MONITOR_INTERVAL_SECONDS = 5;

const QUEUE_SETTINGS = {
  notify: true,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  // pg-boss's longest; the time limit of a job is its kind's, enforced by the worker.
  expireInSeconds: 23 * 3600,
  retryLimit: 100,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  deleteAfterSeconds: 3600,
};

type Payload = { jobId: string; kind: string };

function bossOptions(db: Db): ConstructorOptions {
  const silence = db.silenceMs === undefined ? {} : { query_timeout: db.silenceMs };
  return { connectionString: db.url, schema: SCHEMA, application_name: "flotilla queue", max: 4, schedule: false, ...silence };
}

/** Creates or updates the queue's tables. Safe to call from several processes at once. */
export async function ensureQueue(db: Db): Promise<void> {
  const boss = new PgBoss({ ...bossOptions(db), max: 2, supervise: false });
  boss.on("error", () => undefined);
  await boss.start();
  try {
    await boss.createQueue(QUEUE, QUEUE_SETTINGS);
    await boss.updateQueue(QUEUE, QUEUE_SETTINGS);
  } finally {
    await boss.stop({ graceful: false });
  }
}

/**
 * Hands the job's id to the queue inside the caller's transaction: no commit, no delivery. A consumer that waits is
 * woken at commit; with `delaySeconds` it is delivered that much later; `isAgain` puts it before those that were never tried.
 */
export async function enqueueJob(tx: Tx, job: { id: string; kind: string; delaySeconds?: number; isAgain?: boolean }): Promise<void> {
  const payload: Payload = { jobId: job.id, kind: job.kind };
  // Never started: it has no connection of its own and does everything through the caller's transaction.
  const boss = new PgBoss({ db: fromPrisma(tx), schema: SCHEMA });
  await boss.send(QUEUE, payload, { ...(job.delaySeconds ? { startAfter: job.delaySeconds } : {}), ...(job.isAgain ? { priority: 1 } : {}) });
}

export type JobConsumerOptions = {
  /** Jobs in hand at once. */
  concurrency: number;
  /** Resolved = delivered. Rejected, or the process died = delivered again later. May run twice for one job. */
  onJob: (jobId: string, kind: string) => Promise<void>;
  /** Errors of the queue itself (connection lost, …); it goes on by itself. */
  onError?: (error: Error) => void;
};

/** Takes jobs until `stop`, which waits up to `timeoutMs` (5 s) for those in hand; those left are delivered again. */
export async function startJobConsumer(db: Db, options: JobConsumerOptions): Promise<{ stop(timeoutMs?: number): Promise<void> }> {
  const boss = new PgBoss({
    ...bossOptions(db),
    migrate: false,
    useListenNotify: true,
    superviseIntervalSeconds: MONITOR_INTERVAL_SECONDS,
    monitorIntervalSeconds: MONITOR_INTERVAL_SECONDS,
  });
  boss.on("error", (error) => options.onError?.(error));
  await boss.start();
  for (let place = 0; place < options.concurrency; place += 1) await workOnePlace(boss, options.onJob);
  return { stop: (timeoutMs = 5_000) => boss.stop({ graceful: true, timeout: timeoutMs }) };
}

/** Takes one job after the other. */
async function workOnePlace(boss: PgBoss, onJob: JobConsumerOptions["onJob"]): Promise<void> {
  let lookAgain = (): void => undefined;
  const settings = { batchSize: 1, heartbeatRefreshSeconds: HEARTBEAT_REFRESH_SECONDS, pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 5 };
  const id = await boss.work<Payload>(QUEUE, settings, async (jobs) => {
    try {
      for (const { data } of jobs) await onJob(data.jobId, data.kind);
    } finally {
      // Look for the next job at once: by itself it would sleep out its polling interval, and a backlog would drain at one job per 5 s.
      lookAgain();
    }
  });
  lookAgain = () => boss.notifyWorker(id);
}
