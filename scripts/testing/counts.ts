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

type VitestSuite = { name: string; status: string; message?: string; assertionResults: { status: string; fullName: string; failureMessages?: string[] | null }[] };

/** What failed in vitest's JSON report, a line each: where, which test, and the first line of why. */
export function failuresOfVitest(report: unknown): string[] {
  const { testResults } = report as { testResults: VitestSuite[] };
  return testResults.filter(({ status }) => status === "failed").flatMap(({ name, message, assertionResults }) => {
    const tests = assertionResults.filter((result) => result.status === "failed");
    if (tests.length === 0) return [`${name}: ${firstLine(message)}`];
    return tests.map((result) => `${name} › ${result.fullName}: ${firstLine(result.failureMessages?.[0])}`);
  });
}

type PlaywrightSuite = { suites?: PlaywrightSuite[]; specs?: { title: string; ok: boolean; file: string; tests: { results: { error?: { message?: string } }[] }[] }[] };

/** What failed in Playwright's JSON report, a line each. */
export function failuresOfPlaywright(report: unknown): string[] {
  const { suites, errors } = report as { suites: PlaywrightSuite[]; errors: { message?: string }[] };
  const ofSuite = (suite: PlaywrightSuite): string[] => [
    ...(suite.specs ?? []).filter((spec) => !spec.ok).map((spec) => `${spec.file} › ${spec.title}: ${firstLine(spec.tests[0]?.results.at(-1)?.error?.message)}`),
    ...(suite.suites ?? []).flatMap(ofSuite),
  ];
  return [...suites.flatMap(ofSuite), ...errors.map((error) => firstLine(error.message))];
}

function firstLine(text: string | undefined): string {
  // oxlint-disable-next-line no-control-regex -- colours of the runner's message
  return (text ?? "").replaceAll(/\u001b\[[0-9;]*m/g, "").split("\n")[0]?.slice(0, 300) || "no message";
}
