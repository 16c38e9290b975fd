import fc from "fast-check";
import { expect, test } from "vitest";
import { planLatency } from "./latency-plan.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./window-time.ts";

const now = Date.UTC(2026, 10, 24, 12, 20, 30);
const rolled = Date.UTC(2026, 10, 24, 10);

test("a day of points comes from minutes, in steps of five", () => {
  const plan = planLatency({ fromMs: now - DAY_MS, toMs: now, stepMs: null }, rolled, now);
  expect(plan).toMatchObject({ stepMs: 5 * MINUTE_MS, sources: [{ table: "latency_minute" }] });
});

test("minutes that are not kept any more are not promised: the step becomes an hour, then a day", () => {
  expect(planLatency({ fromMs: now - 3 * DAY_MS, toMs: now - 3 * DAY_MS + HOUR_MS, stepMs: MINUTE_MS }, rolled, now).stepMs).toBe(HOUR_MS);
  expect(planLatency({ fromMs: now - 200 * DAY_MS, toMs: now - 199 * DAY_MS, stepMs: MINUTE_MS }, rolled, now).stepMs).toBe(DAY_MS);
});

test("hours are asked as far as they are complete, minutes after that, days before hours were kept", () => {
  const tables = planLatency({ fromMs: now - 100 * DAY_MS, toMs: now, stepMs: DAY_MS }, rolled, now).sources.map((s) => s.table);
  expect(tables).toEqual(["latency_day", "latency_hour", "latency_minute"]);
});

test("any range is covered once, without a hole, by whole steps of at most 300 points", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 700 * DAY_MS }), fc.integer({ min: 1, max: 700 * DAY_MS }), (agoMs, lengthMs) => {
      const [fromMs, toMs] = [now - agoMs, Math.min(now - agoMs + lengthMs, now + HOUR_MS)];
      const plan = planLatency({ fromMs, toMs, stepMs: null }, rolled, now);
      expect(plan.fromMs).toBeLessThanOrEqual(fromMs);
      expect(plan.toMs).toBeGreaterThanOrEqual(toMs);
      expect((plan.toMs - plan.fromMs) % plan.stepMs).toBe(0);
      expect((plan.toMs - plan.fromMs) / plan.stepMs).toBeLessThanOrEqual(302);
      let cursor = plan.fromMs;
      for (const source of plan.sources) {
        expect(source.fromMs).toBe(cursor);
        cursor = source.toMs;
      }
      expect(cursor).toBe(plan.toMs);
    }),
  );
});

test("nonsense is refused", () => {
  expect(() => planLatency({ fromMs: now, toMs: now, stepMs: null }, rolled, now)).toThrow("before");
  expect(() => planLatency({ fromMs: now - 47 * HOUR_MS, toMs: now, stepMs: MINUTE_MS }, rolled, now)).toThrow("longer step");
});
