import { deviceFailureCodeSchema } from "@flotilla/protocol";
import { expect, test } from "vitest";
import type { FailureGroup } from "@flotilla/fleet";
import { failureMeaning, failureReasons } from "./failure-reasons.ts";

const group = (code: string, className: string, devices: number, detail: string | null = null): FailureGroup => ({
  code, detail, className, devices, sample: [{ deploymentId: `dep_${className}${code}`, deviceId: `dev_${className}`, deviceName: className }],
});

test("one reason on two classes is told once, with where it concentrates", () => {
  const reasons = failureReasons([group("load_failed", "pi4", 1), group("disk_full", "pi4", 3), group("load_failed", "nano", 5)]);
  expect(reasons.map((reason) => [reason.code, reason.devices, reason.where])).toEqual([["load_failed", 6, "5 on nano, 1 on pi4"], ["disk_full", 3, "all on pi4"]]);
  expect(reasons[0]?.sample).toHaveLength(2);
});

test("the same code with different details stays apart", () => {
  expect(failureReasons([group("io", "pi4", 1, "a"), group("io", "pi4", 1, "b")])).toHaveLength(2);
});

test("every failure a device can name has a meaning for people", () => {
  for (const code of deviceFailureCodeSchema.options) expect(failureMeaning(code)).not.toBe("");
});
