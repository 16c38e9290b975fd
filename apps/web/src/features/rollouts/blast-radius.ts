import type { RolloutCounts, RolloutView } from "@flotilla/fleet";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { badCount } from "./words.ts";

/** How far a rollout has got into the fleet, in the five words an operator asks for first. */
export type BlastRadius = { touched: number; healthy: number; failing: number; notReached: number; unreachable: number };

/** Touched = every device that was offered the build and may have acted on it. */
export function blastRadius(counts: RolloutCounts): BlastRadius {
  const healthy = counts.succeeded;
  const failing = badCount(counts);
  const underWay = counts.offered + counts.downloading + counts.installing + counts.verifying;
  return { touched: healthy + failing + underWay, healthy, failing, notReached: counts.queued + counts.cancelled + counts.skipped, unreachable: counts.unreachable };
}

/** "16 devices touched: 14 healthy, 2 failing. 8 not reached, 1 cannot be reached now." */
export function blastSentence(counts: RolloutCounts): string {
  const radius = blastRadius(counts);
  if (radius.touched === 0) return `No device touched yet. ${formatNoun(radius.notReached, "device")} not reached.`;
  const underWay = radius.touched - radius.healthy - radius.failing;
  const inside = [`${formatCount(radius.healthy)} healthy`, ...(radius.failing > 0 ? [`${formatCount(radius.failing)} failing`] : []), ...(underWay > 0 ? [`${formatCount(underWay)} under way`] : [])];
  const outside = [radius.notReached === 0 ? "None left to reach" : `${formatCount(radius.notReached)} not reached`, ...(radius.unreachable > 0 ? [`${formatCount(radius.unreachable)} cannot be reached now`] : [])];
  return `${formatNoun(radius.touched, "device")} touched: ${inside.join(", ")}. ${outside.join(", ")}.`;
}

/** The most important sentence of the page: is the build still reaching more devices? */
export function spreading(rollout: Pick<RolloutView, "state" | "offeredLastMinute">): { spreads: boolean; sentence: string } {
  if (rollout.state === "running" && rollout.offeredLastMinute > 0) return { spreads: true, sentence: `Spreading: ${formatNoun(rollout.offeredLastMinute, "device")} in the last minute` };
  if (rollout.state === "running") return { spreads: false, sentence: "No device was offered it in the last minute" };
  return { spreads: false, sentence: "Not spreading" };
}

/** Devices that a roll back would change: those that took the build, or may have. */
export function rollbackSize(counts: RolloutCounts): number {
  return counts.offered + counts.downloading + counts.installing + counts.verifying + counts.succeeded + counts.timedOut;
}

/** What happens when nobody touches anything. */
export function ifNothingIsDone(rollout: RolloutView): string {
  const radius = blastRadius(rollout.counts);
  const kept = radius.healthy > 0 ? ` ${formatNoun(radius.healthy, "device keeps", "devices keep")} the new build until you roll back.` : "";
  switch (rollout.state) {
    case "draft": return "Nothing. A draft touches no device until somebody starts it.";
    case "running": return runningOutlook(rollout);
    case "paused": return `It stays paused. Devices that are already installing finish; no other device is offered the build.${kept}`;
    case "halted": return `It stays halted. No other device is offered the build.${kept} It does not roll back by itself.`;
    case "rolling_back": return `Devices go on returning to their own previous builds. Those that cannot be reached return when they are back${radius.unreachable > 0 ? ` (${formatCount(radius.unreachable)} now)` : ""}.`;
    case "rolled_back": return "Nothing more. Devices run their previous builds.";
    case "cancelled": return `Nothing more. Devices keep what they run now.${kept}`;
    case "superseded": return "Nothing more. A newer rollout took over its devices.";
    case "completed": return `Nothing more. ${formatNoun(radius.healthy, "device runs", "devices run")} the build.`;
  }
}

function runningOutlook({ waves }: RolloutView): string {
  const at = waves.find((wave) => wave.state === "active" || wave.state === "soaking");
  const next = waves.find((wave) => wave.state === "pending");
  if (at === undefined) return next === undefined ? "The rollout completes." : `Wave ${waves.indexOf(next) + 1} opens by itself.`;
  const stop = `It halts by itself when more than ${at.maxFailurePercent} % of the devices that answered fail.`;
  if (next === undefined) return `This is the last wave; when it passes, the rollout completes. ${stop}`;
  return `Wave ${waves.indexOf(next) + 1} opens by itself when this one has passed. ${stop}`;
}
