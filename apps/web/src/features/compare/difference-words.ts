import type { ComparedVersion, PairedDifference } from "@flotilla/fleet";
import { formatCount } from "../../lib/format.ts";
import { formatPointInterval } from "../optimizing/number-words.tsx";

export type Finding = "better" | "worse" | "noise";

/** Whether the interval of a difference leaves out "none"; higher is better. */
export function accuracyFinding({ ci95: [low, high] }: Pick<PairedDifference, "ci95">): Finding {
  if (low > 0) return "better";
  return high < 0 ? "worse" : "noise";
}

/** Whether the interval of a ratio of times leaves out 1; null without an interval, when nobody can tell. */
export function latencyFinding(ci95: readonly [number, number] | null): Finding | null {
  if (ci95 === null) return null;
  if (ci95[1] < 1) return "better";
  return ci95[0] > 1 ? "worse" : "noise";
}

/** "within noise: 95 % from −0.81 to +0.12 pp, n = 1,000, 2 won, 5 lost". */
export function accuracyNote(difference: PairedDifference): string {
  const head = { better: "more than noise", worse: "more than noise", noise: "within noise" }[accuracyFinding(difference)];
  return `${head}: 95 % from ${formatPointInterval(difference.ci95)}, n = ${formatCount(difference.n)}, ${formatCount(difference.gained)} won, ${formatCount(difference.lost)} lost`;
}

/** How sure a ratio of times is. */
export function latencyNote(delta: NonNullable<ComparedVersion["delta"]>): string {
  if (delta.latencyRatio === null) return "not measured alike";
  if (delta.latencyRatioCi95 === null) return "two medians from different minutes, so without an interval";
  const [low, high] = delta.latencyRatioCi95.map((bound) => Number(bound.toPrecision(3)));
  return `${latencyFinding(delta.latencyRatioCi95) === "noise" ? "within noise" : "more than noise"}: 95 % between ${low} and ${high} ×, run in turns with the baseline`;
}
