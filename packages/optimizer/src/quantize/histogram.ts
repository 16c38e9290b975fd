import type { Range } from "./number-formats.ts";

/**
 * How often the values of one tensor fall where, over all samples: `bins` equal bins from `min` to `max`. Exact zeros are counted
 * apart: after a Relu they are half of all values, they are always represented exactly, and in a bin they would hide the rest.
 * Memory: 8 bytes a bin, whatever the number and size of the samples.
 */
export class ActivationHistogram {
  readonly range: Range;
  readonly counts: Float64Array;
  zeros = 0;
  /** Values counted, zeros included; NaN and infinities are not. */
  total = 0;

  constructor(range: Range, bins: number) {
    this.range = range;
    this.counts = new Float64Array(bins);
  }

  get binWidth(): number {
    return (this.range.max - this.range.min) / this.counts.length;
  }

  /** Centre of a bin. */
  centre(bin: number): number {
    return this.range.min + (bin + 0.5) * this.binWidth;
  }

  /**
   * Counts the values of one sample, of large tensors an even choice of about `VALUES_PER_SAMPLE`. What lies outside the range counts in
   * the outermost bins.
   */
  add(values: Float32Array): void {
    const { counts, range } = this;
    const stride = strideFor(values.length);
    const last = counts.length - 1;
    const width = this.binWidth;
    const toBin = width > 0 ? 1 / width : 0;
    const { min } = range;
    let zeros = 0;
    let seen = 0;
    for (let index = 0; index < values.length; index += stride) {
      const value = values[index] as number;
      if (value === 0) {
        zeros += 1;
        continue;
      }
      const position = (value - min) * toBin;
      if (position - position !== 0) continue; // NaN or infinite
      seen += 1;
      const bin = position < 0 ? 0 : position > last ? last : Math.trunc(position);
      counts[bin] = (counts[bin] as number) + 1;
    }
    this.zeros += zeros;
    this.total += zeros + seen;
  }
}

const VALUES_PER_SAMPLE = 32_768;

/** In what steps a tensor of so many values is counted. Steps through a large one so that rows, columns and channels all take part: prime, and no common image width divides it. */
export function strideFor(count: number): number {
  const least = Math.ceil(count / VALUES_PER_SAMPLE);
  return STRIDES.find((stride) => stride >= least) ?? least;
}

const STRIDES = [1, 3, 5, 11, 23, 47, 97, 197, 397];
