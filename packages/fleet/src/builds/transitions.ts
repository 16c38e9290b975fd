import type { BuildView } from "./types.ts";

/** What can happen to a build. */
export type BuildEvent =
  /** Its manifest is in the artifact store. */
  | "finish"
  /** The build job ended without one. */
  | "fail"
  /** A person wants its job tried again. */
  | "retry";

const table: Record<BuildView["state"], Partial<Record<BuildEvent, BuildView["state"]>>> = {
  pending: { finish: "ready", fail: "failed" },
  ready: {},
  failed: { retry: "pending" },
};

/** The state after the event, or null when it cannot happen in this state. */
export function nextBuildState(state: BuildView["state"], event: BuildEvent): BuildView["state"] | null {
  return table[state][event] ?? null;
}
