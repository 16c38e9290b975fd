import { eventsIn, rolloutTransitions } from "./transitions.ts";
import type { RolloutAction, RolloutStateName, RolloutView } from "./types.ts";

/** The actions in the order of their buttons. */
export const rolloutActions = ["start", "pause", "resume", "cancel", "rollback", "approve"] as const satisfies readonly RolloutAction[];

type Rule = {
  /** "Paused by Ada …". */
  done: string;
  /** States in which the action has been done: asking again changes nothing. */
  isDoneIn: readonly RolloutStateName[];
  /** Why it is not possible in this state. */
  reason: (state: RolloutStateName) => string;
};

const words: Record<RolloutStateName, string> = {
  draft: "not started", running: "running", paused: "paused", halted: "halted", rolling_back: "rolling back", rolled_back: "rolled back",
  cancelled: "cancelled", superseded: "superseded", completed: "completed",
};

export const actionRules: Record<RolloutAction, Rule> = {
  start: { done: "Started", isDoneIn: [], reason: (state) => `The rollout is ${words[state]}; only one that is not started can be started.` },
  pause: { done: "Paused", isDoneIn: ["paused"], reason: (state) => `The rollout is ${words[state]}; only a running one can be paused.` },
  resume: { done: "Resumed", isDoneIn: [], reason: (state) => `The rollout is ${words[state]}; only a paused or halted one can be resumed.` },
  cancel: { done: "Cancelled", isDoneIn: ["cancelled"], reason: (state) => `The rollout is ${words[state]} and cannot be cancelled.` },
  rollback: {
    done: "Roll back asked for", isDoneIn: ["rolled_back"],
    reason: (state) => (state === "draft" ? "The rollout is not started: there is nothing to take back." : `The rollout is ${words[state]} and cannot be rolled back.`),
  },
  approve: { done: "Approved", isDoneIn: [], reason: () => "Rollouts need no approval." },
};

/** What a person may do in this state. */
export function allowedActions(state: RolloutStateName): RolloutAction[] {
  const events: readonly string[] = eventsIn(rolloutTransitions, state);
  return rolloutActions.filter((action) => events.includes(action));
}

/** Every action with the reason why it does not work now. */
export function actionViews(state: RolloutStateName, rollbackFailures: number): RolloutView["actions"] {
  const allowed = allowedActions(state);
  return rolloutActions.map((action) => {
    if (action === "rollback" && state === "rolling_back" && rollbackFailures === 0) {
      return { action, allowed: false, reason: "The rollout is rolling back already; no device has failed on its way back." };
    }
    return allowed.includes(action) ? { action, allowed: true, reason: null } : { action, allowed: false, reason: actionRules[action].reason(state) };
  });
}
