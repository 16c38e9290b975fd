import type { ComparedVersion } from "@flotilla/fleet";
import { formatBytes, formatMs } from "../../lib/format.ts";
import { formatAccuracy } from "../optimizing/number-words.tsx";

const MIB = 1024 * 1024;

/** Limits as people type them: ms at the median, percent right, points below the baseline, MiB on disk. */
export type Budget = { maxMs: number | null; minAccuracy: number | null; maxDrop: number | null; maxMiB: number | null };

/** The least accuracy (0 to 1) that both the floor and the drop below the baseline leave; null without either. */
export function accuracyFloor(budget: Budget, baselineAccuracy: number | null): number | null {
  const floors = [
    budget.minAccuracy === null ? null : budget.minAccuracy / 100,
    budget.maxDrop === null || baselineAccuracy === null ? null : baselineAccuracy - budget.maxDrop / 100,
  ].filter((floor) => floor !== null);
  return floors.length === 0 ? null : Math.max(...floors);
}

/** Whether a version keeps the budget; what was not measured keeps nothing. `reasons` say what it breaks. Null when there is no budget. */
export function judge(version: Pick<ComparedVersion, "sizeBytes" | "comparableMs" | "accuracy">, budget: Budget, baselineAccuracy: number | null): { keeps: boolean; reasons: string[] } | null {
  if ([budget.maxMs, budget.minAccuracy, budget.maxDrop, budget.maxMiB].every((limit) => limit === null)) return null;
  const floor = accuracyFloor(budget, baselineAccuracy);
  const reasons: string[] = [];
  if (budget.maxMs !== null) {
    if (version.comparableMs === null) reasons.push("its latency is not known");
    else if (version.comparableMs > budget.maxMs) reasons.push(`${formatMs(version.comparableMs)} is above ${formatMs(budget.maxMs)}`);
  }
  if (budget.minAccuracy !== null || budget.maxDrop !== null) {
    if (version.accuracy === null) reasons.push("its accuracy is not known");
    else if (floor === null) reasons.push("the accuracy of the baseline is not known");
    // 0.9 - 0.005 must not refuse what is exactly half a point below.
    else if (version.accuracy.value < floor - 1e-9) reasons.push(`${formatAccuracy(version.accuracy.value)} is below ${formatAccuracy(floor)}`);
  }
  if (budget.maxMiB !== null && version.sizeBytes > budget.maxMiB * MIB) reasons.push(`${formatBytes(version.sizeBytes)} is above ${formatBytes(budget.maxMiB * MIB)}`);
  return { keeps: reasons.length === 0, reasons };
}
