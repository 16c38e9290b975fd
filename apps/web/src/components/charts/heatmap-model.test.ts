import { LatencyHistogram, HISTOGRAM_SLOTS as protocolSlots, slotUpperMs as protocolUpper } from "@flotilla/protocol";
import { describe, expect, test } from "vitest";
import { cellStrength, columnReading, heatmapModel } from "./heatmap-model.ts";
import { HISTOGRAM_SLOTS, slotUpperMs } from "./latency-slots.ts";

const fromMs = Date.parse("2026-11-24T03:00:00Z");
const point = (minute: number, ...latencies: number[]) => {
  const histogram = new LatencyHistogram();
  for (const latency of latencies) histogram.add(latency);
  return { t: new Date(fromMs + minute * 60_000).toISOString(), buckets: histogram.toSparse() };
};

describe("the heatmap", () => {
  test("the browser's histogram layout is the protocol's", () => {
    expect(HISTOGRAM_SLOTS).toBe(protocolSlots);
    for (let slot = 0; slot < HISTOGRAM_SLOTS; slot += 1) expect(slotUpperMs(slot)).toBeCloseTo(protocolUpper(slot), 9);
  });
  test("no sample is lost and each lies in the row that holds its latency", () => {
    const model = heatmapModel({ points: [point(0, 1, 1, 8), point(2, 400)], fromMs, toMs: fromMs + 4 * 60_000, stepMs: 60_000, maxRows: 40 });
    expect(model.total).toBe(4);
    expect(model.columns.map((column) => column.total)).toEqual([3, 0, 1, 0]);
    expect(model.rows.length).toBeLessThanOrEqual(40);
    const slow = model.columns[2]?.cells?.findIndex((count) => count > 0) ?? -1;
    expect(model.rows[slow]?.lowMs).toBeLessThan(400);
    expect(model.rows[slow]?.highMs).toBeGreaterThan(400);
  });
  test("a step without samples is told from a step with zero in a row", () => {
    const model = heatmapModel({ points: [point(0, 5)], fromMs, toMs: fromMs + 120_000, stepMs: 60_000, maxRows: 40 });
    expect(model.columns[0]?.cells).not.toBeNull();
    expect(model.columns[1]?.cells).toBeNull();
  });
  test("no samples at all give columns but no rows", () => {
    const model = heatmapModel({ points: [], fromMs, toMs: fromMs + 120_000, stepMs: 60_000, maxRows: 40 });
    expect(model).toMatchObject({ rows: [], maxCell: 0, total: 0 });
    expect(model.columns).toHaveLength(2);
  });
  test("a single slow sample beside a million is still visible", () => {
    expect(cellStrength(1, 1_000_000)).toBeGreaterThan(0.1);
    expect(cellStrength(0, 10)).toBe(0);
    expect(cellStrength(10, 10)).toBe(1);
  });
  test("a column can be read in words: where most samples are and how slow the slowest", () => {
    const model = heatmapModel({ points: [point(0, 10, 10, 10, 90)], fromMs, toMs: fromMs + 60_000, stepMs: 60_000, maxRows: 400 });
    const column = model.columns[0];
    const reading = column === undefined ? null : columnReading(model, column);
    expect(reading?.mode.count).toBe(3);
    expect(reading?.mode.lowMs).toBeLessThan(10);
    expect(reading?.slowestMs).toBeGreaterThanOrEqual(90);
  });
});
