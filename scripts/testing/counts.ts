/** Tests by their end. */
export type Counts = { passed: number; failed: number; skipped: number };

export const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * Counts of vitest's JSON report. A suite that failed outside its tests (a hook, an import) counts as one failure:
 * its tests never ran.
 */
export function countsOfVitest(report: unknown): Counts {
  const { numPassedTests, numPendingTests, numTodoTests, testResults } = report as {
    numPassedTests: number;
    numPendingTests: number;
    numTodoTests: number;
    testResults: { status: string; assertionResults: { status: string }[] }[];
  };
  const failed = testResults.reduce((sum, { status, assertionResults }) => {
    const failures = assertionResults.filter((result) => result.status === "failed").length;
    return sum + (status === "failed" && failures === 0 ? 1 : failures);
  }, 0);
  return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
}

/** Counts of Playwright's JSON report. A test that passed on a retry is a pass; errors outside tests are failures. */
export function countsOfPlaywright(report: unknown): Counts {
  const { stats, errors } = report as { stats: { expected: number; unexpected: number; flaky: number; skipped: number }; errors: unknown[] };
  return { passed: stats.expected + stats.flaky, failed: stats.unexpected + errors.length, skipped: stats.skipped };
}

/** The last line of `npm test`. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
