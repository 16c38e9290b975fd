import { HOUR_MS, MINUTE_MS, floorTo } from "./window-time.ts";

// Hours are always summed again from all their minutes, never added to, as long as the minutes are there; so running a
// roll-up twice, late, or after a crash gives the same rows. An hour's minutes go when it is sealed, 48 hours later.
// A window that comes for a sealed hour makes minutes again; these are added to the hour and deleted in one transaction.

/** How long each step is kept. */
export const KEPT_MS = { minute: 48 * HOUR_MS, hour: 90 * 24 * HOUR_MS, day: 730 * 24 * HOUR_MS, device: 14 * 24 * HOUR_MS } as const;

/** A window for an hour that ended longer ago than this marks that hour to be summed again. */
export const LATE_HOUR_AFTER_MS = HOUR_MS;

/** An hour is covered once it was summed this long after its end: unmarked windows for it (up to an hour late) have committed then. */
const COVERED_AFTER_MS = LATE_HOUR_AFTER_MS + 30 * MINUTE_MS;

/** Where the roll-ups so far have come to; the numbers are Unix ms of whole hours, 0 before the first roll-up. */
export type RollUpState = {
  /** Hours that end at or before it are covered: only marked ones are summed again. */
  rolledThroughMs: number;
  /** Hours that end at or before it are sealed: their minutes are gone. */
  sealedThroughMs: number;
};

export type RollUpPlan = {
  /** Covered hours to sum again because a late window came, oldest first. */
  lateHoursMs: number[];
  /** Every hour from here to the present one is summed. */
  sumFromMs: number;
  /** Hours from `state.sealedThroughMs` to here are summed a last time and their minutes deleted. */
  sealThroughMs: number;
  /** The state after the plan was carried out. */
  next: RollUpState;
};

/** What a roll-up at `nowMs` does with the hours that late windows marked. */
export function planRollUp(state: RollUpState, markedHoursMs: readonly number[], nowMs: number): RollUpPlan {
  const sealThroughMs = Math.max(state.sealedThroughMs, floorTo(nowMs - KEPT_MS.minute, HOUR_MS));
  const sumFromMs = Math.max(state.rolledThroughMs, sealThroughMs);
  const late = new Set(markedHoursMs.filter((hourMs) => hourMs >= sealThroughMs && hourMs < sumFromMs));
  return {
    lateHoursMs: [...late].toSorted((a, b) => a - b),
    sumFromMs,
    sealThroughMs,
    next: { rolledThroughMs: Math.max(state.rolledThroughMs, floorTo(nowMs - COVERED_AFTER_MS, HOUR_MS)), sealedThroughMs: sealThroughMs },
  };
}
