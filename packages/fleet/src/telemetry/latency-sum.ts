import { LatencyHistogram, addSparsePairs, decodeSparse, encodeSparse, type TelemetryWindow } from "@flotilla/protocol";

/** What a roll-up row holds: merging is adding, in any order. */
export interface LatencySum {
  addWindow(window: TelemetryWindow, isLate: boolean): void;
  addRow(row: LatencySumRow): void;
  toRow(): LatencySumRow;
}

/** The value columns of every roll-up table. */
export type LatencySumRow = {
  count: bigint; errors: bigint; sum_ms: number; min_ms: number | null; max_ms: number | null; late_windows: number; buckets: Uint8Array;
};

/** For rows that many windows fall into: a count for each slot. */
export class DenseSum implements LatencySum {
  readonly histogram = new LatencyHistogram();
  errors = 0;
  lateWindows = 0;

  addWindow(window: TelemetryWindow, isLate: boolean): void {
    this.histogram.addSparse(window.buckets, window);
    this.errors += window.errors;
    if (isLate) this.lateWindows += 1;
  }

  addRow(row: LatencySumRow): void {
    this.histogram.addEncoded(row.buckets, { sumMs: row.sum_ms, minMs: row.min_ms, maxMs: row.max_ms });
    this.errors += Number(row.errors);
    this.lateWindows += row.late_windows;
  }

  toRow(): LatencySumRow {
    const { count, sumMs, minMs, maxMs } = this.histogram;
    return {
      count: BigInt(count),
      errors: BigInt(this.errors),
      sum_ms: sumMs,
      min_ms: Number.isFinite(minMs) ? minMs : null,
      max_ms: Number.isFinite(maxMs) ? maxMs : null,
      late_windows: this.lateWindows,
      buckets: this.histogram.encode(),
    };
  }
}

/** For rows that one or a few windows fall into, as those of single devices: only the slots there are (a tenth of the work). */
export class SparseSum implements LatencySum {
  #pairs: readonly number[] = [];
  #count = 0;
  #errors = 0;
  #sumMs = 0;
  #minMs: number | null = null;
  #maxMs: number | null = null;
  #lateWindows = 0;

  addWindow(window: TelemetryWindow, isLate: boolean): void {
    this.#add(window.buckets, window.sumMs, window.minMs, window.maxMs);
    this.#errors += window.errors;
    if (isLate) this.#lateWindows += 1;
  }

  addRow(row: LatencySumRow): void {
    this.#add(decodeSparse(row.buckets), row.sum_ms, row.min_ms, row.max_ms);
    this.#errors += Number(row.errors);
    this.#lateWindows += row.late_windows;
  }

  toRow(): LatencySumRow {
    return {
      count: BigInt(this.#count), errors: BigInt(this.#errors), sum_ms: this.#sumMs, min_ms: this.#minMs, max_ms: this.#maxMs,
      late_windows: this.#lateWindows, buckets: encodeSparse(this.#pairs),
    };
  }

  /** This sum and a row, as a row; the sum stays as it is. */
  plus(row: LatencySumRow): LatencySumRow {
    const sum = new SparseSum();
    sum.addRow(row);
    sum.#add(this.#pairs, this.#sumMs, this.#minMs, this.#maxMs);
    sum.#errors += this.#errors;
    sum.#lateWindows += this.#lateWindows;
    return sum.toRow();
  }

  #add(pairs: readonly number[], sumMs: number, minMs: number | null, maxMs: number | null): void {
    this.#pairs = this.#pairs.length === 0 ? pairs : addSparsePairs(this.#pairs, pairs);
    for (let i = 1; i < pairs.length; i += 2) this.#count += pairs[i] ?? 0;
    this.#sumMs += sumMs;
    if (minMs !== null && (this.#minMs === null || minMs < this.#minMs)) this.#minMs = minMs;
    if (maxMs !== null && (this.#maxMs === null || maxMs > this.#maxMs)) this.#maxMs = maxMs;
  }
}
