import type { VersionStateName } from "./types.ts";

/** What can happen to a model version. */
export type VersionEvent =
  /** The import job opened, ran and measured it. */
  | "accept"
  /** The import job refused it, or could not come to an end. */
  | "refuse"
  /** A person wants it looked at again. */
  | "retry";

const table: Record<VersionStateName, Partial<Record<VersionEvent, VersionStateName>>> = {
  validating: { accept: "ready", refuse: "rejected" },
  ready: {},
  rejected: { retry: "validating" },
};

/** The state after the event, or null when it cannot happen in this state. */
export function nextVersionState(state: VersionStateName, event: VersionEvent): VersionStateName | null {
  return table[state][event] ?? null;
}
