import { setTimeout as delay } from "node:timers/promises";
import { cancelRequests } from "@flotilla/fleet";
import { runLoop } from "./loop.ts";
import type { Ports } from "./ports.ts";
import { runJob, type Handlers, type RunningJobs } from "./run-job.ts";

/** Cancelling must bite within 2 s: half of it for hearing of it. */
const CANCEL_LOOK_MS = 700;
/** What running jobs get to end by themselves when the worker is told to stop; then they go back to the queue. */
const FINISH_MS = 2_500;
/** And what is left for writing that down and for the children to die. */
const RELEASE_MS = 2_000;

/** Delivers job ids until it is stopped. */
export type StartDelivery = (onJob: (jobId: string) => Promise<void>) => Promise<{ stop(timeoutMs: number): Promise<void> }>;

/** Takes jobs as they are delivered. `stop` finishes or gives back what is in hand within 5 s. */
export async function startWorker(ports: Ports, handlers: Handlers, startDelivery: StartDelivery): Promise<{ running: RunningJobs; stop(): Promise<void> }> {
  const running: RunningJobs = new Map();
  const inHand = new Set<Promise<void>>();
  const stopping = new AbortController();
  const delivery = await startDelivery(async (jobId) => {
    // Rejected, so that it is delivered again to somebody else.
    if (stopping.signal.aborted) throw new Error("this worker is shutting down");
    const work = runJob(ports, handlers, running, jobId);
    inHand.add(work);
    await work.finally(() => inHand.delete(work));
  });
  const looking = runLoop({ name: "look for cancellations", everyMs: CANCEL_LOOK_MS, run: () => stopCancelled(ports, running) }, stopping.signal, ports.log);
  return {
    running,
    async stop() {
      stopping.abort();
      const delivered = delivery.stop(FINISH_MS + RELEASE_MS);
      await Promise.race([Promise.allSettled(inHand), delay(FINISH_MS)]);
      for (const lease of running.values()) lease.stop("shutdown");
      await Promise.race([Promise.allSettled(inHand), delay(RELEASE_MS)]);
      await delivered;
      await looking;
    },
  };
}

async function stopCancelled(ports: Ports, running: RunningJobs): Promise<void> {
  if (running.size === 0) return;
  const ids = await ports.transact((tx) => cancelRequests(tx, [...running.keys()]));
  for (const id of ids) running.get(id)?.stop("cancelled");
}
