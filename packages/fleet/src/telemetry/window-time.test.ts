import { expect, test } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, placeWindow } from "./window-time.ts";

const now = Date.UTC(2026, 10, 24, 12, 30, 30);

test("a window is placed by its age, whatever the device's clock says", () => {
  expect(placeWindow({ ageMs: 90_000, wallMs: 0 }, now)).toEqual({ minuteMs: Date.UTC(2026, 10, 24, 12, 29), isLate: false });
  expect(placeWindow({ ageMs: 0, wallMs: 9e15 }, now).minuteMs).toBe(Date.UTC(2026, 10, 24, 12, 30));
});

test("without an age the wall clock is taken, but never the future nor the distant past", () => {
  expect(placeWindow({ ageMs: null, wallMs: now - 2 * HOUR_MS }, now)).toEqual({ minuteMs: Date.UTC(2026, 10, 24, 10, 30), isLate: true });
  expect(placeWindow({ ageMs: null, wallMs: now + DAY_MS }, now)).toEqual({ minuteMs: Date.UTC(2026, 10, 24, 12, 30), isLate: false });
  expect(placeWindow({ ageMs: null, wallMs: -9e15 }, now).minuteMs).toBe(Date.UTC(2026, 9, 25, 12, 30));
  expect(placeWindow({ ageMs: 1e300, wallMs: 0 }, now).minuteMs).toBe(Date.UTC(2026, 9, 25, 12, 30));
});

test("ten minutes are in time, more is late", () => {
  expect(placeWindow({ ageMs: 10 * MINUTE_MS, wallMs: 0 }, now).isLate).toBe(false);
  expect(placeWindow({ ageMs: 10 * MINUTE_MS + 1, wallMs: 0 }, now).isLate).toBe(true);
});
