import { shareOf } from "./share.ts";
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

const METHOD = "paired on the same examples; interval: Newcombe 1998, method 10, 95 %; p: McNemar, mid-p";

/** Examples by who was right. */
type Cells = { bothRight: number; lost: number; gained: number; bothWrong: number };

/** How much more often `second` is right than `first` on the same examples. Null when they are not of as many. */
export function pairedDifference(first: Outcomes, second: Outcomes, worstClass: PairedDifference["worstClass"]): PairedDifference | null {
  if (first.n !== second.n || first.n === 0) return null;
  const { n } = first;
  const cells: Cells = { bothRight: 0, lost: 0, gained: 0, bothWrong: 0 };
  let same = 0;
  for (let index = 0; index < n; index += 1) {
    const before = bit(first.correct, index);
    const after = bit(second.correct, index);
    cells[before ? (after ? "bothRight" : "lost") : after ? "gained" : "bothWrong"] += 1;
    if (first.predicted[2 * index] === second.predicted[2 * index] && first.predicted[2 * index + 1] === second.predicted[2 * index + 1]) same += 1;
  }
  const { gained, lost } = cells;
  return { n, value: (gained - lost) / n, ci95: interval(cells), gained, lost, pValue: mcNemar(gained, lost), agreement: same / n, worstClass, method: METHOD };
}

/** Newcombe's method 10: Wilson intervals of both shares, squared and added, with a correlation shrunk towards 0. */
function interval(cells: Cells): [number, number] {
  const { bothRight, lost, gained, bothWrong } = cells;
  const n = bothRight + lost + gained + bothWrong;
  const before = sidesOf(bothRight + lost, n);
  const after = sidesOf(bothRight + gained, n);
  const difference = (gained - lost) / n;
  const phi = correlation(cells, n);
  const spread = (a: number, b: number): number => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  return [
    Math.max(-1, difference - spread(after.below, before.above)),
    Math.min(1, difference + spread(after.above, before.below)),
  ];
}

/** How far the Wilson interval of a share reaches to both sides of it. */
function sidesOf(hits: number, n: number): { below: number; above: number } {
  const share = shareOf(hits, n);
  return share === null ? { below: 0, above: 0 } : { below: share.value - share.ci95[0], above: share.ci95[1] - share.value };
}

function correlation({ bothRight, lost, gained, bothWrong }: Cells, n: number): number {
  const margins = (bothRight + lost) * (gained + bothWrong) * (bothRight + gained) * (lost + bothWrong);
  if (margins === 0) return 0;
  const cross = bothRight * bothWrong - lost * gained;
  return (cross > 0 ? Math.max(cross - n / 2, 0) : cross) / Math.sqrt(margins);
}

/** McNemar's mid-p: twice the smaller tail of Binomial(gained + lost, ½), less the probability of the count itself. */
function mcNemar(gained: number, lost: number): number {
  const trials = gained + lost;
  if (trials === 0) return 1;
  let logTerm = -trials * Math.LN2;
  let tail = 0;
  let term = 0;
  for (let k = 0; k <= Math.min(gained, lost); k += 1) {
    term = Math.exp(logTerm);
    tail += term;
    logTerm += Math.log(trials - k) - Math.log(k + 1);
  }
  return Math.min(1, 2 * tail - term);
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
