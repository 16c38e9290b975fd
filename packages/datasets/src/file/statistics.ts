import type { DatasetStatistics, Example } from "../types.ts";

/** Examples that decide; more change the third digit only. */
export const STATISTICS_EXAMPLES = 5_000;

/** Collects minimum, maximum, mean and deviation per lane: colour channel, feature of a table, or all numbers as one. */
export class StatisticsCollector {
  readonly #lanes: number;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  readonly #mean: Float64Array;
  /** Sum of squared distances from the mean (Chan, Golub, LeVeque 1983: parts are merged, so that large offsets cost no digits). */
  readonly #squares: Float64Array;
  #numbersPerLane = 0;
  #examples = 0;

  constructor(lanes: number) {
    this.#lanes = lanes;
    this.#min = new Float64Array(lanes).fill(Number.POSITIVE_INFINITY);
    this.#max = new Float64Array(lanes).fill(Number.NEGATIVE_INFINITY);
    this.#mean = new Float64Array(lanes);
    this.#squares = new Float64Array(lanes);
  }

  add(example: Example): void {
    const values = example.kind === "image" ? example.pixels : example.values;
    const count = values.length / this.#lanes;
    const before = this.#numbersPerLane;
    this.#numbersPerLane += count;
    this.#examples += 1;
    for (let lane = 0; lane < this.#lanes; lane += 1) this.#addLane(values, lane, count, before);
  }

  #addLane(values: Float32Array | Uint8Array, lane: number, count: number, before: number): void {
    let sum = 0;
    let min = this.#min[lane] ?? 0;
    let max = this.#max[lane] ?? 0;
    for (let at = lane; at < values.length; at += this.#lanes) {
      const value = values[at] ?? 0;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const mean = sum / count;
    let squares = 0;
    for (let at = lane; at < values.length; at += this.#lanes) squares += ((values[at] ?? 0) - mean) ** 2;
    const distance = mean - (this.#mean[lane] ?? 0);
    const all = before + count;
    this.#mean[lane] = (this.#mean[lane] ?? 0) + (distance * count) / all;
    this.#squares[lane] = (this.#squares[lane] ?? 0) + squares + (distance * distance * before * count) / all;
    this.#min[lane] = min;
    this.#max[lane] = max;
  }

  /** Null without examples. */
  result(): DatasetStatistics | null {
    if (this.#examples === 0) return null;
    const std = [...this.#squares].map((squares) => Math.sqrt(squares / this.#numbersPerLane));
    return { examples: this.#examples, min: [...this.#min], max: [...this.#max], mean: [...this.#mean], std };
  }
}
