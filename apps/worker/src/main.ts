import { pino } from "pino";
import { compose } from "./composition.ts";
import { readEnv, type Env } from "./env.ts";
import { runEvaluator } from "./evaluator-loop.ts";
import { handlers } from "./handlers/handlers.ts";
import { startHealthServer } from "./health-server.ts";
import { runLoops } from "./loop.ts";
import { maintenanceTasks } from "./maintenance.ts";
import { watchParent } from "./parent-watch.ts";
import { startWorker } from "./worker.ts";

const env = readEnvOrExit();
const log = pino({ level: env.LOG_LEVEL, base: { process: "worker", pid: process.pid } });
const { db, ports, lock, startDelivery } = compose(env, log);
const stopping = new AbortController();
let isEvaluator = false;

const worker = await startWorker(ports, handlers, startDelivery);
const loops = [
  runLoops(maintenanceTasks(ports, async () => undefined), stopping.signal, log),
  runEvaluator({ lock, evaluate: async () => undefined, tickMs: env.ROLLOUT_TICK_MS, onLeader: (leads) => (isEvaluator = leads) }, stopping.signal, log),
];
const health = env.HEALTH_PORT === 0 ? null : await startHealthServer({ port: env.HEALTH_PORT, host: env.HEALTH_HOST, checks, facts });

process.once("SIGTERM", () => void stop("SIGTERM"));
process.once("SIGINT", () => void stop("SIGINT"));
watchParent(env.FLOTILLA_PARENT_PID, () => void stop("the launcher is gone"));
log.info({ url: health?.url ?? null, workerId: ports.workerId }, "ready");

let stopped: Promise<void> | undefined;

/** Stops once: jobs in hand end or go back to the queue, then everything is closed. */
function stop(reason: string): Promise<void> {
  return (stopped ??= (async () => {
    log.info({ reason }, "stopping");
    stopping.abort();
    await worker.stop();
    await Promise.all(loops);
    await health?.close();
    await db.close();
    log.info("stopped");
  })().catch((error: unknown) => {
    log.error({ err: error }, "could not stop cleanly");
    process.exitCode = 1;
  }).finally(() => process.exit()));
}

async function checks(): Promise<Record<string, "ok" | "failing">> {
  const database = await db.pool.query("select 1").then(() => "ok" as const, () => "failing" as const);
  return { database };
}

function facts(): object {
  return { workerId: ports.workerId, runningJobs: [...worker.running.keys()], evaluatesRollouts: isEvaluator };
}

function readEnvOrExit(): Env {
  try {
    return readEnv();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
