import { LatencyHistogram, type TelemetryWindow } from "@flotilla/protocol";

/** What a roll-up row holds: merging is adding, in any order. */
export class LatencySum {
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

/** The value columns of every roll-up table. */
export type LatencySumRow = {
  count: bigint; errors: bigint; sum_ms: number; min_ms: number | null; max_ms: number | null; late_windows: number; buckets: Uint8Array;
};
