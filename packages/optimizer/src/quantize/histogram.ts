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

  /** Counts the values of one sample. What lies outside the range counts in the outermost bins. */
  add(values: Float32Array): void {
    const { counts, range } = this;
    const last = counts.length - 1;
    const width = this.binWidth;
    const toBin = width > 0 ? 1 / width : 0;
    const { min } = range;
    let zeros = 0;
    let skipped = 0;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] as number;
      if (value === 0) {
        zeros += 1;
        continue;
      }
      const position = (value - min) * toBin;
      if (position - position !== 0) {
        skipped += 1; // NaN or infinite
        continue;
      }
      const bin = position < 0 ? 0 : position > last ? last : Math.trunc(position);
      counts[bin] = (counts[bin] as number) + 1;
    }
    this.zeros += zeros;
    this.total += values.length - skipped;
  }
}
