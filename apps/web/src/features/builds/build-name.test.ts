import { expect, test } from "vitest";
import { buildNameFor } from "./build-name.ts";

test("a suggested name tells model, version and minute, and is never too long", () => {
  const at = new Date("2026-11-24T03:08:11Z");
  expect(buildNameFor({ modelName: "digit-reader", number: 3, at })).toBe("digit-reader v3 2026-11-24 0308");
  expect(buildNameFor({ modelName: "x".repeat(128), number: 3, at })).toHaveLength(100);
});
