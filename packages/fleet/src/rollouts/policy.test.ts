import { FleetError } from "@flotilla/protocol";
import { expect, test } from "vitest";
import { checkedPolicy, checkedWaves, defaultPolicy } from "./policy.ts";

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
  expect(checkedPolicy({ minSample: 3 })).toEqual({ ...defaultPolicy, minSample: 3 });
  expect(refusal(() => checkedPolicy({ maxAttempts: 0 }))).toMatch(/policy\.maxAttempts/);
  expect(refusal(() => checkedPolicy({ inProgressTimeoutMs: 1.5e9 }))).toMatch(/policy\.inProgressTimeoutMs/);
});
