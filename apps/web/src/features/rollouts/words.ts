import type { DeploymentStateName, RolloutAction, RolloutCounts, RolloutStateName, WaveView } from "@flotilla/fleet";
import type { StatePart } from "../../components/charts/state-bar.tsx";
import type { WaveStep } from "../../components/charts/wave-strip.tsx";
import { formatRelative } from "../../lib/format.ts";

/** How alarming a state is; decides colour and icon, never alone the meaning. */
export type Tone = "ok" | "busy" | "proving" | "wait" | "bad" | "warn" | "none";

export const rolloutWords: Record<RolloutStateName, { word: string; tone: Tone }> = {
  draft: { word: "Draft", tone: "none" },
  running: { word: "Running", tone: "busy" },
  paused: { word: "Paused", tone: "warn" },
  halted: { word: "Halted", tone: "bad" },
  rolling_back: { word: "Rolling back", tone: "warn" },
  rolled_back: { word: "Rolled back", tone: "none" },
  cancelled: { word: "Cancelled", tone: "none" },
  superseded: { word: "Superseded", tone: "none" },
  completed: { word: "Completed", tone: "ok" },
};

export const deploymentWords: Record<DeploymentStateName, { word: string; tone: Tone; color: string; pattern?: "hatched" | "dotted" }> = {
  succeeded: { word: "healthy", tone: "ok", color: "--state-ok" },
  verifying: { word: "proving", tone: "proving", color: "--state-proving" },
  installing: { word: "installing", tone: "busy", color: "--state-busy" },
  downloading: { word: "downloading", tone: "busy", color: "--state-busy" },
  offered: { word: "offered", tone: "busy", color: "--state-wait", pattern: "dotted" },
  failed: { word: "failed", tone: "bad", color: "--state-bad" },
  rolled_back: { word: "went back by itself", tone: "bad", color: "--state-bad", pattern: "dotted" },
  timed_out: { word: "timed out", tone: "bad", color: "--state-bad", pattern: "hatched" },
  queued: { word: "waiting", tone: "wait", color: "--state-wait" },
  cancelled: { word: "cancelled", tone: "none", color: "--state-none" },
  skipped: { word: "skipped", tone: "none", color: "--state-none", pattern: "hatched" },
  superseded: { word: "superseded", tone: "none", color: "--state-none", pattern: "dotted" },
};

/** The order in which states are drawn and listed: done, under way, trouble, not reached. */
export const deploymentOrder: readonly DeploymentStateName[] = [
  "succeeded", "verifying", "installing", "downloading", "offered", "failed", "rolled_back", "timed_out", "queued", "cancelled", "skipped", "superseded",
];

/** Count of one state in the rollout's counters. */
export function countOf(counts: RolloutCounts, state: DeploymentStateName): number {
  if (state === "rolled_back") return counts.rolledBack;
  if (state === "timed_out") return counts.timedOut;
  return counts[state];
}

/** Parts of the device-state bar. On a roll back "healthy" means back on the device's previous build. */
export function deploymentParts(counts: RolloutCounts, direction: "forward" | "rollback" = "forward"): StatePart[] {
  return deploymentOrder.map((state) => {
    const { word, color, pattern } = deploymentWords[state];
    const label = direction === "rollback" && state === "succeeded" ? "back on their previous build" : word;
    return { key: state, label, count: countOf(counts, state), color, ...(pattern === undefined ? {} : { pattern }) };
  });
}

/** Devices that ended badly. */
export function badCount(counts: RolloutCounts): number {
  return counts.failed + counts.rolledBack + counts.timedOut;
}

/** Steps of the wave strip; the note tells how long a wave soaks. `now` in ms. */
export function waveSteps(waves: readonly WaveView[], now: number): WaveStep[] {
  return waves.map((wave) => {
    const soaking = wave.state === "soaking" && wave.soakUntil !== null;
    return {
      position: wave.position, percent: wave.percent, state: wave.state,
      total: wave.counts.total - wave.counts.skipped, succeeded: wave.counts.succeeded, failed: badCount(wave.counts),
      ...(soaking ? { note: soakNote(wave.soakUntil ?? "", now) } : {}),
    };
  });
}

function soakNote(until: string, now: number): string {
  return Date.parse(until) <= now ? "soak time is over" : `moves on ${formatRelative(until, now)}`;
}

/** Number of the wave that is under way or was last (from 1), and how many there are. */
export function waveProgress(waves: readonly Pick<WaveView, "state">[]): { at: number; of: number } {
  const reached = waves.findLastIndex((wave) => wave.state !== "pending" && wave.state !== "skipped");
  return { at: reached + 1, of: waves.length };
}

/** A rollout that may still change by itself or by a person. */
export function isOpen(state: RolloutStateName): boolean {
  return state === "running" || state === "paused" || state === "halted" || state === "rolling_back";
}

export const actionWords: Record<RolloutAction, string> = {
  start: "Start", pause: "Pause", resume: "Resume", cancel: "Cancel rollout", rollback: "Roll back", approve: "Approve",
};
