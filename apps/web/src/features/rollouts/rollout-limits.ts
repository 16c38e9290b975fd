import { formatDuration, formatNoun } from "../../lib/format.ts";

/** Limits of a rollout as people type them; null is an empty field, which means the default. */
export type PlannedLimits = { verifyMinutes: number | null; maxInFlight: number | null };

export const noLimits: PlannedLimits = { verifyMinutes: null, maxInFlight: null };

const MINUTE_MS = 60_000;
/** What the platform does without being told (`defaultRolloutPolicy`; rollout-limits.test.ts compares them). */
export const defaultVerifyMinutes = 10;
const MOST_VERIFY_MINUTES = 7 * 24 * 60;
const MOST_IN_FLIGHT = 1_000_000;

/** What is wrong with each field; null where nothing is. */
export function limitProblems({ verifyMinutes, maxInFlight }: PlannedLimits): Record<keyof PlannedLimits, string | null> {
  const isTime = verifyMinutes === null || (verifyMinutes >= 1 && verifyMinutes <= MOST_VERIFY_MINUTES);
  const isNumber = maxInFlight === null || (Number.isInteger(maxInFlight) && maxInFlight >= 1 && maxInFlight <= MOST_IN_FLIGHT);
  return {
    verifyMinutes: isTime ? null : "From 1 minute to 7 days (10,080 minutes), or empty for the default.",
    maxInFlight: isNumber ? null : "A whole number of devices from 1 to 1,000,000, or empty for no limit.",
  };
}

export function areValid(limits: PlannedLimits): boolean {
  return Object.values(limitProblems(limits)).every((problem) => problem === null);
}

/** The policy to send: what was left empty is left out. */
export function policyOf({ verifyMinutes, maxInFlight }: PlannedLimits): { verifyTimeoutMs?: number; maxInFlight?: number } {
  return { ...(verifyMinutes === null ? {} : { verifyTimeoutMs: Math.round(verifyMinutes * MINUTE_MS) }), ...(maxInFlight === null ? {} : { maxInFlight }) };
}

/** "confirmed within 10 min, any number of devices at once": what holds, typed or by default. */
export function limitsInShort(limits: PlannedLimits): string {
  if (!areValid(limits)) return "to be corrected";
  return `confirmed within ${formatDuration((limits.verifyMinutes ?? defaultVerifyMinutes) * MINUTE_MS)}, ${inFlightInWords(limits.maxInFlight)}`;
}

/** How many devices may be between offer and end at a time. */
function inFlightInWords(maxInFlight: number | null): string {
  return maxInFlight === null ? "any number of devices at once" : `at most ${formatNoun(maxInFlight, "device")} at once`;
}
