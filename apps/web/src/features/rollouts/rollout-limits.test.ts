import { describe, expect, test } from "vitest";
import { defaultRolloutPolicy } from "@flotilla/fleet";
import { areValid, defaultVerifyMinutes, limitProblems, limitsInShort, noLimits, policyOf } from "./rollout-limits.ts";

describe("limits of a planned rollout", () => {
  test("that were left empty are the platform's own defaults and are not sent", () => {
    expect(defaultVerifyMinutes * 60_000).toBe(defaultRolloutPolicy.verifyTimeoutMs);
    expect(defaultRolloutPolicy.maxInFlight).toBeNull();
    expect(areValid(noLimits)).toBe(true);
    expect(policyOf(noLimits)).toEqual({});
    expect(limitsInShort(noLimits)).toBe("confirmed within 10 min, any number of devices at once");
  });
  test("are typed in minutes and sent in whole milliseconds", () => {
    expect(policyOf({ verifyMinutes: 2.5, maxInFlight: 12 })).toEqual({ verifyTimeoutMs: 150_000, maxInFlight: 12 });
    expect(policyOf({ verifyMinutes: 1.00001, maxInFlight: null })).toEqual({ verifyTimeoutMs: 60_001 });
    expect(limitsInShort({ verifyMinutes: 90, maxInFlight: 1 })).toBe("confirmed within 1 h 30 min, at most 1 device at once");
  });
  test("outside of what the platform takes are named by their field", () => {
    for (const verifyMinutes of [0, 0.9, -5, 10_081, Number.NaN]) expect(limitProblems({ verifyMinutes, maxInFlight: 5 })).toMatchObject({ verifyMinutes: expect.stringContaining("7 days"), maxInFlight: null });
    for (const maxInFlight of [0, 1.5, -1, 1_000_001, Number.NaN]) expect(limitProblems({ verifyMinutes: 5, maxInFlight })).toMatchObject({ verifyMinutes: null, maxInFlight: expect.stringContaining("whole number") });
    expect(limitsInShort({ verifyMinutes: 0, maxInFlight: null })).toBe("to be corrected");
    expect([1, 10_080].every((verifyMinutes) => areValid({ verifyMinutes, maxInFlight: 1_000_000 }))).toBe(true);
  });
});
