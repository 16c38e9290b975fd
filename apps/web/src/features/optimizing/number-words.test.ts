import { expect, test } from "vitest";
import { formatAccuracy, formatPointInterval, formatPoints, formatRatio, methodBesideMode } from "./number-words.tsx";

test("half a point is visible, and a loss has a sign of its own", () => {
  expect(formatAccuracy(0.98123)).toBe("98.12 %");
  expect(formatAccuracy(null)).toBe("–");
  expect(formatPoints(-0.005)).toBe("−0.50 pp");
  expect(formatPoints(0.00001)).toBe("±0.00 pp");
  expect(formatPointInterval([-0.0081, 0.0012])).toBe("−0.81 to +0.12 pp");
  expect(formatRatio(0.24961)).toBe("0.25 ×");
});

test("a method does not say its mode again", () => {
  expect(methodBesideMode("interleaved", "in turns with the other model (A B, B A)")).toBe("with the other model (A B, B A)");
  expect(methodBesideMode("back_to_back", "back to back, 1 thread")).toBe("1 thread");
  expect(methodBesideMode("scheduled", "one run every 100 ms")).toBe("one run every 100 ms");
});
