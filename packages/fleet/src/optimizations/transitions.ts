import type { OptimizationStateName } from "./types.ts";

/** What can happen to an optimization. */
export type OptimizationEvent =
  /** Every technique of its recipe came to a variant or a reason. */
  | "finish"
  /** Its job ended without a result. */
  | "fail"
  /** A person wants its job tried again. */
  | "retry";

const table: Record<OptimizationStateName, Partial<Record<OptimizationEvent, OptimizationStateName>>> = {
  pending: { finish: "finished", fail: "failed" },
  finished: {},
  failed: { retry: "pending" },
};

/** The state after the event, or null when it cannot happen in this state. */
export function nextOptimizationState(state: OptimizationStateName, event: OptimizationEvent): OptimizationStateName | null {
  return table[state][event] ?? null;
}
