import { expect, test } from "vitest";
import { safeNextPath } from "./next-path.ts";

test("after signing in a person stays on this site, whatever the link said", () => {
  for (const foreign of ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", "\\\\evil.example", "/..//evil.example", "", undefined]) {
    expect(safeNextPath(foreign), String(foreign)).toBe("/");
  }
});

test("a path of ours survives with its query", () => {
  expect(safeNextPath("/rollouts/rol_1?tab=failures")).toBe("/rollouts/rol_1?tab=failures");
  expect(safeNextPath(["/models", "/jobs"])).toBe("/models");
});

test("signing in does not lead back to signing in", () => {
  expect(safeNextPath("/sign-in?next=/sign-in")).toBe("/");
});
