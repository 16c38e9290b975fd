import type { TelemetryBatch, TelemetryWindow } from "@flotilla/protocol";

/** What to do with a batch that stands at `watermark` (the last sequence number stored or declared lost; 0 at first). */
export type LedgerStep =
  /** Store these windows, count the losses, move the watermark. */
  | { kind: "stored"; watermark: number; windows: readonly TelemetryWindow[]; droppedWindows: number }
  /** All of it is in the ledger already (an answer was lost). */
  | { kind: "duplicate"; watermark: number }
  /** Something in front of it is missing: the answer tells the device from where to send. */
  | { kind: "gap"; watermark: number };

/**
 * Decides over a batch so that, whatever is repeated, reordered or lost on the way, every sequence number enters the
 * ledger exactly once: produced = stored + declared dropped. Of a batch that overlaps what is stored, the rest is taken.
 */
export function stepLedger(watermark: number, batch: TelemetryBatch): LedgerStep {
  if (batch.last <= watermark) return { kind: "duplicate", watermark };
  if (batch.first > watermark + 1) return { kind: "gap", watermark };
  const windows = batch.first === watermark + 1 ? batch.windows : batch.windows.filter((window) => window.seq > watermark);
  // The batch tiles [first, last] (checked at the border), so what is not a window is a declared loss.
  return { kind: "stored", watermark: batch.last, windows, droppedWindows: batch.last - watermark - windows.length };
}
