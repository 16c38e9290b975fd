import { expireUploads, forgetNonces, keepDeviceSummaries, pruneChanges, pruneIdempotency, reapJobs, runningLeases } from "@flotilla/fleet";
import type { LoopTask } from "./loop.ts";
import type { Ports } from "./ports.ts";
import { sweepWorkDirectories } from "./work-directories.ts";

/** A dead worker's job waits for its lease (20 s) and at most this much longer. */
const REAP_EVERY_MS = 2_000;
const TIDY_EVERY_MS = 60_000;
const COUNT_EVERY_MS = 5_000;

/** What keeps the tables small and jobs moving. Every worker does it; each task is safe beside itself on another worker. */
export function maintenanceTasks(ports: Ports, telemetry: (now: Date) => Promise<void>): LoopTask[] {
  return [
    { name: "reap jobs", everyMs: REAP_EVERY_MS, run: () => reap(ports) },
    {
      name: "count large fleets",
      everyMs: COUNT_EVERY_MS,
      run: async () => {
        await ports.transact((tx) => keepDeviceSummaries(tx));
      },
    },
    {
      name: "prune changes",
      everyMs: TIDY_EVERY_MS,
      run: async () => {
        await ports.transact((tx) => pruneChanges(tx));
      },
    },
    {
      name: "prune idempotency records",
      everyMs: TIDY_EVERY_MS,
      run: async () => {
        await ports.transact((tx) => pruneIdempotency(tx));
      },
    },
    { name: "forget nonces", everyMs: TIDY_EVERY_MS, run: () => ports.transact((tx) => forgetNonces(tx)) },
    { name: "expire uploads", everyMs: TIDY_EVERY_MS, run: () => expire(ports) },
    { name: "roll up telemetry", everyMs: TIDY_EVERY_MS, run: () => telemetry(new Date()) },
    { name: "sweep work directories", everyMs: TIDY_EVERY_MS, run: () => sweep(ports) },
  ];
}

async function reap(ports: Ports): Promise<void> {
  const reaped = await ports.transact((tx) => reapJobs(tx));
  if (reaped.requeued + reaped.quarantined + reaped.cancelled > 0) ports.log.warn(reaped, "took jobs of dead workers back");
}

async function expire(ports: Ports): Promise<void> {
  const expired = await ports.transact((tx) => expireUploads(tx));
  // After the commit: an upload that is still open must keep its bytes.
  for (const uploadId of expired) await ports.store.discard(uploadId);
}

async function sweep(ports: Ports): Promise<void> {
  const removed = await sweepWorkDirectories(ports.workRoot, (directories) => ports.transact((tx) => runningLeases(tx, directories)));
  if (removed > 0) ports.log.info({ removed }, "removed work directories of dead workers");
}
