import { expect, test } from "vitest";
import { add, countsOfPlaywright, countsOfVitest, summaryLine } from "./counts.ts";

test("a vitest suite that broke before its tests ran counts as a failure", () => {
  const report = {
    numPassedTests: 5,
    numPendingTests: 2,
    numTodoTests: 1,
    testResults: [
      { status: "passed", assertionResults: [{ status: "passed" }] },
      { status: "failed", assertionResults: [{ status: "failed" }, { status: "failed" }, { status: "passed" }] },
      { status: "failed", assertionResults: [] },
      { status: "failed", assertionResults: [{ status: "passed" }, { status: "skipped" }] },
    ],
  };
  expect(countsOfVitest(report)).toEqual({ passed: 5, failed: 4, skipped: 3 });
});

test("Playwright's errors outside tests count as failures, a pass on a retry as a pass", () => {
  const report = { stats: { expected: 3, unexpected: 1, flaky: 1, skipped: 2 }, errors: [{}] };
  expect(countsOfPlaywright(report)).toEqual({ passed: 4, failed: 2, skipped: 2 });
});

test("the runners' counts add up to the last line", () => {
  expect(summaryLine(add({ passed: 1, failed: 0, skipped: 2 }, { passed: 10, failed: 3, skipped: 0 }))).toBe("11 passed, 3 failed, 2 skipped");
});
