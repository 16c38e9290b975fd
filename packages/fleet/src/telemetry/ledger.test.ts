import fc from "fast-check";
import { expect, test } from "vitest";
import type { TelemetryBatch, TelemetryWindow } from "@flotilla/protocol";
import { stepLedger } from "./ledger.ts";

const windowOf = (seq: number): TelemetryWindow => ({ seq, buildId: "b", versionId: "v", mode: "field", wallMs: 0, ageMs: 0, count: 1, errors: 0, sumMs: 1, minMs: 1, maxMs: 1, buckets: [1, 1] });

/** A batch of what the device produced from `first` to `last`; sequence numbers in `lost` are declared dropped. */
function batchOf(first: number, last: number, lost: ReadonlySet<number> = new Set()): TelemetryBatch {
  const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const dropped = numbers.filter((n) => lost.has(n)).map((n): [number, number] => [n, n]);
  return { epoch: "0123456789abcdef", first, last, windows: numbers.filter((n) => !lost.has(n)).map(windowOf), dropped };
}

test("a batch moves the ledger once: repeated it is a duplicate, ahead of it a gap", () => {
  expect(stepLedger(0, batchOf(1, 3))).toMatchObject({ kind: "stored", watermark: 3, droppedWindows: 0 });
  expect(stepLedger(3, batchOf(1, 3))).toEqual({ kind: "duplicate", watermark: 3 });
  expect(stepLedger(3, batchOf(5, 6))).toEqual({ kind: "gap", watermark: 3 });
  expect(stepLedger(0, batchOf(2, 2))).toEqual({ kind: "gap", watermark: 0 });
});

test("of a batch that begins in what is stored, only the rest is taken, losses included", () => {
  const step = stepLedger(3, batchOf(2, 7, new Set([3, 4, 6])));
  expect(step).toMatchObject({ kind: "stored", watermark: 7, droppedWindows: 2 });
  expect(step.kind === "stored" && step.windows.map((window) => window.seq)).toEqual([5, 7]);
});

test("whatever is repeated, reordered or lost on the way: produced = stored + declared dropped, each number once", () => {
  const batches = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 12 })), { maxLength: 60 });
  fc.assert(
    fc.property(batches, fc.uniqueArray(fc.integer({ min: 1, max: 52 })), (sent, lostList) => {
      const lost = new Set(lostList);
      let watermark = 0;
      let dropped = 0;
      const stored: number[] = [];
      for (const [first, more] of sent) {
        const step = stepLedger(watermark, batchOf(first, first + more, lost));
        expect(step.watermark).toBeGreaterThanOrEqual(watermark);
        watermark = step.watermark;
        if (step.kind !== "stored") continue;
        stored.push(...step.windows.map((window) => window.seq));
        dropped += step.droppedWindows;
      }
      const produced = Array.from({ length: watermark }, (_, index) => index + 1);
      expect(stored).toEqual(produced.filter((n) => !lost.has(n)));
      expect(dropped).toBe(produced.filter((n) => lost.has(n)).length);
    }),
  );
});
