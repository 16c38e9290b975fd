import { expect, test } from "vitest";
import { jobRefusal } from "./job-refusal.ts";

test("a job that ended well by refusing a file is told from one that took it, and from one that failed", () => {
  const refused = { state: "rejected", code: "malformed", reason: "the file is damaged" };
  expect(jobRefusal({ state: "succeeded", result: refused })).toEqual({ reason: "the file is damaged", code: "malformed" });
  expect(jobRefusal({ state: "succeeded", result: { state: "ready" } })).toBeNull();
  expect(jobRefusal({ state: "failed", result: refused })).toBeNull();
  for (const result of [null, undefined, "rejected", { state: "rejected" }]) expect(jobRefusal({ state: "succeeded", result })).toBeNull();
});
