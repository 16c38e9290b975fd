import { describe, expect, test } from "vitest";
import { heatmapFinding, lineFinding, partsFinding } from "./finding.ts";

const start = Date.parse("2026-11-24T03:00:00Z") / 1000;
const xs = Array.from({ length: 8 }, (_, i) => start + i * 60);

describe("findings", () => {
  test("a line is told by its newest value, its range, its trend and its samples", () => {
    const text = lineFinding({ name: "p95", xs, values: [20, 20, 20, 20, 40, 41, 40, null], samples: 1234, timeZone: "UTC" });
    expect(text).toBe("p95 is 40 ms at 03:06, between 20 ms and 41 ms, rising by 100 %; 1,234 samples.");
  });
  test("small movements are called steady, few points are not judged", () => {
    expect(lineFinding({ name: "p95", xs, values: [20, 21, 20, 20, 21, 20, 20, 20], samples: 8, timeZone: "UTC" })).toContain("steady");
    expect(lineFinding({ name: "p95", xs, values: [20, 80, null, null, null, null, null, null], samples: 2, timeZone: "UTC" })).toBe("p95 is 80 ms at 03:01, between 20 ms and 80 ms; 2 samples.");
  });
  test("no samples is not told as zero", () => {
    expect(lineFinding({ name: "p95", xs, values: xs.map(() => null), samples: 0 })).toBe("p95: no samples in this range.");
    expect(heatmapFinding({ total: 0, fullest: null, slowestMs: null })).toBe("No samples in this range.");
  });
  test("parts tell the whole and leave out what is zero", () => {
    expect(partsFinding([{ label: "healthy", count: 16 }, { label: "waiting", count: 6 }, { label: "downloading", count: 0 }, { label: "failed", count: 2 }])).toBe("16 of 24 devices healthy, 6 waiting, 2 failed.");
    expect(partsFinding([{ label: "healthy", count: 0 }])).toBe("No devices.");
    expect(partsFinding([{ label: "healthy", count: 1 }])).toBe("1 of 1 device healthy.");
  });
});
