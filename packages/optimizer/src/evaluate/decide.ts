import type { PairedDifference } from "./paired-difference.ts";
import type { LatencyRatio } from "./interleaved-latency.ts";

/** What is known of a model; null where it was not measured. */
type ModelNumbers = {
  readonly sizeBytes: number;
  readonly latencyMsP50: number | null;
  readonly latencyMsP95: number | null;
};

export type Comparison = {
  /** What the variant is, for sentences: "int8", "half of the channels". */
  readonly technique: string;
  readonly parent: ModelNumbers;
  readonly variant: ModelNumbers;
  /** From interleaved runs; null without. */
  readonly latencyRatio: LatencyRatio | null;
  /** Paired, on labelled examples; null without labels. */
  readonly accuracy: PairedDifference | null;
  /** Share of examples for which both name the same class first; null when there are no classes. */
  readonly agreement: number | null;
};

export type Goal = {
  /** Percentage points of accuracy that may be lost. */
  readonly accuracyDropPpMax?: number;
  readonly latencyMsP95Max?: number;
  readonly sizeBytesMax?: number;
  /** What the variant is wanted for. "either" is satisfied by one of the two. Default "either". */
  readonly wanted?: "speed" | "size" | "either";
};

type Criterion = {
  readonly name: "accuracy" | "latency" | "size";
  readonly state: "met" | "missed" | "not_measured";
  /** False when the measured value lies on one side of the limit and its interval on both. */
  readonly isCertain: boolean;
  readonly sentence: string;
};

export type Verdict = {
  readonly kind: "helps" | "no_help";
  /** Null without a limit in the goal; false also when a criterion was not measured. */
  readonly meetsGoal: boolean | null;
  /** Why, for people. */
  readonly sentence: string;
  readonly criteria: readonly Criterion[];
};

/** Gains below this share are not worth another artefact. */
const LEAST_GAIN = 0.05;

/**
 * Whether a variant is worth offering. It helps when it gains what it is wanted for, by 5 % or more and outside the noise, and misses
 * no limit. A loss of accuracy that could be chance is called so.
 */
export function decideVerdict(comparison: Comparison, goal: Goal = {}): Verdict {
  const criteria = criteriaOf(comparison, goal);
  const speed = speedOf(comparison);
  const size = sizeOf(comparison);
  const wanted = goal.wanted ?? "either";
  const gains = [...(wanted === "size" ? [] : [speed]), ...(wanted === "speed" ? [] : [size])];
  const missed = criteria.filter(({ state }) => state === "missed");
  const isGain = gains.some(({ isGain: gained }) => gained);
  const kind = isGain && missed.length === 0 ? "helps" : "no_help";
  const meetsGoal = criteria.length === 0 ? null : criteria.every(({ state }) => state === "met");
  // What decides comes first: a missed limit, else the gain that there is or is not; then the rest.
  const [decisive, rest] = isGain ? split(gains, (gain) => gain.isGain) : [gains, []];
  const others = [speed, size].filter((gain) => !gains.includes(gain));
  const parts = [...missed, ...decisive, ...rest, ...others].map(({ sentence }) => sentence);
  const sentence = joined([...parts, accuracySentence(comparison)].filter((part) => part !== ""));
  return { kind, meetsGoal, sentence, criteria };
}

type Gain = { readonly isGain: boolean; readonly sentence: string };

function speedOf({ technique, parent, variant, latencyRatio }: Comparison): Gain {
  const [before, after] = [parent.latencyMsP50, variant.latencyMsP50];
  if (latencyRatio === null || before === null || after === null) return { isGain: false, sentence: `the latency of ${technique} was not measured` };
  const { median, low, high } = latencyRatio;
  const figures = `${duration(after)} against ${duration(before)}`;
  if (low <= 1 && high >= 1) return { isGain: false, sentence: `${technique} is as fast as its parent within the noise of the measurement: ${figures}` };
  if (median > 1) return { isGain: false, sentence: `${technique} is ${times(median)} slower on this model: ${figures}` };
  if (median > 1 - LEAST_GAIN) return { isGain: false, sentence: `${technique} is only ${percent(1 - median)} faster: ${figures}` };
  return { isGain: true, sentence: `${technique} is ${times(1 / median)} faster: ${figures}` };
}

function sizeOf({ technique, parent, variant }: Comparison): Gain {
  const ratio = variant.sizeBytes / parent.sizeBytes;
  const figures = `${bytes(variant.sizeBytes)} against ${bytes(parent.sizeBytes)}`;
  if (ratio > 1 - LEAST_GAIN && ratio < 1 + LEAST_GAIN) return { isGain: false, sentence: `${technique} does not change the size: ${figures}` };
  if (ratio > 1) return { isGain: false, sentence: `${technique} makes the file ${times(ratio)} larger: ${figures}` };
  return { isGain: true, sentence: `${technique} makes the file ${times(1 / ratio)} smaller: ${figures}` };
}

function criteriaOf(comparison: Comparison, goal: Goal): Criterion[] {
  const criteria: Criterion[] = [];
  if (goal.accuracyDropPpMax !== undefined) criteria.push(accuracyCriterion(comparison, goal.accuracyDropPpMax));
  if (goal.latencyMsP95Max !== undefined) criteria.push(limit("latency", comparison.variant.latencyMsP95, goal.latencyMsP95Max, duration, "p95"));
  if (goal.sizeBytesMax !== undefined) criteria.push(limit("size", comparison.variant.sizeBytes, goal.sizeBytesMax, bytes, "size"));
  return criteria;
}

function limit(name: "latency" | "size", value: number | null, most: number, format: (value: number) => string, what: string): Criterion {
  if (value === null) return { name, state: "not_measured", isCertain: false, sentence: `${what} was not measured` };
  const state = value <= most ? "met" : "missed";
  return { name, state, isCertain: true, sentence: `${what} ${format(value)} is ${state === "met" ? "within" : "over"} the limit of ${format(most)}` };
}

function accuracyCriterion({ accuracy }: Comparison, dropPpMax: number): Criterion {
  const name = "accuracy";
  if (accuracy === null) return { name, state: "not_measured", isCertain: false, sentence: "accuracy was not measured: the examples have no labels" };
  const { differencePp, lowPp, highPp } = accuracy;
  const state = -differencePp <= dropPpMax ? "met" : "missed";
  const isCertain = state === "met" ? lowPp >= -dropPpMax : highPp < -dropPpMax;
  const doubt = isCertain ? "" : "; too few examples to be sure";
  const relation = state === "met" ? "within" : "beyond";
  return { name, state, isCertain, sentence: `accuracy changed by ${interval(accuracy)}, ${relation} the limit of −${trimmed(dropPpMax)} pp${doubt}` };
}

function accuracySentence({ accuracy, agreement, technique }: Comparison): string {
  if (accuracy !== null) {
    const isNoise = accuracy.lowPp <= 0 && accuracy.highPp >= 0;
    return isNoise
      ? `no difference in accuracy beyond noise on ${accuracy.n} examples (${interval(accuracy)})`
      : `accuracy ${accuracy.differencePp < 0 ? "fell" : "rose"} by ${trimmed(Math.abs(accuracy.differencePp))} pp (${interval(accuracy)})`;
  }
  return agreement === null ? "" : `${technique} names the same class as its parent for ${percent(agreement)} of the examples`;
}

function interval({ differencePp, lowPp, highPp, n }: PairedDifference): string {
  return `${signedPp(differencePp)} pp, 95 % interval ${signedPp(lowPp)} to ${signedPp(highPp)} pp, n = ${n}`;
}

function split<T>(values: readonly T[], holds: (value: T) => boolean): [T[], T[]] {
  return [values.filter(holds), values.filter((value) => !holds(value))];
}

function joined(parts: readonly string[]): string {
  return parts.join("; ");
}

function signedPp(value: number): string {
  const text = trimmed(Math.abs(value));
  return text === "0" ? "0" : `${value < 0 ? "−" : "+"}${text}`;
}

/** Two decimals at most. */
function trimmed(value: number): string {
  return String(Number(value.toFixed(2)));
}

function times(factor: number): string {
  return `${factor < 10 ? factor.toFixed(1) : factor.toFixed(0)} ×`;
}

function percent(share: number): string {
  return `${trimmed(share * 100)} %`;
}

function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${(count / 1_000).toFixed(0)} kB` : `${(count / 1_000_000).toFixed(2)} MB`;
}
