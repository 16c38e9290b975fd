import type { ActivationHistogram } from "./histogram.ts";
import type { Range } from "./number-formats.ts";

/** Share of the newest sample in the moving average of minima and maxima. */
const MOVING_SHARE = 0.01;

/** What the samples told of one tensor, gathered sample by sample; its size does not depend on their number. */
export class TensorStatistics {
  min = Infinity;
  max = -Infinity;
  /** Samples counted, and samples left out because their minimum or maximum is not finite. */
  samples = 0;
  notFinite = 0;
  #minSum = 0;
  #maxSum = 0;
  #movingMin = 0;
  #movingMax = 0;
  readonly #halves: [Range, Range] = [EMPTY, EMPTY];
  histogram: ActivationHistogram | null = null;

  /** `half` says whether the sample belongs to the first or second half of all samples. */
  add(min: number, max: number, half: 0 | 1): void {
    if (!Number.isFinite(min) || !Number.isFinite(max)) {
      this.notFinite += 1;
      return;
    }
    this.#movingMin = this.samples === 0 ? min : this.#movingMin + MOVING_SHARE * (min - this.#movingMin);
    this.#movingMax = this.samples === 0 ? max : this.#movingMax + MOVING_SHARE * (max - this.#movingMax);
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
    this.#minSum += min;
    this.#maxSum += max;
    this.samples += 1;
    this.#halves[half] = { min: Math.min(this.#halves[half].min, min), max: Math.max(this.#halves[half].max, max) };
  }

  get observed(): Range {
    return { min: this.min, max: this.max };
  }

  get mean(): Range {
    return { min: this.#minSum / this.samples, max: this.#maxSum / this.samples };
  }

  get movingAverage(): Range {
    return { min: this.#movingMin, max: this.#movingMax };
  }

  /** Width of the range over the second half of the samples as a multiple of that over the first; null with fewer than two samples. */
  get drift(): number | null {
    const [first, second] = this.#halves.map(widthWithZero);
    return first === undefined || second === undefined || first <= 0 || second <= 0 ? null : second / first;
  }
}

const EMPTY: Range = { min: Infinity, max: -Infinity };

function widthWithZero({ min, max }: Range): number {
  return min > max ? 0 : Math.max(max, 0) - Math.min(min, 0);
}
