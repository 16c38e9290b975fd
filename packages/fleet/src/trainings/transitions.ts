import type { TrainingStateName } from "./types.ts";

/** What can happen to a training. */
export type TrainingEvent =
  /** There is a version. */
  | "finish"
  /** Its job ended without one. */
  | "fail"
  /** A person wants its job tried again: it goes on from its newest checkpoint. */
  | "retry";

const table: Record<TrainingStateName, Partial<Record<TrainingEvent, TrainingStateName>>> = {
  pending: { finish: "finished", fail: "failed" },
  finished: {},
  failed: { retry: "pending" },
};

/** The state after the event, or null when it cannot happen in this state. */
export function nextTrainingState(state: TrainingStateName, event: TrainingEvent): TrainingStateName | null {
  return table[state][event] ?? null;
}
