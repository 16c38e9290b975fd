import type { Goal, PairedDifference, VariantReport, Verdict } from "@flotilla/fleet";
import { decideVerdict } from "@flotilla/optimizer";
import { sentence } from "../sandbox/run-model.ts";

/** What was measured of a candidate beside its parent; null where it was not. */
export type Evidence = {
  label: string;
  bytes: number; parentBytes: number;
  accuracy: PairedDifference | null;
  agreement: { n: number; top1: number | null; isOfRealInputs: boolean };
  parentMs: { p50: number; p95: number }; candidateMs: { p50: number; p95: number };
  /** Candidate ÷ parent of times taken in turns. */
  ratio: { median: number; low: number; high: number; pairs: number };
  saturation: VariantReport["saturation"];
  /** Integer sums can saturate on some CPUs. */
  usesIntegers: boolean;
  /** Only rounding may differ: it needs no examples to be trusted. */
  isExact: boolean;
};

/**
 * Whether a candidate is offered, and why. The optimizer decides by gains and limits; the product adds what it does not offer on
 * trust: a loss that nobody measured, and sums that may saturate where the goal wants every CPU.
 */
export function judge(goal: Goal, evidence: Evidence): { verdict: Exclude<Verdict, "refused">; sentence: string } {
  const against = unproven(goal, evidence);
  const { accuracy, agreement, parentMs, candidateMs } = evidence;
  const decided = decideVerdict(
    {
      technique: evidence.label,
      parent: { sizeBytes: evidence.parentBytes, latencyMsP50: parentMs.p50, latencyMsP95: parentMs.p95 },
      variant: { sizeBytes: evidence.bytes, latencyMsP50: candidateMs.p50, latencyMsP95: candidateMs.p95 },
      latencyRatio: evidence.ratio,
      accuracy: accuracy === null ? null : { n: accuracy.n, differencePp: accuracy.value * 100, lowPp: accuracy.ci95[0] * 100, highPp: accuracy.ci95[1] * 100, confidence: 0.95, midP: accuracy.pValue },
      agreement: agreement.top1,
    },
    {
      ...(accuracy === null ? {} : { accuracyDropPpMax: goal.maxAccuracyDropPoints }),
      ...(goal.maxLatencyMsP95 === undefined ? {} : { latencyMsP95Max: goal.maxLatencyMsP95 }),
      ...(goal.maxSizeBytes === undefined ? {} : { sizeBytesMax: goal.maxSizeBytes }),
      wanted: goal.objective === "size" ? "size" : "speed",
    },
  );
  if (against !== null) return { verdict: "no_help", sentence: sentence(`${against}; ${decided.sentence}`) };
  return { verdict: decided.kind, sentence: sentence(decided.sentence) };
}

function unproven(goal: Goal, { label, accuracy, agreement, saturation, usesIntegers, isExact }: Evidence): string | null {
  if (accuracy === null && !isExact) {
    if (!agreement.isOfRealInputs || agreement.top1 === null) return `the accuracy of ${label} was not measured: there were no examples to measure it on`;
    if ((1 - agreement.top1) * 100 > goal.maxAccuracyDropPoints) return `${label} changes the class of ${((1 - agreement.top1) * 100).toFixed(2)} % of ${agreement.n} examples, and the goal allows ${goal.maxAccuracyDropPoints} %`;
  }
  if (!goal.safeOnEveryCpu || !usesIntegers) return null;
  if (saturation === null) return `whether ${label} saturates on x86 CPUs without VNNI is not known`;
  return saturation.saturatedNodes > 0 ? `${label} saturates in ${saturation.saturatedNodes} ${saturation.saturatedNodes === 1 ? "layer" : "layers"} on x86 CPUs without VNNI` : null;
}

/** What came of a whole recipe: the best of what is offered by the goal's objective, or that nothing helps and the first reason why. */
export function conclude(goal: Goal, results: readonly { verdict: Verdict; sentence: string; evidence: Evidence | null }[]): string {
  const offered = results.flatMap(({ verdict, sentence: why, evidence }) => (verdict === "helps" && evidence !== null ? [{ why, evidence }] : []));
  const cost = ({ evidence }: (typeof offered)[number]): number => (goal.objective === "size" ? evidence.bytes : evidence.ratio.median);
  const [best] = offered.toSorted((a, b) => cost(a) - cost(b));
  if (best === undefined) return `Nothing helps. ${results.map(({ sentence: why }) => why).join(" ")}`.trim();
  const others = offered.length === 1 ? "It is the only one that helps" : `It is the ${goal.objective === "size" ? "smallest" : "quickest"} of ${offered.length} that help`;
  return `${sentence(best.why)} ${others}.`;
}
