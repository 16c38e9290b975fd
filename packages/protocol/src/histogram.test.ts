import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HISTOGRAM_ALPHA, HISTOGRAM_SLOTS, LONGEST_ENCODED_BYTES, LatencyHistogram, addSparsePairs, addSparseToEncoded, decodeSparse, encodeSparse, slotOf, slotUpperMs, slotValueMs, sparseBucketsSchema } from "./histogram.ts";

const latency = fc.double({ min: 0.0101, max: 60_000, noNaN: true });

function histogramOf(samples: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of samples) histogram.add(ms);
  return histogram;
}

/** The exact quantile by the nearest rank that `quantile` approximates. */
function exactQuantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
}

describe("layout", () => {
  test("covers 0.01 ms to 60 s with neither end clamped into its neighbour", () => {
    expect(slotOf(0.01)).toBe(1);
    expect(slotOf(60_000)).toBe(HISTOGRAM_SLOTS - 1);
    expect(slotOf(0.001)).toBe(0);
    expect(slotOf(Number.NaN)).toBe(0);
    expect(slotOf(-1)).toBe(0);
    expect(slotOf(1e9)).toBe(HISTOGRAM_SLOTS - 1);
  });

  test("a slot's value is within alpha of every latency in it, and edges rise", () => {
    fc.assert(
      fc.property(latency, (ms) => {
        const slot = slotOf(ms);
        expect(Math.abs(slotValueMs(slot) - ms) / ms).toBeLessThanOrEqual(HISTOGRAM_ALPHA + 1e-9);
        expect(ms).toBeLessThanOrEqual(slotUpperMs(slot) * (1 + 1e-9));
        if (slot > 1) expect(ms).toBeGreaterThan(slotUpperMs(slot - 1) * (1 - 1e-9));
      }),
    );
  });
});

describe("quantiles", () => {
  test("are within alpha of the exact sample at any quantile", () => {
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), (samples, q) => {
        const exact = exactQuantile(samples, q);
        const read = histogramOf(samples).quantile(q) ?? Number.NaN;
        expect(Math.abs(read - exact) / exact).toBeLessThanOrEqual(HISTOGRAM_ALPHA + 1e-9);
      }),
    );
  });

  test("without samples there is no quantile and no mean, rather than 0", () => {
    expect(new LatencyHistogram().quantile(0.5)).toBeNull();
    expect(new LatencyHistogram().meanMs).toBeNull();
  });
});

describe("merging and encoding", () => {
  test("merged in any order and by either form, the result is that of all samples together", () => {
    fc.assert(
      fc.property(fc.array(fc.array(latency, { maxLength: 50 }), { maxLength: 8 }), fc.boolean(), (parts, encoded) => {
        const whole = histogramOf(parts.flat());
        const merged = new LatencyHistogram();
        for (const part of parts.toReversed()) {
          const h = histogramOf(part);
          const exact = { sumMs: h.sumMs, minMs: h.count ? h.minMs : null, maxMs: h.count ? h.maxMs : null };
          if (encoded) merged.addEncoded(h.encode(), exact);
          else merged.addSparse(h.toSparse(), exact);
        }
        expect(merged.toSparse()).toEqual(whole.toSparse());
        expect(merged.count).toBe(whole.count);
        expect(merged.maxMs).toBe(whole.maxMs);
        expect(merged.sumMs).toBeCloseTo(whole.sumMs, 3);
      }),
    );
  });

  test("the sparse forms add, encode and decode to the same as the histograms", () => {
    fc.assert(
      fc.property(fc.array(latency, { maxLength: 50 }), fc.array(latency, { maxLength: 50 }), (a, b) => {
        const whole = histogramOf([...a, ...b]);
        const sum = addSparsePairs(histogramOf(a).toSparse(), histogramOf(b).toSparse());
        expect(sum).toEqual(whole.toSparse());
        expect(encodeSparse(sum)).toEqual(whole.encode());
        expect(decodeSparse(whole.encode())).toEqual(sum);
        const [into, encoded] = [new Uint8Array(LONGEST_ENCODED_BYTES), histogramOf(a).encode()];
        // What stands behind the histogram in a larger buffer is not read.
        const size = addSparseToEncoded(into, Uint8Array.of(...encoded, 1, 1), encoded.length, histogramOf(b).toSparse());
        expect(into.subarray(0, size)).toEqual(whole.encode());
      }),
    );
  });

  test("bytes that are cut or lead outside the layout are not added to", () => {
    const into = new Uint8Array(LONGEST_ENCODED_BYTES);
    expect(() => addSparseToEncoded(into, Uint8Array.of(3), 1, [])).toThrow(RangeError);
    expect(() => addSparseToEncoded(into, Uint8Array.of(0x89, 0x03, 1), 3, [])).toThrow(RangeError);
  });

  test("counts beyond 32 bits survive encoding", () => {
    const h = new LatencyHistogram();
    h.addSparse([7, 5_000_000_000], { sumMs: 1, minMs: 1, maxMs: 1 });
    const back = new LatencyHistogram();
    back.addEncoded(h.encode(), { sumMs: 1, minMs: 1, maxMs: 1 });
    expect(back.count).toBe(5_000_000_000);
  });

  test("damaged bytes are refused, never read past the layout or for ever", () => {
    const none = { sumMs: 0, minMs: null, maxMs: null };
    expect(() => new LatencyHistogram().addEncoded(Uint8Array.of(0x80), none)).toThrow(RangeError);
    expect(() => new LatencyHistogram().addEncoded(Uint8Array.of(0xff, 0x7f, 1), none)).toThrow(RangeError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new LatencyHistogram().addEncoded(bytes, none);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  test("the wire form refuses unsorted, doubled, empty and foreign slots", () => {
    for (const bad of [[1], [2, 1, 1, 1], [1, 1, 1, 1], [1, 0], [HISTOGRAM_SLOTS, 1], [1.5, 1]]) {
      expect(sparseBucketsSchema.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
    }
    expect(sparseBucketsSchema.safeParse([0, 1, 392, 2]).success).toBe(true);
  });
});
