import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mermaidOf } from "./transitions-picture.ts";
import {
  begunDeploymentStates, deploymentEvents, deploymentTransitions, endedRolloutStates, failedDeploymentStates, moveOf, nextDeploymentState, nextRolloutState,
  nextWaveState, openDeploymentStates, rolloutEvents, rolloutTransitions, waveEvents, waveTransitions,
} from "./transitions.ts";
import type { DeploymentStateName, RolloutStateName, WaveStateName } from "./types.ts";

// Written by hand from the rules, state by state: "event>state". Everything not listed must be impossible.
const rollouts: Record<RolloutStateName, string> = {
  draft: "start>running cancel>cancelled",
  running: "pause>paused halt>halted complete>completed cancel>cancelled rollback>rolling_back supersede>superseded",
  paused: "resume>running cancel>cancelled rollback>rolling_back supersede>superseded",
  halted: "resume>running cancel>cancelled rollback>rolling_back supersede>superseded",
  rolling_back: "rollback>rolling_back all_back>rolled_back",
  completed: "rollback>rolling_back",
  rolled_back: "", cancelled: "", superseded: "",
};
const waves: Record<WaveStateName, string> = {
  pending: "open>active end>skipped",
  active: "soak>soaking pass>passed fail>failed end>skipped",
  soaking: "pass>passed fail>failed end>skipped",
  failed: "reopen>active",
  passed: "", skipped: "",
};
const begun = "report_downloading>downloading report_installing>installing report_verifying>verifying report_succeeded>succeeded report_failed>failed report_rolled_back>rolled_back attest>succeeded expire>timed_out skip>skipped supersede>superseded";
const deployments: Record<DeploymentStateName, string> = {
  queued: "offer>offered attest>succeeded cancel>cancelled skip>skipped supersede>superseded",
  offered: "withhold>queued report_downloading>downloading report_installing>installing report_verifying>verifying report_succeeded>succeeded report_failed>failed report_rolled_back>rolled_back attest>succeeded cancel>cancelled skip>skipped supersede>superseded",
  downloading: begun, installing: begun, verifying: begun,
  failed: "offer_again>offered",
  rolled_back: "offer_again>offered",
  timed_out: "report_succeeded>succeeded report_failed>failed report_rolled_back>rolled_back attest>succeeded offer_again>offered",
  succeeded: "", cancelled: "", skipped: "", superseded: "",
};

describe.each([
  ["rollout", rollouts, rolloutEvents, nextRolloutState],
  ["wave", waves, waveEvents, nextWaveState],
  ["deployment", deployments, deploymentEvents, nextDeploymentState],
] as [string, Record<string, string>, readonly string[], (state: never, event: never) => string | null][])("%s", (_, expected, events, next) => {
  test("every pair of state and event leads where the rules say, or nowhere", () => {
    const walked: string[] = [];
    for (const [state, list] of Object.entries(expected)) {
      const moves = new Map(list.split(" ").filter(Boolean).map((move) => move.split(">") as [string, string]));
      for (const event of events) {
        expect(next(state as never, event as never), `${state} × ${event}`).toBe(moves.get(event) ?? null);
        walked.push(`${state} ${event}`);
      }
      for (const event of moves.keys()) expect(events, `${state} × ${event}`).toContain(event);
    }
    expect(new Set(walked).size).toBe(Object.keys(expected).length * events.length);
  });
});

test("an event leads to one state wherever it starts, so that one statement can carry it out", () => {
  for (const [table, events] of [[rolloutTransitions, rolloutEvents], [waveTransitions, waveEvents], [deploymentTransitions, deploymentEvents]] as const) {
    for (const event of events) {
      const targets = new Set(Object.values(table as Record<string, Record<string, string>>).flatMap((moves) => moves[event] ?? []));
      expect(targets.size, event).toBe(1);
      expect(moveOf(table as never, event as never)).toMatchObject({ to: [...targets][0] });
    }
  }
});

test("ended rollouts take no orders but a roll back of a completed one, and ended deployments are never offered forward again", () => {
  for (const state of endedRolloutStates) expect(Object.keys(rolloutTransitions[state])).toEqual(state === "completed" ? ["rollback"] : []);
  for (const state of Object.keys(deploymentTransitions) as DeploymentStateName[]) {
    const isOpen = (openDeploymentStates as readonly string[]).includes(state);
    if (!isOpen) expect(nextDeploymentState(state, "offer"), state).toBeNull();
  }
});

test("only devices that have begun can run out of time", () => {
  expect(moveOf(deploymentTransitions, "expire").from.toSorted()).toEqual([...begunDeploymentStates].toSorted());
  expect([...failedDeploymentStates]).toContain(moveOf(deploymentTransitions, "expire").to);
});

test("docs/rollouts.md shows the tables as they are", () => {
  const page = readFileSync(new URL("../../../../docs/rollouts.md", import.meta.url), "utf8");
  for (const [table, initial] of [[rolloutTransitions, "draft"], [waveTransitions, "pending"], [deploymentTransitions, "queued"]] as const) {
    expect(page).toContain(mermaidOf(table, initial));
  }
});
