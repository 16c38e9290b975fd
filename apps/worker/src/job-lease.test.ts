import { FleetError } from "@flotilla/protocol";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { JobLease } from "./job-lease.ts";
import type { Ports, Tx } from "./ports.ts";

// The clock is the test's; the database is a port that the test plays.

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A database whose every transaction does what `answer` says. */
function leaseOn(answer: () => Promise<unknown>, timeLimitMs = 600_000): { lease: JobLease; writes: () => number } {
  let writes = 0;
  const transact = (async (_fn: (tx: Tx) => Promise<unknown>) => {
    writes += 1;
    return answer();
  }) as Ports["transact"];
  return { lease: new JobLease({ transact, leaseMs: 20_000, log: pino({ level: "silent" }) }, { id: "job_1", leaseToken: "t", timeLimitMs }), writes: () => writes };
}
const alive = async () => ({ kind: "alive", cancelRequested: false });

test("many reports become few writes, and silence becomes one write per heartbeat", async () => {
  const { lease, writes } = leaseOn(alive);
  for (let n = 0; n < 1_000; n += 1) lease.report({ progress: n / 1_000 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(writes()).toBe(1);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(writes()).toBe(5);
  await lease.close();
});

test("what was reported last is written when the attempt ends", async () => {
  const { lease, writes } = leaseOn(alive);
  lease.report({ logs: [{ level: "info", text: "the end" }] });
  await lease.close();
  expect(writes()).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(writes()).toBe(1);
});

test("a cancellation that a heartbeat hears of stops the attempt", async () => {
  const { lease } = leaseOn(async () => ({ kind: "alive", cancelRequested: true }));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(lease.abortReason).toBe("cancelled");
  expect(lease.signal.aborted).toBe(true);
  await lease.close();
});

test("an attempt whose lease another worker took stops and writes no more", async () => {
  const { lease, writes } = leaseOn(async () => ({ kind: "lost" }));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(lease.abortReason).toBe("lease_lost");
  lease.report({ progress: 1 });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(writes()).toBe(1);
  await lease.close();
});

test("one lost heartbeat is no reason to stop; silence for most of the lease is", async () => {
  const { lease } = leaseOn(() => Promise.reject(new FleetError("unavailable", { public: "away" })));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lease.abortReason).toBeNull();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lease.abortReason).toBe("lease_lost");
  await lease.close();
});

test("an attempt is stopped when its time is over, and the first reason stays", async () => {
  const { lease } = leaseOn(alive, 60_000);
  await vi.advanceTimersByTimeAsync(60_000);
  lease.stop("shutdown");
  expect(lease.abortReason).toBe("time_limit");
  await lease.close();
});
