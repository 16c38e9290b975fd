/**
 * How sure a difference of two accuracies is when both were measured on the same examples. Only the discordant pairs carry
 * information: examples that one model got right and the other wrong.
 *
 * Interval: Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired data",
 * Statistics in Medicine 17:2635-2650, method 10 (square-and-add of Wilson intervals with a continuity-corrected phi). It keeps its
 * coverage where the Wald interval does not: few discordant pairs, accuracies near 1. Test: McNemar mid-p, Fagerland, Lydersen, Laake
 * 2013, BMC Medical Research Methodology 13:91.
 */
export type PairedCounts = {
  readonly bothRight: number;
  /** Right before, wrong after. */
  readonly lost: number;
  /** Wrong before, right after. */
  readonly gained: number;
  readonly bothWrong: number;
};

export type PairedDifference = {
  readonly n: number;
  /** Percentage points, after minus before. */
  readonly differencePp: number;
  readonly lowPp: number;
  readonly highPp: number;
  /** 0.95 */
  readonly confidence: number;
  /** Two-sided mid-p of McNemar's test: chance of so uneven a split of the discordant pairs if neither model were better. */
  readonly midP: number;
};

/** Two-sided 95 % point of the normal distribution. */
const Z = 1.959_963_984_540_054;

export function pairedDifference(counts: PairedCounts): PairedDifference {
  const { bothRight, lost, gained, bothWrong } = counts;
  const n = bothRight + lost + gained + bothWrong;
  if (n === 0) throw new RangeError("a difference needs at least one example");
  const before = wilson(bothRight + lost, n);
  const after = wilson(bothRight + gained, n);
  const difference = (gained - lost) / n;
  const phi = pairedPhi(counts);
  const spread = (a: number, b: number) => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const low = difference - spread(after.share - after.low, before.high - before.share);
  const high = difference + spread(after.high - after.share, before.share - before.low);
  return {
    n,
    differencePp: difference * 100,
    lowPp: Math.max(-1, low) * 100,
    highPp: Math.min(1, high) * 100,
    confidence: 0.95,
    midP: mcNemarMidP(lost, gained),
  };
}

export type Proportion = { readonly share: number; readonly low: number; readonly high: number };

/** A share with its Wilson score interval at 95 % (Wilson 1927). */
export function wilson(hits: number, n: number): Proportion {
  if (n === 0) return { share: Number.NaN, low: 0, high: 1 };
  const share = hits / n;
  const centre = share + (Z * Z) / (2 * n);
  const spread = Z * Math.sqrt((share * (1 - share)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return { share, low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}

/** Correlation of the pairs, shrunk towards 0 when positive (Newcombe 1998, method 10). */
function pairedPhi({ bothRight, lost, gained, bothWrong }: PairedCounts): number {
  const n = bothRight + lost + gained + bothWrong;
  const margins = (bothRight + lost) * (gained + bothWrong) * (bothRight + gained) * (lost + bothWrong);
  if (margins === 0) return 0;
  const cross = bothRight * bothWrong - lost * gained;
  return (cross > 0 ? Math.max(cross - n / 2, 0) : cross) / Math.sqrt(margins);
}

/** Twice the lower tail of Binomial(lost + gained, ½) at the smaller count, less the probability of that count itself. */
function mcNemarMidP(lost: number, gained: number): number {
  const pairs = lost + gained;
  if (pairs === 0) return 1;
  const smaller = Math.min(lost, gained);
  let logTerm = -pairs * Math.LN2;
  let tail = 0;
  let term = 0;
  for (let count = 0; count <= smaller; count += 1) {
    if (count > 0) logTerm += Math.log((pairs - count + 1) / count);
    term = Math.exp(logTerm);
    tail += term;
  }
  return Math.min(1, 2 * tail - term);
}
