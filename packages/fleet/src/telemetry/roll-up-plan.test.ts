import { expect, test } from "vitest";
import { planRollUp } from "./roll-up-plan.ts";
import { HOUR_MS } from "./window-time.ts";

const nowMs = Date.UTC(2026, 10, 24, 12, 20);
const hour = (n: number): number => Date.UTC(2026, 10, 24, n);

test("an hour is summed again until windows that need no mark for it must have come", () => {
  // 10:00 to 11:00 may get unmarked windows until 12:00; half an hour later it is covered.
  expect(planRollUp({ rolledThroughMs: hour(10), sealedThroughMs: 1 }, [], nowMs)).toMatchObject({ sumFromMs: hour(10), next: { rolledThroughMs: hour(10) } });
  expect(planRollUp({ rolledThroughMs: hour(10), sealedThroughMs: 1 }, [], nowMs + HOUR_MS / 6)).toMatchObject({ sumFromMs: hour(10), next: { rolledThroughMs: hour(11) } });
});

test("marked hours are summed again unless that happens anyway or their minutes are gone", () => {
  const state = { rolledThroughMs: hour(10), sealedThroughMs: hour(-36) };
  expect(planRollUp(state, [hour(3), hour(11), hour(1), hour(3), hour(-40)], nowMs).lateHoursMs).toEqual([hour(1), hour(3)]);
});

test("minutes go after 48 hours and what was sealed stays so, even when the clock goes back", () => {
  expect(planRollUp({ rolledThroughMs: 0, sealedThroughMs: 0 }, [], nowMs)).toMatchObject({ sealThroughMs: hour(-36), sumFromMs: hour(-36), next: { sealedThroughMs: hour(-36) } });
  expect(planRollUp({ rolledThroughMs: hour(12), sealedThroughMs: hour(-30) }, [], nowMs)).toMatchObject({ sealThroughMs: hour(-30), next: { rolledThroughMs: hour(12), sealedThroughMs: hour(-30) } });
});
