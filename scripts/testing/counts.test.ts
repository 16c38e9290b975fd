import { expect, test } from "vitest";
import { add, countsOfPlaywright, countsOfVitest, failuresOfPlaywright, failuresOfVitest, summaryLine } from "./counts.ts";

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

test("the last lines name what failed and why, in colourless single lines", () => {
  const vitest = {
    testResults: [
      { name: "a.test.ts", status: "passed", assertionResults: [{ status: "passed", fullName: "fine" }] },
      { name: "b.test.ts", status: "failed", assertionResults: [{ status: "failed", fullName: "keeps it", failureMessages: ["\u001b[31mError\u001b[0m: gone\n at b.test.ts:1"] }, { status: "passed", fullName: "x" }] },
      { name: "c.test.ts", status: "failed", message: "cannot import", assertionResults: [] },
    ],
  };
  expect(failuresOfVitest(vitest)).toEqual(["b.test.ts › keeps it: Error: gone", "c.test.ts: cannot import"]);
  const spec = (ok: boolean) => ({ title: ok ? "good" : "bad", ok, file: "d.e2e.ts", tests: [{ results: [{ error: { message: "first" } }, { error: { message: "last try" } }] }] });
  const playwright = { suites: [{ specs: [spec(true)], suites: [{ specs: [spec(false)] }] }], errors: [{ message: "set-up broke" }] };
  expect(failuresOfPlaywright(playwright)).toEqual(["d.e2e.ts › bad: last try", "set-up broke"]);
});
