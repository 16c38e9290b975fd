import type { Evaluation } from "@flotilla/fleet";
import type { Logger } from "pino";
import type { LoopTask } from "./loop.ts";

/**
 * Evaluates rollouts at each tick. Every worker tries; the lock inside `evaluate` lets one of them at a time, so a crash
 * costs one tick. `onRound` hears whether it was this worker.
 */
export function evaluatorTask(evaluate: () => Promise<Evaluation>, tickMs: number, log: Logger, onRound: (kind: Evaluation["kind"] | "failed", seconds: number) => void): LoopTask {
  return {
    name: "evaluate rollouts",
    everyMs: tickMs,
    run: async () => {
      const startedMs = performance.now();
      const round = (kind: Evaluation["kind"] | "failed"): void => onRound(kind, (performance.now() - startedMs) / 1_000);
      const evaluation = await evaluate().catch((error: unknown) => {
        round("failed");
        throw error;
      });
      round(evaluation.kind);
      if (evaluation.kind === "busy") return;
      for (const { rolloutId, error } of evaluation.failures) log.error({ err: error, rolloutId }, "a rollout could not be evaluated");
    },
  };
}
