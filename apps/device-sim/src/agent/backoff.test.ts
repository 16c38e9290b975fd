import fc from "fast-check";
import { expect, test } from "vitest";
import { SERVER_BACKOFF, backoffMs } from "./backoff.ts";
import { retryAfterOf } from "./gateway-client.ts";
import { seededRandom } from "./random.ts";

test("waits are spread over the whole window, which doubles up to its cap", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer(), (failures, seed) => {
      const wait = backoffMs(failures, seededRandom(seed));
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(Math.min(SERVER_BACKOFF.capMs, SERVER_BACKOFF.baseMs * 2 ** Math.min(failures - 1, 30)));
    }),
  );
  const random = seededRandom(1);
  const waits = Array.from({ length: 1_000 }, () => backoffMs(4, random));
  expect(Math.min(...waits)).toBeLessThan(800);
  expect(Math.max(...waits)).toBeGreaterThan(7_200);
});

test("the time a server names wins over the device's own", () => {
  expect(backoffMs(9, seededRandom(1), SERVER_BACKOFF, 250)).toBe(250);
  expect(retryAfterOf("2", 0)).toBe(2_000);
  expect(retryAfterOf("Tue, 24 Nov 2026 12:00:10 GMT", Date.UTC(2026, 10, 24, 12, 0, 0))).toBe(10_000);
  expect(retryAfterOf("Tue, 24 Nov 2026 12:00:00 GMT", Date.UTC(2026, 10, 24, 13, 0, 0))).toBe(0);
  expect(retryAfterOf("soon", 0)).toBeUndefined();
  expect(retryAfterOf(undefined, 0)).toBeUndefined();
  expect(retryAfterOf("99999999", 0)).toBe(3_600_000);
});
