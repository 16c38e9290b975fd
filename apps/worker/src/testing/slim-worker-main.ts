import { setTimeout as delay } from "node:timers/promises";
import { reapJobs } from "@flotilla/fleet";
import { pino } from "pino";
import { z } from "zod";
import { compose, watchProcess } from "../composition.ts";
import { runLoops, type LoopTask } from "../loop.ts";
import type { JobContext, JobDone, Ports } from "../ports.ts";
import type { Handlers } from "../run-job.ts";
import { startWorker } from "../worker.ts";

// A worker for the fault harness (tests/faults): queue, claim, lease, heartbeat, fence, reaper and outcome are the product's own;
// only the handlers are not. A handler here waits a while and then leaves one row in `fault_effect`, in the transaction that ends
// its job. What it does is told by the job's payload, in the field `versionId`: "work:<ms>", or "kill" to die by SIGKILL.

const env = z.object({
  DATABASE_URL: z.string(), ARTIFACT_STORE: z.string(), WORKER_CONCURRENCY: z.coerce.number(), JOB_LEASE_MS: z.coerce.number(), FLOTILLA_PARENT_PID: z.coerce.number().optional(),
  DATABASE_SILENCE_MS: z.coerce.number().default(120_000),
  /** Nothing is measured here. */
  MEASURE_BUDGET_MS: z.coerce.number().default(100),
  /** Workers in this process, each with a name, connections and leases of its own: one start pays for all of them. */
  SLIM_WORKERS: z.coerce.number().default(1),
}).parse(process.env);
const log = pino({ base: { process: "slim worker", pid: process.pid } });
const REAP_EVERY_MS = 1_000;

function handlersOf(ports: Ports): Handlers {
  const never = async (): Promise<JobDone> => {
    throw new Error("the harness makes no such job");
  };
  return { benchmark: (payload, context) => work(ports, payload, context), import: never, build: never, evaluate: never, optimize: never, train: never };
}

async function work(ports: Ports, { versionId }: { versionId: string }, context: JobContext): Promise<JobDone> {
  await context.transact((tx) => tx.$executeRawUnsafe("insert into fault_run (job_id, worker) values ($1, $2)", context.jobId, ports.workerId));
  log.info({ jobId: context.jobId }, "begun");
  if (versionId === "kill") process.kill(process.pid, "SIGKILL");
  // Deaf to the signal on purpose: what keeps a late finish out must be the fence, not this handler's good manners.
  await delay(Number(versionId.slice("work:".length)));
  return {
    result: { worker: ports.workerId },
    commit: async (tx) => void (await tx.$executeRawUnsafe("insert into fault_effect (job_id, worker) values ($1, $2)", context.jobId, ports.workerId)),
  };
}

async function startOne(): Promise<{ workerId: string; reap: LoopTask }> {
  const { ports, startDelivery } = compose(env, log);
  await startWorker(ports, handlersOf(ports), startDelivery);
  return { workerId: ports.workerId, reap: { name: "reap jobs", everyMs: REAP_EVERY_MS, run: async () => void (await ports.transact((tx) => reapJobs(tx))) } };
}

process.once("SIGTERM", () => process.exit(0));
watchProcess(env.FLOTILLA_PARENT_PID, () => process.exit(0));
const workers = await Promise.all(Array.from({ length: env.SLIM_WORKERS }, startOne));
log.info({ workerIds: workers.map(({ workerId }) => workerId) }, "ready");
await runLoops(workers.map(({ reap }) => reap), new AbortController().signal, log);
