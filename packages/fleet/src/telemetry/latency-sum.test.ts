import fc from "fast-check";
import { expect, test } from "vitest";
import { LatencyHistogram, type TelemetryWindow } from "@flotilla/protocol";
import { DenseSum, SparseSum, type LatencySumRow, type RememberedSum } from "./latency-sum.ts";

const window = fc.record({ latencies: fc.array(fc.double({ min: 0.02, max: 50_000, noNaN: true }), { maxLength: 30 }), errors: fc.nat(5), isLate: fc.boolean() }).map(({ latencies, errors, isLate }) => {
  const h = new LatencyHistogram();
  for (const ms of latencies) h.add(ms);
  const exact = { count: h.count, errors, sumMs: h.sumMs, minMs: h.count > 0 ? h.minMs : null, maxMs: h.count > 0 ? h.maxMs : null, buckets: h.toSparse() };
  return { isLate, window: { seq: 1, buildId: "b", versionId: "v", mode: "field", wallMs: 0, ageMs: 0, ...exact } satisfies TelemetryWindow };
});

function rowOf({ count, errors, lateWindows, sumMs, minMs, maxMs, bucketBytes }: RememberedSum): LatencySumRow {
  return { count: BigInt(count), errors: BigInt(errors), sum_ms: sumMs, min_ms: minMs, max_ms: maxMs, late_windows: lateWindows, buckets: Uint8Array.from(Buffer.from(bucketBytes, "latin1")) };
}

test("a device's row holds the same whether it was summed slot by slot or sparsely, in one go or on top of what was stored", () => {
  fc.assert(
    fc.property(fc.array(window, { maxLength: 6 }), fc.array(window, { maxLength: 6 }), (before, after) => {
      const [dense, sparse, stored, fresh] = [new DenseSum(), new SparseSum(), new SparseSum(), new SparseSum()];
      for (const { window: w, isLate } of [...before, ...after]) {
        dense.addWindow(w, isLate);
        sparse.addWindow(w, isLate);
      }
      for (const { window: w, isLate } of before) stored.addWindow(w, isLate);
      for (const { window: w, isLate } of after) fresh.addWindow(w, isLate);
      const expected = { ...dense.toRow(), sum_ms: expect.closeTo(dense.toRow().sum_ms, 3) as unknown };
      expect(sparse.toRow()).toEqual(expected);
      expect(rowOf(fresh.plus(stored.remembered()))).toEqual(expected);
      expect(rowOf(sparse.remembered())).toEqual(expected);
      const alone = fresh.toRow();
      fresh.plus(stored.remembered());
      expect(fresh.toRow()).toEqual(alone);
    }),
  );
});
