import { invariant } from "@flotilla/protocol";
import type { DeploymentStateName, RolloutStateName, WaveStateName } from "./types.ts";

// Which state follows which, for rollouts, waves and deployments. Every write of such a state takes its "from" states
// out of these tables (`statesBefore`) and is a compare-and-set on them; docs/rollouts.md shows the same tables as pictures.
// A pair that is absent is not possible: the event is refused (a person asked for it) or ignored (a device reported it).

/** What can happen to a rollout. The first five are asked for by people, the others decided by `plan.ts`. */
export const rolloutEvents = ["start", "pause", "resume", "cancel", "rollback", "halt", "complete", "supersede", "all_back"] as const;
export type RolloutTransition = (typeof rolloutEvents)[number];

/** What can happen to a wave. */
export const waveEvents = ["open", "soak", "pass", "fail", "reopen", "end"] as const;
export type WaveTransition = (typeof waveEvents)[number];

/** What can happen to a device's part: by the platform, by its reports, by time. */
export const deploymentEvents = [
  "offer", "withhold", "report_downloading", "report_installing", "report_verifying", "report_succeeded", "report_failed", "report_rolled_back",
  "attest", "expire", "cancel", "skip", "supersede", "offer_again",
] as const;
export type DeploymentTransition = (typeof deploymentEvents)[number];

type Table<State extends string, Event extends string> = Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>>;

export const rolloutTransitions: Table<RolloutStateName, RolloutTransition> = {
  draft: { start: "running", cancel: "cancelled" },
  running: { pause: "paused", halt: "halted", complete: "completed", cancel: "cancelled", rollback: "rolling_back", supersede: "superseded" },
  paused: { resume: "running", cancel: "cancelled", rollback: "rolling_back", supersede: "superseded" },
  halted: { resume: "running", cancel: "cancelled", rollback: "rolling_back", supersede: "superseded" },
  // A second "roll back" offers the previous build again to devices that failed to take it.
  rolling_back: { rollback: "rolling_back", all_back: "rolled_back" },
  completed: { rollback: "rolling_back" },
  rolled_back: {},
  cancelled: {},
  superseded: {},
};

export const waveTransitions: Table<WaveStateName, WaveTransition> = {
  pending: { open: "active", end: "skipped" },
  // An empty wave passes without soaking.
  active: { soak: "soaking", pass: "passed", fail: "failed", end: "skipped" },
  soaking: { pass: "passed", fail: "failed", end: "skipped" },
  failed: { reopen: "active" },
  passed: {},
  skipped: {},
};

const begun: Readonly<Partial<Record<DeploymentTransition, DeploymentStateName>>> = {
  report_succeeded: "succeeded",
  report_failed: "failed",
  report_rolled_back: "rolled_back",
  attest: "succeeded",
  expire: "timed_out",
  skip: "skipped",
  supersede: "superseded",
};

export const deploymentTransitions: Table<DeploymentStateName, DeploymentTransition> = {
  // "attest" of a queued one: on a roll back, the device is back already when its turn comes.
  queued: { offer: "offered", attest: "succeeded", cancel: "cancelled", skip: "skipped", supersede: "superseded" },
  // No "expire": a device that was offered a build and did not pick it up has not failed.
  offered: {
    withhold: "queued", report_downloading: "downloading", report_installing: "installing", report_verifying: "verifying",
    report_succeeded: "succeeded", report_failed: "failed", report_rolled_back: "rolled_back",
    attest: "succeeded", cancel: "cancelled", skip: "skipped", supersede: "superseded",
  },
  // Phases only rise within an attempt (`report-progress.ts`); a new attempt starts again from downloading.
  downloading: { ...begun, report_downloading: "downloading", report_installing: "installing", report_verifying: "verifying" },
  installing: { ...begun, report_downloading: "downloading", report_installing: "installing", report_verifying: "verifying" },
  verifying: { ...begun, report_downloading: "downloading", report_installing: "installing", report_verifying: "verifying" },
  succeeded: {},
  // "offer_again": a second roll back, for devices that could not go back at the first.
  failed: { offer_again: "offered" },
  rolled_back: { offer_again: "offered" },
  // A device may answer late; what it says is truer than that it said nothing.
  timed_out: { report_succeeded: "succeeded", report_failed: "failed", report_rolled_back: "rolled_back", attest: "succeeded", offer_again: "offered" },
  cancelled: {},
  skipped: {},
  superseded: {},
};

/** The state after the event, or null when it is not possible in this state. */
export function nextRolloutState(state: RolloutStateName, event: RolloutTransition): RolloutStateName | null {
  return rolloutTransitions[state][event] ?? null;
}

/** The state after the event, or null when it is not possible in this state. */
export function nextWaveState(state: WaveStateName, event: WaveTransition): WaveStateName | null {
  return waveTransitions[state][event] ?? null;
}

/** The state after the event, or null when it is not possible in this state. */
export function nextDeploymentState(state: DeploymentStateName, event: DeploymentTransition): DeploymentStateName | null {
  return deploymentTransitions[state][event] ?? null;
}

/** The event as a compare-and-set: from any of these states to that one. An event leads to one state wherever it starts. */
export function moveOf<State extends string, Event extends string>(table: Table<State, Event>, event: Event): { from: State[]; to: State } {
  const from = (Object.keys(table) as State[]).filter((state) => table[state][event] !== undefined);
  const to = from[0] === undefined ? undefined : table[from[0]][event];
  invariant(to !== undefined, `no state allows ${event}`);
  return { from, to };
}

/** What can happen in this state. */
export function eventsIn<State extends string, Event extends string>(table: Table<State, Event>, state: State): Event[] {
  return Object.keys(table[state]) as Event[];
}

/** Deployments that have not ended. */
export const openDeploymentStates = ["queued", "offered", "downloading", "installing", "verifying"] as const satisfies readonly DeploymentStateName[];
/** Deployments whose device has begun: they end by themselves or by their deadline. */
export const begunDeploymentStates = ["downloading", "installing", "verifying"] as const satisfies readonly DeploymentStateName[];
/** Ends that count as a failure of the build. */
export const failedDeploymentStates = ["failed", "rolled_back", "timed_out"] as const satisfies readonly DeploymentStateName[];
/** Rollouts that nothing changes any more, except that offline devices still end what they were offered. */
export const endedRolloutStates = ["rolled_back", "cancelled", "superseded", "completed"] as const satisfies readonly RolloutStateName[];
