import type { PairedDifference } from "./types.ts";

/** What one version said about each example of a split, in the split's order. */
export type Outcomes = {
  /** Bit i (from the lowest of byte i / 8): example i was right. */
  correct: Uint8Array;
  /** Predicted class of each example, 16 bits, little-endian. */
  predicted: Uint8Array;
  /** Examples. */
  n: number;
};

/** Quantile of the normal distribution for 95 %, two-sided. */
const Z = 1.959963984540054;

const METHOD = "paired on the same examples; interval: adjusted Wald for matched pairs (Agresti & Min 2005), 95 %; p: exact McNemar";

/** How much more often `second` is right than `first` on the same examples. Null when they are not of as many. */
export function pairedDifference(first: Outcomes, second: Outcomes, worstClass: PairedDifference["worstClass"]): PairedDifference | null {
  if (first.n !== second.n || first.n === 0) return null;
  const { n } = first;
  let gained = 0;
  let lost = 0;
  let same = 0;
  for (let index = 0; index < n; index += 1) {
    const before = bit(first.correct, index);
    const after = bit(second.correct, index);
    if (after && !before) gained += 1;
    if (before && !after) lost += 1;
    if (first.predicted[2 * index] === second.predicted[2 * index] && first.predicted[2 * index + 1] === second.predicted[2 * index + 1]) same += 1;
  }
  return { n, value: (gained - lost) / n, ci95: interval(gained, lost, n), gained, lost, pValue: mcNemar(gained, lost), agreement: same / n, worstClass, method: METHOD };
}

/** Half an observation is added to each cell of the 2 × 2 table, so that no difference is ever certain. */
function interval(gained: number, lost: number, n: number): [number, number] {
  const [up, down, total] = [gained + 0.5, lost + 0.5, n + 2];
  const value = (up - down) / total;
  const half = (Z * Math.sqrt(up + down - (up - down) ** 2 / total)) / total;
  return [Math.max(-1, value - half), Math.min(1, value + half)];
}

/** Two-sided exact McNemar test: twice the smaller tail of Binomial(gained + lost, ½), at most 1. */
function mcNemar(gained: number, lost: number): number {
  const trials = gained + lost;
  let logTerm = -trials * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= Math.min(gained, lost); k += 1) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(trials - k) - Math.log(k + 1);
  }
  return Math.min(1, 2 * tail);
}

function bit(bytes: Uint8Array, index: number): boolean {
  return ((bytes[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

/** The class that lost the largest share of its examples; null when none lost. Both lists are by class index. */
export function worstClassOf(
  first: readonly { index: number; name: string; n: number; correct: number }[],
  second: readonly { index: number; n: number; correct: number }[],
): PairedDifference["worstClass"] {
  const after = new Map(second.map((entry) => [entry.index, entry]));
  let worst: PairedDifference["worstClass"] = null;
  for (const before of first) {
    const now = after.get(before.index);
    if (now === undefined || now.n !== before.n || before.n === 0) continue;
    const value = (now.correct - before.correct) / before.n;
    if (value < (worst?.value ?? 0)) worst = { index: before.index, name: before.name, n: before.n, value };
  }
  return worst;
}
