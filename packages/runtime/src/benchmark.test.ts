import { expect, test } from "vitest";
import { benchmarkModel } from "./benchmark.ts";
import type { OpenModel } from "./types.ts";

/** A model that blocks the thread as long as it is told, call by call: the clock is real, only the network is not. */
function pausing(pauseMs: (call: number) => number): OpenModel & { readonly calls: () => number } {
  let calls = 0;
  return {
    inputs: [{ name: "x", elementType: "float32", shape: [1] }],
    outputs: [],
    unsupportedOutputs: [],
    run: () => {
      const until = performance.now() + pauseMs(calls);
      calls += 1;
      while (performance.now() < until);
      return Promise.resolve({});
    },
    endProfiling: () => Promise.resolve(null),
    close: () => Promise.resolve(),
    calls: () => calls,
  };
}

test("back to back: warm-up runs are not timed, and both the least runs and the least time are kept", async () => {
  const model = pausing((call) => (call < 5 ? 20 : 0.1));
  const report = await benchmarkModel(model, { warmup: 5, minRuns: 50, minDurationMs: 30 });
  expect(report).toMatchObject({ mode: "back-to-back", intervalMs: null, lateStarts: 0 });
  expect(report.firstRunMs).toBeGreaterThanOrEqual(20);
  expect(report.latencyMs.n).toBeGreaterThanOrEqual(50);
  expect(report.latencyMs.n).toBe(model.calls() - 5);
  expect(report.samplesMs).toHaveLength(report.latencyMs.n);
  expect(report.durationMs).toBeGreaterThanOrEqual(30);
  expect(report.latencyMs.min).toBeGreaterThanOrEqual(0.1);
});

test("scheduled: a stall is charged to every call it delays, not to one", async () => {
  // The third timed call stalls for ten intervals.
  const report = await benchmarkModel(pausing((call) => (call === 3 ? 50 : 0)), { warmup: 1, minRuns: 20, minDurationMs: 0, mode: "scheduled", intervalMs: 5 });
  const delayed = [...report.samplesMs].filter((sample) => sample > 5);
  expect(report.latencyMs.max).toBeGreaterThanOrEqual(50);
  expect(delayed.length).toBeGreaterThanOrEqual(8);
  expect(report.lateStarts).toBeGreaterThanOrEqual(7);
});

test("scheduled: no call begins before its time", async () => {
  const report = await benchmarkModel(pausing(() => 0), { warmup: 1, minRuns: 10, minDurationMs: 0, mode: "scheduled", intervalMs: 4 });
  expect(report.latencyMs.min).toBeGreaterThanOrEqual(0);
  expect(report.durationMs).toBeGreaterThanOrEqual(9 * 4);
});

test("the longest duration wins over the least runs, but one run is always timed", async () => {
  const report = await benchmarkModel(pausing(() => 30), { warmup: 1, minRuns: 1_000, maxDurationMs: 60 });
  expect(report.latencyMs.n).toBeGreaterThanOrEqual(1);
  expect(report.latencyMs.n).toBeLessThanOrEqual(3);
});

test("an abort ends it with the caller's reason", async () => {
  const controller = new AbortController();
  const model = pausing((call) => {
    if (call === 20) controller.abort(new Error("enough"));
    return 0;
  });
  await expect(benchmarkModel(model, { warmup: 1, signal: controller.signal })).rejects.toThrow("enough");
});
