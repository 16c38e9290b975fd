import { FleetError } from "@flotilla/protocol";
import { expect, test } from "vitest";
import { checkedPolicy, checkedWaves, effectivePolicy } from "./policy.ts";

function refusal(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof FleetError && error.code === "bad_request") return error.public;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("waves get 60 s of soaking and a 10 % failure limit unless told", () => {
  expect(checkedWaves([{ percent: 5 }, { percent: 100, soakSeconds: 0, maxFailurePercent: 0 }])).toEqual([
    { percent: 5, soakSeconds: 60, maxFailurePercent: 10 },
    { percent: 100, soakSeconds: 0, maxFailurePercent: 0 },
  ]);
});

test("waves that do not rise to 100 % are refused, naming the wave", () => {
  expect(refusal(() => checkedWaves([]))).toMatch(/1 to 20 waves/);
  expect(refusal(() => checkedWaves(Array.from({ length: 21 }, (_, i) => ({ percent: i + 1 }))))).toMatch(/1 to 20 waves/);
  expect(refusal(() => checkedWaves([{ percent: 50 }, { percent: 50 }, { percent: 100 }]))).toMatch(/Wave 2 must end above 50 %/);
  expect(refusal(() => checkedWaves([{ percent: 0 }, { percent: 100 }]))).toMatch(/Wave 1/);
  expect(refusal(() => checkedWaves([{ percent: Number.NaN }]))).toMatch(/Wave 1/);
  expect(refusal(() => checkedWaves([{ percent: 99 }]))).toMatch(/100 %/);
  expect(refusal(() => checkedWaves([{ percent: 100, soakSeconds: 0.5 }]))).toMatch(/soak/);
  expect(refusal(() => checkedWaves([{ percent: 100, maxFailurePercent: 101 }]))).toMatch(/failure limit/);
});

test("a policy keeps defaults for what is not named and refuses what is out of bounds", () => {
  expect(checkedPolicy({ minSample: 3 })).toEqual({ ...checkedPolicy(), minSample: 3 });
  expect(checkedPolicy({ maxInFlight: null, offlineAfterMs: null })).toEqual(checkedPolicy());
  expect(refusal(() => checkedPolicy({ maxInFlight: 0 }))).toMatch(/policy\.maxInFlight/);
  expect(refusal(() => checkedPolicy({ maxAttempts: 0 }))).toMatch(/policy\.maxAttempts/);
  expect(refusal(() => checkedPolicy({ inProgressTimeoutMs: 1.5e9 }))).toMatch(/policy\.inProgressTimeoutMs/);
});

test("a device counts as away after three sync intervals, whatever the interval is by now, and not within 30 s", () => {
  expect(effectivePolicy(checkedPolicy(), 30_000).offlineAfterMs).toBe(90_000);
  expect(effectivePolicy(checkedPolicy(), 60_000).offlineAfterMs).toBe(180_000);
  expect(effectivePolicy(checkedPolicy(), 4_000).offlineAfterMs).toBe(30_000);
  expect(effectivePolicy(checkedPolicy({ offlineAfterMs: 5_000 }), 60_000).offlineAfterMs, "unless told").toBe(5_000);
});

test("rollouts that were planned before a number existed behave by its default", () => {
  const old = { inProgressTimeoutMs: 60_000, maxAttempts: 1, offlineAfterMs: 90_000, minSample: 1, waveTimeoutMs: 60_000 };
  expect(effectivePolicy(old, 4_000)).toEqual({ ...old, verifyTimeoutMs: 600_000, maxInFlight: null });
});
