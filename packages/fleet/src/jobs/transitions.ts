import type { JobStateName } from "./types.ts";

/** What can happen to a job. */
export type JobEvent =
  /** A worker takes it and holds its lease. */
  | "claim"
  | "succeed"
  | "fail"
  /** Stopped by a person: at once while queued; while running, by the worker once the child is dead. */
  | "cancel"
  /** Back to the queue: the worker is shutting down, or an error passes by itself. */
  | "release"
  /** The lease ended without a word, and attempts are left. */
  | "lease_over"
  /** The lease ended without a word on the last attempt. */
  | "give_up"
  /** A person wants it tried again. */
  | "retry";

const table: Record<JobStateName, Partial<Record<JobEvent, JobStateName>>> = {
  queued: { claim: "running", cancel: "cancelled" },
  running: { succeed: "succeeded", fail: "failed", cancel: "cancelled", release: "queued", lease_over: "queued", give_up: "quarantined" },
  succeeded: {},
  failed: { retry: "queued" },
  cancelled: { retry: "queued" },
  quarantined: { retry: "queued" },
};

/** The state after the event, or null when it cannot happen in this state. */
export function nextJobState(state: JobStateName, event: JobEvent): JobStateName | null {
  return table[state][event] ?? null;
}

/** Whether nothing happens to a job in this state any more unless a person asks for it. */
export function isEndState(state: JobStateName): boolean {
  return state !== "queued" && state !== "running";
}
