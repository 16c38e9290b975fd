import { describe, expect, test } from "vitest";
import {
  formatBytes, formatClock, formatCompact, formatCount, formatDateTime, formatDay, formatDayClock, formatDuration, formatMs, formatNoun,
  formatPercent, formatRate, formatRelative, formatShare, shortDigest,
} from "./format.ts";

describe("numbers", () => {
  test("counts have thousands separators and agree with their noun", () => {
    expect(formatCount(4812)).toBe("4,812");
    expect(formatNoun(1, "device")).toBe("1 device");
    expect(formatNoun(0, "device")).toBe("0 devices");
    expect(formatNoun(2, "query", "queries")).toBe("2 queries");
  });
  test("compact numbers stay exact until 10,000", () => {
    expect(formatCompact(9_999)).toBe("9,999");
    expect(formatCompact(12_345)).toBe("12.3 k");
    expect(formatCompact(1_234_567)).toBe("1.23 M");
  });
  test("a share that is not all is never written as 100 %, one that is not nothing never as 0 %", () => {
    expect(formatShare(99_999, 100_000)).toBe("99.9 %");
    expect(formatShare(1, 100_000)).toBe("< 0.1 %");
    expect(formatShare(1, 3)).toBe("33 %");
    expect(formatShare(0, 0)).toBe("–");
    expect(formatPercent(100)).toBe("100 %");
    expect(formatPercent(0)).toBe("0 %");
    expect(formatPercent(2.5)).toBe("2.5 %");
  });
  test("sizes are binary and say so", () => {
    expect(formatBytes(512)).toBe("512 B");
    expect(formatBytes(4915)).toBe("4.8 KiB");
    expect(formatBytes(8 * 2 ** 20)).toBe("8 MiB");
    expect(formatRate(3 * 2 ** 20)).toBe("3 MiB/s");
  });
  test("digests are cut to 12 digits", () => {
    expect(shortDigest("0123456789abcdef")).toBe("0123456789ab");
  });
});

describe("durations", () => {
  test("no measurement and zero read differently", () => {
    expect(formatMs(null)).toBe("–");
    expect(formatMs(0)).toBe("0 ms");
  });
  test("latencies keep three significant digits across their whole range", () => {
    expect(formatMs(0.0421)).toBe("0.042 ms");
    expect(formatMs(1.234)).toBe("1.23 ms");
    expect(formatMs(12.34)).toBe("12.3 ms");
    expect(formatMs(234.5)).toBe("235 ms");
    expect(formatMs(1234)).toBe("1.23 s");
  });
  test("spans are told in their two largest units", () => {
    expect(formatDuration(850)).toBe("850 ms");
    expect(formatDuration(59_999)).toBe("59 s");
    expect(formatDuration(90_000)).toBe("1 min 30 s");
    expect(formatDuration(14 * 60_000 + 5_000)).toBe("14 min");
    expect(formatDuration(2 * 3_600_000 + 5 * 60_000)).toBe("2 h 5 min");
    expect(formatDuration(76 * 3_600_000)).toBe("3 d 4 h");
    expect(formatDuration(-5)).toBe("0 s");
  });
});

describe("times", () => {
  const now = Date.parse("2026-11-24T03:08:11Z");
  test("ages are told by their largest unit, in both directions", () => {
    expect(formatRelative(null, now)).toBe("never");
    expect(formatRelative(now - 1000, now)).toBe("just now");
    expect(formatRelative(now - 42_000, now)).toBe("42 s ago");
    expect(formatRelative("2026-11-24T02:54:00Z", now)).toBe("14 min ago");
    expect(formatRelative(now - 3 * 86_400_000, now)).toBe("3 d ago");
    expect(formatRelative(now + 5 * 60_000, now)).toBe("in 5 min");
  });
  test("a moment that stands alone names its zone", () => {
    expect(formatDateTime(now, { timeZone: "UTC" })).toBe("24 Nov 2026, 03:08:11 UTC");
    expect(formatClock(now, { timeZone: "UTC" })).toBe("03:08:11");
    expect(formatClock(now, { timeZone: "UTC", seconds: false })).toBe("03:08");
    expect(formatDayClock(now, { timeZone: "UTC" })).toBe("24 Nov, 03:08");
    expect(formatDay(now, { timeZone: "UTC" })).toBe("24 Nov");
  });
});
