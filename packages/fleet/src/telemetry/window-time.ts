import type { TelemetryWindow } from "@flotilla/protocol";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** A window that arrives more than this after its minute began counts as late. */
const LATE_AFTER_MS = 10 * MINUTE_MS;
/** Oldest place a window can get: devices keep less than this, and a broken clock must not fill tables of long ago. */
const OLDEST_WINDOW_MS = 30 * DAY_MS;

/**
 * Where a window belongs: the server's time minus the window's age by the device's monotonic clock. A window of an
 * earlier boot has no age; its wall clock is taken instead. Never in the future, never more than 30 days ago.
 */
export function placeWindow(window: Pick<TelemetryWindow, "ageMs" | "wallMs">, receivedAtMs: number): { minuteMs: number; isLate: boolean } {
  const startMs = window.ageMs === null ? window.wallMs : receivedAtMs - window.ageMs;
  const clampedMs = Math.min(Math.max(startMs, receivedAtMs - OLDEST_WINDOW_MS), receivedAtMs);
  return { minuteMs: floorTo(clampedMs, MINUTE_MS), isLate: receivedAtMs - clampedMs > LATE_AFTER_MS };
}

/** Start of the step that a moment lies in. Steps of whole minutes, hours and days start at UTC's. */
export function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}
