import type { Tensor } from "@flotilla/runtime";

/** Rows of one example that count, spread over its places. */
const ROWS_PER_EXAMPLE = 64;

/** Means of the channels of a value at places of examples and, where they are asked for, how channels go together. */
export class ChannelMoments {
  readonly #channels: number;
  readonly #sums: Float64Array;
  /** Σ x·xᵀ. */
  readonly #products: Float64Array | null;
  #rows = 0;

  constructor(channels: number, kind: "means" | "covariances") {
    this.#channels = channels;
    this.#sums = new Float64Array(channels);
    this.#products = kind === "means" ? null : new Float64Array(channels ** 2);
  }

  /** Takes rows of a float32 value [N, C, …] in; any other value is left out. */
  add(value: Tensor): void {
    const { data, shape } = value;
    const [batch = 0, channels] = shape;
    if (!(data instanceof Float32Array) || channels !== this.#channels || data.length === 0) return;
    const places = data.length / (batch * channels);
    const rows = batch * places;
    const taken = Math.min(rows, ROWS_PER_EXAMPLE);
    const row = new Float64Array(channels);
    for (let count = 0; count < taken; count += 1) {
      const at = Math.floor((count * rows) / taken);
      const first = Math.floor(at / places) * channels * places + (at % places);
      for (let channel = 0; channel < channels; channel += 1) row[channel] = data[first + channel * places] ?? 0;
      this.#addRow(row);
    }
  }

  #addRow(row: Float64Array): void {
    this.#rows += 1;
    for (const [i, x] of row.entries()) {
      this.#sums[i] = (this.#sums[i] ?? 0) + x;
      if (this.#products === null || x === 0) continue;
      for (let j = 0; j < row.length; j += 1) this.#products[i * row.length + j] = (this.#products[i * row.length + j] ?? 0) + x * (row[j] ?? 0);
    }
  }

  get rows(): number {
    return this.#rows;
  }

  get hasCovariances(): boolean {
    return this.#products !== null;
  }

  get isFinite(): boolean {
    return this.#sums.every(Number.isFinite) && (this.#products?.every(Number.isFinite) ?? true);
  }

  mean(channel: number): number {
    return (this.#sums[channel] ?? 0) / this.#rows;
  }

  covariance(a: number, b: number): number {
    return (this.#products?.[a * this.#channels + b] ?? Number.NaN) / this.#rows - this.mean(a) * this.mean(b);
  }

  /** Mean square of x[channel] − Σ factors[k] · x[kept[k]] − offset. */
  squaredError(channel: number, kept: readonly number[], factors: ArrayLike<number>, offset: number): number {
    const [places, weights] = [[channel, ...kept], [1, ...Array.from(kept, (_, k) => -(factors[k] ?? 0))]];
    const bias = places.reduce((sum, place, i) => sum + (weights[i] ?? 0) * this.mean(place), -offset);
    let variance = 0;
    for (const [i, place] of places.entries()) for (const [j, other] of places.entries()) variance += (weights[i] ?? 0) * (weights[j] ?? 0) * this.covariance(place, other);
    return variance + bias * bias;
  }
}
