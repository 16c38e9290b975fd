import { openArtifactStore } from "@flotilla/fleet";
import { pino } from "pino";
import { compose, watchProcess } from "./composition.ts";
import { readEnv, type Env } from "./env.ts";
import { evaluatorTask } from "./evaluator-loop.ts";
import { handlers } from "./handlers/handlers.ts";
import { startHealthServer } from "./health-server.ts";
import { runLoops } from "./loop.ts";
import { maintenanceTasks } from "./maintenance.ts";
import { workerMetrics } from "./metrics.ts";
import { startWorker } from "./worker.ts";

const env = readEnvOrExit();
// From the first moment: a start that waits for a database must end with the launcher as well. Nothing is in hand then.
let endWithParent = (): void => process.exit(1);
watchProcess(env.FLOTILLA_PARENT_PID, () => endWithParent());
const log = pino({ level: env.LOG_LEVEL, base: { process: "worker", pid: process.pid } });
const { db, ports, startDelivery, evaluate, tidyTelemetry, pingDatabase } = compose(env, log, await openArtifactStore(env));
const stopping = new AbortController();
let evaluator: "busy" | "evaluated" | "failed" | "never" = "never";
const metrics = workerMetrics({ transact: (fn) => ports.transact(fn), running: () => worker.running.size, log });

const worker = await startWorker({ ...ports, onJobEnded: (...ended) => metrics.jobEnded(...ended) }, handlers, startDelivery);
const evaluation = evaluatorTask(evaluate, env.ROLLOUT_TICK_MS, log, (kind, seconds) => {
  evaluator = kind;
  metrics.evaluated(kind, seconds);
});
const loops = runLoops([...maintenanceTasks(ports, tidyTelemetry), evaluation], stopping.signal, log);
const health = env.HEALTH_PORT === 0 ? null : await startHealthServer({ port: env.HEALTH_PORT, host: env.HEALTH_HOST, checks, facts, metrics });

process.once("SIGTERM", () => stop("SIGTERM"));
process.once("SIGINT", () => stop("SIGINT"));
endWithParent = () => stop("the launcher is gone");
log.info({ url: health?.url ?? null, workerId: ports.workerId }, "ready");

/** Whoever started us waits 5 s; a statement that takes longer is cut off with its connection, and rolls back. */
const STOP_MS = 5_500;
let isStopping = false;

/** Stops once: jobs in hand end or go back to the queue, then everything is closed and the process ends. */
function stop(reason: string): void {
  if (isStopping) return;
  isStopping = true;
  log.info({ reason }, "stopping");
  stopping.abort();
  setTimeout(() => {
    log.error("could not stop in time");
    process.exit(1);
  }, STOP_MS).unref();
  closeAll().then(
    () => {
      log.info("stopped");
      process.exit(0);
    },
    (error: unknown) => {
      log.error({ err: error }, "could not stop cleanly");
      process.exit(1);
    },
  );
}

async function closeAll(): Promise<void> {
  await worker.stop();
  await loops;
  await health?.close();
  await db.close();
}

async function checks(): Promise<Record<string, "ok" | "failing">> {
  const of = (check: Promise<unknown>) => check.then(() => "ok" as const, () => "failing" as const);
  const [database, store] = await Promise.all([of(pingDatabase()), of(ports.store.freeBytes())]);
  return { database, store };
}

function facts(): object {
  return { workerId: ports.workerId, runningJobs: [...worker.running.keys()], evaluator };
}

function readEnvOrExit(): Env {
  try {
    return readEnv();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
