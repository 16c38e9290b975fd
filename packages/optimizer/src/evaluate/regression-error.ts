export type RegressionError = {
  readonly n: number;
  readonly before: { readonly meanSquared: number; readonly meanAbsolute: number };
  readonly after: { readonly meanSquared: number; readonly meanAbsolute: number };
  /**
   * Mean absolute error, after minus before, with a 95 % interval from the spread of the paired differences (normal approximation; the
   * bounds are null below 30 examples, where it does not hold).
   */
  readonly difference: { readonly meanAbsolute: number; readonly low: number | null; readonly high: number | null };
};

/** Two-sided 95 % point of the normal distribution. */
const Z = 1.959_963_984_540_054;
const EXAMPLES_MIN = 30;

/** Collects the errors of two models that predict one number. Means and spread by Welford's method, so nothing is kept. */
export class RegressionCounter {
  #n = 0;
  #squared = [0, 0];
  #absolute = [0, 0];
  #mean = 0;
  #deviations = 0;

  add(target: number, before: number, after: number): void {
    this.#n += 1;
    const errors = [before - target, after - target];
    this.#squared = this.#squared.map((sum, side) => sum + (errors[side] ?? 0) ** 2);
    this.#absolute = this.#absolute.map((sum, side) => sum + Math.abs(errors[side] ?? 0));
    const difference = Math.abs(after - target) - Math.abs(before - target);
    const step = difference - this.#mean;
    this.#mean += step / this.#n;
    this.#deviations += step * (difference - this.#mean);
  }

  /** Null when nothing was added. */
  result(): RegressionError | null {
    const n = this.#n;
    if (n === 0) return null;
    const side = (at: number) => ({ meanSquared: (this.#squared[at] ?? 0) / n, meanAbsolute: (this.#absolute[at] ?? 0) / n });
    const spread = n < EXAMPLES_MIN ? null : Z * Math.sqrt(this.#deviations / (n - 1) / n);
    const bound = (sign: number) => (spread === null ? null : this.#mean + sign * spread);
    return { n, before: side(0), after: side(1), difference: { meanAbsolute: this.#mean, low: bound(-1), high: bound(1) } };
  }
}
