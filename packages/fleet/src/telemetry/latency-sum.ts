import { LONGEST_ENCODED_BYTES, LatencyHistogram, addSparsePairs, addSparseToEncoded, decodeSparse, encodeSparse, type TelemetryWindow } from "@flotilla/protocol";

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

/** A row that is kept in memory: buckets as text with a character for each byte, which costs the collector of garbage nothing but its bytes. */
export type RememberedSum = {
  readonly count: number; readonly errors: number; readonly lateWindows: number; readonly sumMs: number; readonly minMs: number | null; readonly maxMs: number | null; readonly bucketBytes: string;
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

  remembered(): RememberedSum {
    return this.plus(NOTHING);
  }

  /** This sum and a remembered one; the sum stays as it is. */
  plus(row: RememberedSum): RememberedSum {
    const size = addSparseToEncoded(summed, stored, stored.write(row.bucketBytes, "latin1"), this.#pairs);
    return {
      count: row.count + this.#count, errors: row.errors + this.#errors, lateWindows: row.lateWindows + this.#lateWindows, sumMs: row.sumMs + this.#sumMs,
      minMs: least(row.minMs, this.#minMs), maxMs: greatest(row.maxMs, this.#maxMs), bucketBytes: summed.toString("latin1", 0, size),
    };
  }

  #add(pairs: readonly number[], sumMs: number, minMs: number | null, maxMs: number | null): void {
    this.#pairs = this.#pairs.length === 0 ? pairs : addSparsePairs(this.#pairs, pairs);
    for (let i = 1; i < pairs.length; i += 2) this.#count += pairs[i] ?? 0;
    this.#sumMs += sumMs;
    this.#minMs = least(this.#minMs, minMs);
    this.#maxMs = greatest(this.#maxMs, maxMs);
  }
}

const NOTHING: RememberedSum = { count: 0, errors: 0, lateWindows: 0, sumMs: 0, minMs: null, maxMs: null, bucketBytes: "" };
/** What is being added to, and what comes of it. */
const [stored, summed] = [Buffer.alloc(LONGEST_ENCODED_BYTES), Buffer.alloc(LONGEST_ENCODED_BYTES)];

function least(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b < a) ? b : a;
}

function greatest(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b > a) ? b : a;
}
