import type { ActivationHistogram } from "./histogram.ts";
import type { NumberFormat, Range } from "./number-formats.ts";
import { limitsOf, quantisationFor } from "./number-formats.ts";

/**
 * Ranges that cut off rare extremes so that the frequent values get finer steps. Each takes the histogram of one tensor and gives a
 * range inside the observed one.
 */

/**
 * The middle `percent` per cent of all values, the rest cut off in equal parts on both sides; on one side alone when all values have
 * one sign.
 */
export function percentileRange(histogram: ActivationHistogram, percent: number): Range {
  const { min, max } = histogram.range;
  const sides = min < 0 && max > 0 ? 2 : 1;
  const cut = ((100 - percent) / 100 / sides) * histogram.total;
  return { min: min < 0 ? lowEdge(histogram, cut) : 0, max: max > 0 ? highEdge(histogram, cut) : 0 };
}

/** Upper edge of the bin above which at most `cut` values lie. Never below 0: zeros are not in the bins. */
function highEdge({ counts, range, binWidth }: ActivationHistogram, cut: number): number {
  let above = 0;
  for (let bin = counts.length - 1; bin >= 0; bin -= 1) {
    above += counts[bin] ?? 0;
    if (above > cut) return Math.min(range.max, Math.max(0, range.min + (bin + 1) * binWidth));
  }
  return range.max;
}

function lowEdge({ counts, range, binWidth }: ActivationHistogram, cut: number): number {
  let below = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    below += counts[bin] ?? 0;
    if (below > cut) return Math.max(range.min, Math.min(0, range.min + bin * binWidth));
  }
  return range.min;
}

const MSE_CANDIDATES = 100;
/** Smallest candidate as a share of the observed extreme. */
const MSE_SMALLEST = 0.02;
const MSE_ROUNDS = 3;

/**
 * The range with the least mean squared error between values and their quantised form, clipping included. The two ends are searched
 * in turn over candidates spaced evenly in the logarithm.
 */
export function leastSquaresRange(histogram: ActivationHistogram, format: NumberFormat): Range {
  const { min, max } = histogram.range;
  let best: Range = { min: Math.min(min, 0), max: Math.max(max, 0) };
  let error = squaredError(histogram, format, best);
  for (let round = 0; round < MSE_ROUNDS; round += 1) {
    const before = error;
    for (const end of ["max", "min"] as const) {
      const extreme = end === "max" ? Math.max(max, 0) : Math.min(min, 0);
      if (extreme === 0) continue;
      for (let step = 0; step <= MSE_CANDIDATES; step += 1) {
        const candidate = { ...best, [end]: extreme * MSE_SMALLEST ** (step / MSE_CANDIDATES) };
        const candidateError = squaredError(histogram, format, candidate);
        if (candidateError < error) [best, error] = [candidate, candidateError];
      }
    }
    if (error === before) break;
  }
  return best;
}

/** Sum over the bins of count × (centre − quantised centre)². */
function squaredError(histogram: ActivationHistogram, format: NumberFormat, range: Range): number {
  const { counts } = histogram;
  const { scale, zeroPoint } = quantisationFor(format, range);
  const [lowest, highest] = limitsOf(format.elementType);
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    const count = counts[bin] as number;
    if (count === 0) continue;
    const centre = histogram.centre(bin);
    const q = Math.min(highest, Math.max(lowest, Math.round(centre / scale) + zeroPoint));
    const difference = centre - (q - zeroPoint) * scale;
    sum += count * difference * difference;
  }
  return sum;
}

/** Levels on one side of zero: half of an 8-bit type. */
const LEVELS_PER_SIDE = 128;
/** Stands in for empty bins, which would make the divergence infinite. */
const SMOOTHING = 1e-4;

/**
 * The range whose quantised distribution diverges least from the observed one (Kullback–Leibler; Migacz, "8-bit inference with
 * TensorRT", GTC 2017). One-sided tensors are searched over [0, T] with all levels on that side, others over [−T, T]; the answer is
 * cut to what was observed.
 */
export function leastDivergenceRange(histogram: ActivationHistogram): Range {
  const { min, max } = histogram.range;
  if (min >= 0) return { min: 0, max: oneSidedThreshold(histogram.counts, max, 2 * LEVELS_PER_SIDE) };
  if (max <= 0) return { min: -oneSidedThreshold(histogram.counts.toReversed(), -min, 2 * LEVELS_PER_SIDE), max: 0 };
  const extreme = Math.max(-min, max);
  const threshold = oneSidedThreshold(magnitudes(histogram, extreme), extreme, LEVELS_PER_SIDE);
  return { min: Math.max(min, -threshold), max: Math.min(max, threshold) };
}

/** The histogram folded at zero: both signs share the threshold, so their divergences add up bin by bin. */
function magnitudes(histogram: ActivationHistogram, extreme: number): Float64Array {
  const bins = histogram.counts.length;
  const folded = new Float64Array(bins);
  for (let bin = 0; bin < bins; bin += 1) {
    const target = Math.min(bins - 1, Math.floor((Math.abs(histogram.centre(bin)) / extreme) * bins));
    folded[target] = (folded[target] ?? 0) + (histogram.counts[bin] ?? 0);
  }
  return folded;
}

/** Threshold T for a histogram over [0, extreme], quantised to `levels` steps. */
function oneSidedThreshold(counts: Float64Array, extreme: number, levels: number): number {
  const bins = counts.length;
  let outliers = counts.reduce((sum, count) => sum + count, 0);
  if (outliers === 0 || bins <= levels) return extreme;
  for (let bin = 0; bin < levels - 1; bin += 1) outliers -= counts[bin] ?? 0;
  let [best, least] = [bins, Infinity];
  for (let length = levels; length <= bins; length += 1) {
    outliers -= counts[length - 1] ?? 0;
    const divergence = divergenceOf(counts, length, levels, outliers);
    if (divergence < least) [best, least] = [length, divergence];
  }
  return (extreme * best) / bins;
}

/**
 * KL(p‖q): p is the first `length` bins with the outliers in the last, q the same bins without them averaged over `levels` groups. In
 * both, empty bins get a little of the others' mass.
 */
function divergenceOf(counts: Float64Array, length: number, levels: number, outliers: number): number {
  const p = counts.slice(0, length);
  p[length - 1] = (p[length - 1] ?? 0) + outliers;
  const q = spreadOverGroups(counts, length, levels);
  const pTotal = smooth(p);
  const qTotal = smooth(q);
  if (pTotal === 0 || qTotal === 0) return Infinity;
  let divergence = 0;
  for (let bin = 0; bin < length; bin += 1) {
    const share = (p[bin] as number) / pTotal;
    divergence += share * Math.log(share / ((q[bin] as number) / qTotal));
  }
  return divergence;
}

/** Gives each empty bin `SMOOTHING`, taken evenly from the filled ones; returns the sum, which stays what it was. */
function smooth(counts: Float64Array): number {
  let [sum, filled] = [0, 0];
  for (const count of counts) {
    sum += count;
    if (count > 0) filled += 1;
  }
  if (filled === 0) return 0;
  const taken = Math.min(0.5, (SMOOTHING * (counts.length - filled)) / filled);
  for (let bin = 0; bin < counts.length; bin += 1) counts[bin] = (counts[bin] as number) > 0 ? (counts[bin] as number) - taken : SMOOTHING;
  return sum;
}

/** Each group's sum spread evenly over its filled bins: what is left of the shape after quantising to `levels` steps. */
function spreadOverGroups(counts: Float64Array, length: number, levels: number): Float64Array {
  const q = new Float64Array(length);
  const size = length / levels;
  for (let level = 0; level < levels; level += 1) {
    const start = Math.round(level * size);
    const end = Math.round((level + 1) * size);
    let [sum, filled] = [0, 0];
    for (let bin = start; bin < end; bin += 1) {
      sum += counts[bin] as number;
      if ((counts[bin] as number) > 0) filled += 1;
    }
    for (let bin = start; bin < end; bin += 1) q[bin] = (counts[bin] as number) > 0 ? sum / filled : 0;
  }
  return q;
}
