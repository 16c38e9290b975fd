import type { Logger } from "pino";
import { runLoop } from "./loop.ts";

/** How long a worker that is not the evaluator waits before it asks again: the longest time without one after a crash. */
const STAND_BY_MS = 3_000;

/** Holds `name` over all workers while `fn` runs, or answers busy at once. */
export type ExclusiveLock = <T>(name: string, fn: (lost: AbortSignal) => Promise<T>) => Promise<{ kind: "held"; value: T } | { kind: "busy" }>;

/**
 * Of all workers one evaluates rollouts: the one that holds the lock, for as long as it lives. The others stand by.
 * What to do is read from rows in every round, so a new evaluator goes on where the old one stopped.
 */
export async function runEvaluator(
  parts: { lock: ExclusiveLock; evaluate: (now: Date) => Promise<unknown>; tickMs: number; onLeader?: (isLeader: boolean) => void },
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const lead = async (lost: AbortSignal): Promise<void> => {
    parts.onLeader?.(true);
    log.info("this worker evaluates rollouts");
    const task = {
      name: "evaluate rollouts",
      everyMs: parts.tickMs,
      run: async () => {
        await parts.evaluate(new Date());
      },
    };
    await runLoop(task, AbortSignal.any([signal, lost]), log).finally(() => parts.onLeader?.(false));
  };
  const standBy = {
    name: "stand by for the evaluator",
    everyMs: STAND_BY_MS,
    run: async () => {
      await parts.lock("rollout-evaluator-leader", lead);
    },
  };
  await runLoop(standBy, signal, log);
}
