import { randomBytes } from "node:crypto";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connect, startJobConsumer, withSql, withTx, type Db } from "@flotilla/db";
import { directoryStore, evaluateRollouts, pruneTelemetry, rollUp, type ArtifactStore, type Evaluation } from "@flotilla/fleet";
import type { Logger } from "pino";
import type { Env } from "./env.ts";
import type { Ports } from "./ports.ts";
import type { StartDelivery } from "./worker.ts";

export { watchProcess } from "@flotilla/db";

/** Connections beside those of jobs in hand: loops, health, claims. */
const SPARE_CONNECTIONS = 4;

/** The worker's access to the world, put together once at boot. */
export type Composition = {
  db: Db;
  ports: Ports;
  startDelivery: StartDelivery;
  evaluate: () => Promise<Evaluation>;
  /** Sums latency up and forgets what is too old. */
  tidyTelemetry: (now: Date) => Promise<void>;
  /** Resolves when the database answers. */
  pingDatabase: () => Promise<void>;
};

type ComposedOf = Pick<Env, "DATABASE_URL" | "ARTIFACT_STORE" | "WORKER_CONCURRENCY" | "JOB_LEASE_MS" | "MEASURE_BUDGET_MS"> & Partial<Pick<Env, "WORK_DIR" | "DATABASE_SILENCE_MS">>;

/** Opens nothing yet; the first query connects. `store`: another one than the directory ARTIFACT_STORE. */
export function compose(env: ComposedOf, log: Logger, store: ArtifactStore = directoryStore(env.ARTIFACT_STORE)): Composition {
  const db = connect(env.DATABASE_URL, { applicationName: "flotilla worker", poolSize: env.WORKER_CONCURRENCY + SPARE_CONNECTIONS, silenceMs: env.DATABASE_SILENCE_MS });
  const ports: Ports = {
    transact: (fn) => withTx(db, fn),
    store,
    workRoot: workRootOf(env),
    // Host and process for people; the random part because a pid comes again after a restart.
    workerId: `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`,
    leaseMs: env.JOB_LEASE_MS,
    measureBudgetMs: env.MEASURE_BUDGET_MS,
    log,
  };
  return {
    db,
    ports,
    startDelivery: (onJob) =>
      startJobConsumer(db, {
        concurrency: env.WORKER_CONCURRENCY,
        onJob,
        onError: (error) => log.warn({ err: error }, "the queue had an error"),
      }),
    evaluate: () => evaluateRollouts(db, () => new Date()),
    tidyTelemetry: async (now) => {
      await withSql(db, (sql) => rollUp(sql, now));
      await withSql(db, (sql) => pruneTelemetry(sql, now));
    },
    pingDatabase: async () => {
      await withSql(db, (sql) => sql.query("select 1"));
    },
  };
}

/** On the file system of a directory store copies can share blocks with it; an object store has none. */
function workRootOf(env: Pick<Env, "ARTIFACT_STORE" | "WORK_DIR">): string {
  if (env.WORK_DIR !== undefined) return resolve(env.WORK_DIR);
  return env.ARTIFACT_STORE.startsWith("s3:") ? join(tmpdir(), "flotilla-work") : join(resolve(env.ARTIFACT_STORE), "work");
}
