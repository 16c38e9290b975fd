import { LatencyHistogram, telemetryWindowSchema } from "@flotilla/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualClock } from "../testing/manual-clock.ts";
import { createLatencyWindows } from "./latency-windows.ts";

const key = { buildId: "b1", versionId: "v1", mode: "scheduled" } as const;

test("windows begin at whole wall-clock minutes, whatever moment the agent started at", () => {
  const clock = new ManualClock();
  const windows = createLatencyWindows(60_000, clock);
  windows.record(key, 1);
  clock.advance(60_000);
  const [window] = windows.takeClosed();
  expect((window?.wallMs ?? 1) % 60_000).toBe(0);
  expect(window?.startMs).toBe(1_000 - 7_000);
});

test("a jump of the wall clock neither splits nor lengthens a window", () => {
  const clock = new ManualClock();
  const windows = createLatencyWindows(60_000, clock);
  windows.record(key, 1);
  clock.wall += 10 * 365 * 86_400_000;
  windows.record(key, 2);
  expect(windows.takeClosed()).toEqual([]);
  clock.advance(53_000);
  windows.record(key, 3);
  expect(windows.takeClosed().map((w) => w.count)).toEqual([2]);
});

test("builds, versions and measuring modes are never mixed in a window", () => {
  const clock = new ManualClock();
  const windows = createLatencyWindows(60_000, clock);
  for (const other of [key, { ...key, buildId: "b2" }, { ...key, versionId: "v2" }, { ...key, mode: "field" as const }]) windows.record(other, 1);
  expect(windows.takeClosed(true)).toHaveLength(4);
});

test("failed inferences count as errors and give a window even without a latency", () => {
  const windows = createLatencyWindows(60_000, new ManualClock());
  windows.record(key, null);
  const [window] = windows.takeClosed(true);
  expect(window).toMatchObject({ count: 0, errors: 1, minMs: null, maxMs: null, buckets: [] });
});

test("no sample is lost or counted twice over any pattern of times, and every window is valid on the wire", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ waitMs: fc.nat(30_000), latencyMs: fc.double({ min: 0.001, max: 120_000, noNaN: true }), take: fc.boolean() }), { maxLength: 200 }), (samples) => {
      const clock = new ManualClock();
      const windows = createLatencyWindows(10_000, clock);
      const taken = samples.flatMap(({ waitMs, latencyMs, take }) => {
        clock.advance(waitMs);
        windows.record(key, latencyMs);
        return take ? windows.takeClosed() : [];
      });
      taken.push(...windows.takeClosed(true));
      const merged = new LatencyHistogram();
      taken.forEach((window, i) => {
        const { startMs: _startMs, ...rest } = window;
        expect(telemetryWindowSchema.safeParse({ ...rest, seq: i + 1, ageMs: null }).error).toBeUndefined();
        merged.addSparse(window.buckets, window);
      });
      expect(merged.count).toBe(samples.length);
      expect(new Set(taken.map((w) => w.startMs)).size).toBe(taken.length);
    }),
  );
});
