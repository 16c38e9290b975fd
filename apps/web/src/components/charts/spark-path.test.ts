import { describe, expect, test } from "vitest";
import { sparkPath } from "./spark-path.ts";

describe("sparklines", () => {
  const box = { width: 30, height: 10, top: 10 };
  test("a gap breaks the line instead of falling to zero", () => {
    expect(sparkPath([10, 5, null, 10], box)).toBe("M0.0 2.0h0L10.0 5.0M30.0 2.0h0");
  });
  test("nothing draws nothing", () => {
    expect(sparkPath([null, null], box)).toBe("");
    expect(sparkPath([], box)).toBe("");
  });
});
