import type { PairedDifference } from "../numbers/types.ts";
import type { Goal } from "./recipe.ts";
import type { Verdict } from "./types.ts";

/** What was measured of a candidate beside its parent; null where it was not. */
export type Evidence = {
  label: string;
  bytes: number; parentBytes: number;
  /** On labelled examples. */
  accuracy: PairedDifference | null;
  /** Share of examples put into the same class as by the parent; needs no labels. */
  agreement: { value: number; n: number } | null;
  /** Parent ÷ candidate of times taken in turns: above 1 is quicker. */
  speed: { ratio: number; ci95: [number, number]; parentMsP50: number; msP50: number; msP95: number } | null;
  /** Nodes whose sums saturate on CPUs without VNNI. */
  saturatedNodes: number | null;
  /** Only rounding may differ: no evaluation is needed to trust it. */
  isExact: boolean;
};

export type Judgement = { verdict: Exclude<Verdict, "refused">; sentence: string };

/** Fewer bytes than this share of the parent count as smaller. */
const SMALLER = 0.98;

/** Whether a candidate is offered for this goal, and why: the first limit that it breaks, or what it gains. */
export function judge(goal: Goal, evidence: Evidence): Judgement {
  const against = brokenLimit(goal, evidence) ?? missingGain(goal, evidence);
  if (against !== null) return { verdict: "no_help", sentence: against };
  return { verdict: "helps", sentence: `${sentenceCase(gains(evidence))}.` };
}

function brokenLimit(goal: Goal, { label, bytes, accuracy, agreement, speed, saturatedNodes, isExact }: Evidence): string | null {
  const limit = goal.maxAccuracyDropPoints;
  if (accuracy !== null && -accuracy.value * 100 > limit) return `${label} loses ${points(-accuracy.value)} points of accuracy (${interval(accuracy)}); the goal allows ${limit}.`;
  if (accuracy === null && !isExact) {
    if (agreement === null) return `The accuracy of ${label} was not measured: there were no examples to measure it on.`;
    if ((1 - agreement.value) * 100 > limit) return `${label} puts ${percent(1 - agreement.value)} of ${count(agreement.n)} examples into another class than its parent; the goal allows ${limit} %.`;
  }
  if (goal.maxSizeBytes !== undefined && bytes > goal.maxSizeBytes) return `${label} has ${megabytes(bytes)}; the goal allows ${megabytes(goal.maxSizeBytes)}.`;
  if (goal.maxLatencyMsP95 !== undefined && speed === null) return `The latency of ${label} was not measured, and the goal limits it.`;
  if (goal.maxLatencyMsP95 !== undefined && speed !== null && speed.msP95 > goal.maxLatencyMsP95) return `${label} takes ${time(speed.msP95)} at p95; the goal allows ${time(goal.maxLatencyMsP95)}.`;
  if (goal.safeOnEveryCpu && saturatedNodes !== null && saturatedNodes > 0) return `${label} saturates in ${saturatedNodes} ${saturatedNodes === 1 ? "node" : "nodes"} on CPUs without VNNI.`;
  return null;
}

function missingGain(goal: Goal, { label, bytes, parentBytes, speed }: Evidence): string | null {
  if (goal.objective === "size") {
    return bytes > parentBytes * SMALLER ? `${label} is not smaller: ${megabytes(bytes)} instead of ${megabytes(parentBytes)}.` : null;
  }
  if (speed === null) return `The latency of ${label} was not measured.`;
  const times = `${time(speed.msP50)} instead of ${time(speed.parentMsP50)}`;
  if (speed.ci95[1] < 1) return `${label} is ${factor(1 / speed.ratio)} slower on this model: ${times}.`;
  if (speed.ci95[0] <= 1) return `${label} is as quick as its parent within what can be told: ${times} (${factor(speed.ci95[0])} to ${factor(speed.ci95[1])} as quick).`;
  return null;
}

function gains({ bytes, parentBytes, speed, accuracy, agreement }: Evidence): string {
  const parts = [`${megabytes(bytes)} instead of ${megabytes(parentBytes)}`];
  if (speed !== null) {
    const times = `${time(speed.msP50)} instead of ${time(speed.parentMsP50)}`;
    if (speed.ci95[0] > 1) parts.push(`${factor(speed.ratio)} faster (${times})`);
    else parts.push(speed.ci95[1] < 1 ? `but ${factor(1 / speed.ratio)} slower (${times})` : `as quick as before (${times})`);
  }
  if (accuracy !== null) parts.push(`accuracy ${signed(accuracy.value)} points (${interval(accuracy)})`);
  else if (agreement !== null) parts.push(`the same class as its parent for ${percent(agreement.value)} of ${count(agreement.n)} examples`);
  return parts.join(", ");
}

/** What came of a whole recipe: the best of what is offered by the goal's objective, or that nothing helps. */
export function concludeOptimization(goal: Goal, results: readonly { verdict: Verdict; sentence: string; evidence: Evidence | null }[]): string {
  const offered = results.flatMap(({ verdict, sentence, evidence }) => (verdict === "helps" && evidence !== null ? [{ sentence, evidence }] : []));
  const cost = ({ evidence }: (typeof offered)[number]): number => (goal.objective === "size" ? evidence.bytes : (evidence.speed?.msP50 ?? Number.POSITIVE_INFINITY));
  const [best] = offered.toSorted((a, b) => cost(a) - cost(b));
  if (best === undefined) return `Nothing helps: ${results[0]?.sentence ?? "the recipe has no technique."}${results.length > 1 ? ` The other ${results.length - 1} have their reasons below.` : ""}`;
  return `${best.evidence.label} is the ${goal.objective === "size" ? "smallest" : "quickest"} of ${offered.length} within the goal: ${best.sentence}`;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
function points(share: number): string {
  return (share * 100).toFixed(2);
}
function signed(share: number): string {
  return `${share < 0 ? "−" : "+"}${points(Math.abs(share))}`;
}
function interval({ ci95, n }: PairedDifference): string {
  return `95 %: ${signed(ci95[0])} to ${signed(ci95[1])}, n = ${count(n)}`;
}
function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
function count(n: number): string {
  return n.toLocaleString("en-US");
}
function factor(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} ×`;
}
function megabytes(bytes: number): string {
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(2)} MB`;
}
function time(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1_000)} µs` : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}
