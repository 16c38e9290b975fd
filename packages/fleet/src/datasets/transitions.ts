import type { DatasetVersionStateName } from "./types.ts";

/** What can happen to a dataset version. */
export type DatasetVersionEvent =
  /** The import job read, split and counted it. */
  | "accept"
  /** The import job refused it, or could not come to an end. */
  | "refuse"
  /** A person wants it looked at again. */
  | "retry";

const table: Record<DatasetVersionStateName, Partial<Record<DatasetVersionEvent, DatasetVersionStateName>>> = {
  importing: { accept: "ready", refuse: "rejected" },
  ready: {},
  rejected: { retry: "importing" },
};

/** The state after the event, or null when it cannot happen in this state. */
export function nextDatasetVersionState(state: DatasetVersionStateName, event: DatasetVersionEvent): DatasetVersionStateName | null {
  return table[state][event] ?? null;
}
