import { describe, expect, test } from "vitest";
import type { LatencyAnswer, LatencyPoint, LatencySeries } from "@flotilla/fleet";
import { chartMarkers, modesOf, percentileLines, splitLines } from "./chart-data.ts";

const at = (minute: number) => `2026-11-24T03:0${minute}:00.000Z`;
const point = (minute: number, count: number, p95: number, errors = 0): LatencyPoint => ({ t: at(minute), count, errors, p50: p95 / 2, p90: p95 - 1, p95, p99: p95 + 1, max: p95 + 2, mean: p95 / 2 });
const series = (key: string, mode: string, points: LatencyPoint[]): LatencySeries => ({ key, label: key, mode, points, total: point(0, points.reduce((sum, p) => sum + p.count, 0), 10) });
const answer = (some: LatencySeries[]): LatencyAnswer => ({ from: at(0), to: at(4), stepSeconds: 60, series: some, heatmap: [], markers: [], emptyReason: "none", lastSampleAt: null });

describe("chart data from a latency answer", () => {
  test("simulated and measured samples never share a chart, and real ones come first", () => {
    expect(modesOf(answer([series("a", "simulated", []), series("b", "field", [])]))).toEqual(["field", "simulated"]);
  });
  test("samples of the shown series add up per step; a step nobody has stays a gap", () => {
    const a = series("a", "field", [point(0, 10, 20, 1), point(2, 5, 22)]);
    const b = series("b", "field", [point(0, 7, 30)]);
    const data = splitLines(answer([a, b]), [a, b], "p95", ["a@field", "b@field"]);
    expect(data.counts).toEqual([17, null, 5, null]);
    expect(data.errors).toEqual([1, null, 0, null]);
    expect(data.lines.map((line) => line.values)).toEqual([[20, null, 22, null], [30, null, null, null]]);
    expect(data.samples).toBe(22);
  });
  test("a series keeps its colour when another is left out", () => {
    const b = series("b", "field", [point(0, 7, 30)]);
    expect(splitLines(answer([b]), [b], "p95", ["a@field", "b@field"]).lines[0]?.color).toBe("--chart-2");
  });
  test("one series shows its four percentiles in rising order", () => {
    const a = series("a", "field", [point(1, 10, 20)]);
    const data = percentileLines(answer([a]), a);
    expect(data.lines.map((line) => line.values[1])).toEqual([10, 19, 20, 21]);
  });
  test("markers lead to their rollout, oldest first", () => {
    const markers = chartMarkers({ markers: [{ t: at(3), kind: "halt", label: "halted", rolloutId: "rol_1" }, { t: at(1), kind: "start", label: "started", rolloutId: "rol_1" }] });
    expect(markers.map((marker) => marker.label)).toEqual(["started", "halted"]);
    expect(markers[0]?.href).toBe("/rollouts/rol_1");
  });
});
