import { describe, expect, test } from "vitest";
import type { LatencyPoint, LatencySeries } from "@flotilla/fleet";
import { comparison, emptyText, percentiles, percentileStyle, ranked, seriesLabel, seriesStyle, silentFrom, valueOf } from "./series-view.ts";
import { relativeRangeKeys, relativeRanges, resolveRange, stepFor, stepped, zoomed } from "./time-range.ts";

const now = Date.parse("2026-11-24T12:00:00Z");
const point = (some: Partial<LatencyPoint>): LatencyPoint => ({ t: "2026-11-24T11:00:00Z", count: 100, errors: 0, p50: 10, p90: 15, p95: 20, p99: 30, max: 40, mean: 11, ...some });
const series = (key: string, count: number): LatencySeries => ({ key, label: key, mode: "field", points: [], total: point({ count }) });

describe("time ranges", () => {
  test("a zoomed range stands still, a relative one moves", () => {
    expect(resolveRange({ range: "1h", from: null, to: null }, now)).toEqual({ fromMs: now - 3_600_000, toMs: now, live: true });
    expect(resolveRange({ range: "1h", from: 5, to: 9 }, now)).toEqual({ fromMs: 5, toMs: 9, live: false });
    expect(resolveRange({ range: "1h", from: 9, to: 5 }, now).live).toBe(true);
  });
  test("no range asks for more than 240 points or for minutes that are gone", () => {
    for (const key of relativeRangeKeys) {
      const step = stepFor({ fromMs: now - relativeRanges[key].ms, toMs: now }, now);
      expect(relativeRanges[key].ms / 1000 / step).toBeLessThanOrEqual(240);
    }
    expect(stepFor({ fromMs: now - 900_000, toMs: now }, now)).toBe(60);
    expect(stepFor({ fromMs: now - 80 * 3_600_000, toMs: now - 79 * 3_600_000 }, now)).toBe(3600);
  });
  test("zooming in ends at three minutes; zooming and panning never reach the future", () => {
    expect(zoomed({ fromMs: now, toMs: now + 1000 }).toMs - zoomed({ fromMs: now, toMs: now + 1000 }).fromMs).toBeGreaterThanOrEqual(180_000);
    const hour = { fromMs: now - 3_600_000, toMs: now };
    expect(stepped(hour, "in", now)).toEqual({ fromMs: now - 2_700_000, toMs: now - 900_000 });
    for (const key of ["in", "out", "earlier", "later"] as const) expect(stepped(hour, key, now).toMs).toBeLessThanOrEqual(now);
  });
});

describe("series", () => {
  test("no sample is null even when the server sends a number beside a count of 0", () => {
    expect(valueOf(point({ count: 0, p95: 0 }), "p95")).toBeNull();
    expect(valueOf(point({}), "p95")).toBe(20);
  });
  test("simulated numbers say so on the series itself", () => {
    expect(seriesLabel({ label: "digit 7", mode: "simulated" }, false)).toBe("digit 7 (simulated)");
    expect(seriesLabel({ label: "digit 7", mode: "back_to_back" }, true)).toBe("digit 7 (back to back)");
    expect(seriesLabel({ label: "digit 7", mode: "field" }, false)).toBe("digit 7");
  });
  test("the busiest series are shown and the others counted, not dropped in silence", () => {
    const { shown, hidden } = ranked([series("a", 1), series("b", 9), series("c", 5)], 2);
    expect(shown.map((s) => s.key)).toEqual(["b", "c"]);
    expect(hidden).toBe(1);
  });
  test("lines can be told apart without colour", () => {
    const looks = percentiles.map((p) => `${percentileStyle[p].dash?.join() ?? ""}/${percentileStyle[p].width}`);
    expect(new Set(looks).size).toBe(percentiles.length);
    expect(new Set(Array.from({ length: 24 }, (_, i) => JSON.stringify(seriesStyle(i)))).size).toBe(24);
  });
  test("nothing measured and nobody to measure are two texts", () => {
    expect(emptyText({ emptyReason: "none", lastSampleAt: null })).toBeNull();
    expect(emptyText({ emptyReason: "no_samples", lastSampleAt: null })?.title).not.toBe(emptyText({ emptyReason: "no_reporting_device", lastSampleAt: null })?.title);
  });
  test("a live chart hatches its silent end; a zoomed one and a fresh one do not", () => {
    const stale = { lastSampleAt: new Date(now - 20 * 60_000).toISOString(), stepSeconds: 60 };
    expect(silentFrom(stale, { toMs: now, live: true })).toBe(now - 19 * 60_000);
    expect(silentFrom(stale, { toMs: now, live: false })).toBeNull();
    expect(silentFrom({ lastSampleAt: new Date(now - 90_000).toISOString(), stepSeconds: 60 }, { toMs: now, live: true })).toBeNull();
  });
  test("too few samples is an answer of its own, never a number", () => {
    expect(comparison(point({}), point({ p95: 41 }), "p95")).toEqual({ changePercent: (41 / 20 - 1) * 100 });
    expect(comparison(point({}), point({ count: 3 }), "p95")).toEqual({ tooFew: true });
    expect(comparison(point({ count: 0 }), point({}), "p95")).toEqual({ tooFew: true });
  });
});
