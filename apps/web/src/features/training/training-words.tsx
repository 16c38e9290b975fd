import type { TrainingView } from "@flotilla/fleet";
import { StateWord, type BadgeTone } from "../../components/ui/badge.tsx";
import { formatDuration } from "../../lib/format.ts";

/** How a run stands, as people say it. */
export type RunState = "queued" | "running" | "resumed" | "stopping" | "finished" | "stopped early" | "failed" | "cancelled" | "quarantined";

type Facts = Pick<TrainingView, "state" | "attempt" | "stopRequested" | "cancelRequested" | "stoppedBy">;

export function runState({ state, attempt, stopRequested, cancelRequested, stoppedBy }: Facts): RunState {
  if (state === "queued") return "queued";
  if (state === "running") return stopRequested || cancelRequested ? "stopping" : attempt > 1 ? "resumed" : "running";
  if (state === "succeeded") return stoppedBy === "person" || stoppedBy === "early_stopping" ? "stopped early" : "finished";
  return state;
}

const TONES: Record<RunState, BadgeTone> = { queued: "neutral", running: "busy", resumed: "busy", stopping: "warn", finished: "ok", "stopped early": "ok", failed: "bad", cancelled: "neutral", quarantined: "warn" };

export function TrainingState({ training }: { training: Facts }) {
  const word = runState(training);
  return <StateWord tone={TONES[word]} word={word} ended={word === "cancelled"} />;
}

/** What it begins from, or who runs it, in words. */
export function startWords({ start }: Pick<TrainingView, "start">): string {
  return start.kind === "version" ? start.name : start.kind === "outside" ? `${start.title}, by an outside runner` : start.title;
}

/** "weights of 4 bits, a scale for each layer". */
export function roundingWords({ weightBits, perChannel }: NonNullable<TrainingView["recipe"]["quantization"]>): string {
  return `weights of ${weightBits} bits, a scale for each ${perChannel ? "channel" : "layer"}; activations of 8 bits`;
}

export function isOver(training: Pick<TrainingView, "state">): boolean {
  return training.state !== "queued" && training.state !== "running";
}

/** "epoch 3 of 10", "epoch 3, 2 min of 5 min". */
export function progressOf(training: Pick<TrainingView, "epoch" | "recipe" | "ranMs">): string {
  const { epochs, minutes } = training.recipe.budget;
  // Told at the end of each: what goes on is the one after.
  const epoch = `epoch ${Math.min(epochs ?? Number.POSITIVE_INFINITY, (training.epoch ?? 0) + 1)}`;
  if (epochs !== null) return `${epoch} of ${epochs}`;
  return minutes === null ? epoch : `${epoch}, ${training.ranMs === null ? "" : `${formatDuration(training.ranMs)} of `}${formatDuration(minutes * 60_000)}`;
}
