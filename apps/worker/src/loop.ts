import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";

/** A task that is done again and again. It never overlaps itself, and an error only costs that round. */
export type LoopTask = { name: string; everyMs: number; run: () => Promise<void> };

/**
 * Runs each task at its pace until the signal fires; resolves when the last round has ended. A task whose rounds fail
 * is logged once per failure and slows down up to tenfold, so that a lost database does not fill the log.
 */
export async function runLoops(tasks: readonly LoopTask[], signal: AbortSignal, log: Logger): Promise<void> {
  await Promise.all(tasks.map((task) => runLoop(task, signal, log)));
}

/** One task of `runLoops`. */
export async function runLoop(task: LoopTask, signal: AbortSignal, log: Logger): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await task.run();
      failures = 0;
    } catch (error) {
      failures += 1;
      log.error({ err: error, task: task.name, failures }, "a round of a loop failed");
    }
    const waitMs = task.everyMs * Math.min(10, 1 + failures);
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}
