import fc from "fast-check";
import { expect, test } from "vitest";
import { LatencyHistogram } from "@flotilla/protocol";
import { PointSum } from "./latency-points.ts";

const latency = fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.double({ min: 0, max: 100_000, noNaN: true }));
const samples = fc.array(latency, { maxLength: 200 });

function packed(histograms: readonly LatencyHistogram[]): Uint8Array {
  return Uint8Array.from(histograms.flatMap((h) => {
    const bytes = h.encode();
    return [0, 0, bytes.length >> 8, bytes.length & 0xff, ...bytes];
  }));
}

function histogramOf(list: readonly number[], times: number): LatencyHistogram {
  const h = new LatencyHistogram();
  for (const ms of list) h.add(ms);
  const scaled = new LatencyHistogram();
  scaled.addSparse(h.toSparse().map((n, i) => (i % 2 === 0 ? n : n * times)), { sumMs: h.sumMs * times, minMs: h.count > 0 ? h.minMs : null, maxMs: h.count > 0 ? h.maxMs : null });
  return scaled;
}

const exactOf = (h: LatencyHistogram): { sumMs: number; minMs: number | null; maxMs: number | null; errors: number } =>
  ({ sumMs: h.sumMs, minMs: h.count > 0 ? h.minMs : null, maxMs: h.count > 0 ? h.maxMs : null, errors: 0 });

test("sums of packed histograms answer exactly what merged histograms answer", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(samples, fc.constantFrom(1, 100, 3_000_000)), { maxLength: 6 }), fc.integer({ min: 0, max: 6 }), (lists, cut) => {
      const histograms = lists.map(([list, times]) => histogramOf(list, times));
      const merged = new LatencyHistogram();
      for (const h of histograms) merged.addEncoded(h.encode(), exactOf(h));
      const halves = [histograms.slice(0, cut), histograms.slice(cut)].map((part) => {
        const sum = new PointSum();
        sum.addPacked(packed(part));
        for (const h of part) sum.addExact(exactOf(h));
        return sum;
      });
      const total = new PointSum();
      for (const half of halves) total.add(half);
      const quantiles = [0, 0.5, 0.9, 0.95, 0.99, 1];
      expect(total.quantiles(quantiles)).toEqual(quantiles.map((q) => merged.quantile(q)));
      expect(total.toSparse()).toEqual(merged.toSparse());
      expect(total.count).toBe(merged.count);
    }),
    { numRuns: 300 },
  );
});

test("bytes that are not of the form are refused, wherever they are cut", () => {
  const whole = packed([histogramOf([1, 2, 3, 400, 50_000], 1_000)]);
  for (let cut = 1; cut < whole.length; cut += 1) expect(() => new PointSum().addPacked(whole.subarray(0, cut)), `cut at ${cut}`).toThrow(/cut/);
  expect(() => new PointSum().addPacked(Uint8Array.of(0, 0, 0, 1, 5)), "a slot without a count").toThrow(/cut/);
  expect(() => new PointSum().addPacked(Uint8Array.of(0, 0, 0, 3, 0xff, 0x7f, 1)), "a slot outside the layout").toThrow(/layout/);
});
