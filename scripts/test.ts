import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check.ts";
import { ensureWebBuild } from "./launcher/web-build.ts";
import { runStep } from "./run-step.ts";
import { findBrowser } from "./testing/chromium.ts";
import { add, countsOfPlaywright, countsOfVitest, NONE, summaryLine, type Counts } from "./testing/counts.ts";

// `npm test`: every stage runs, also after one has failed; the last line is the sum of what all runners counted.

const ROOT = join(import.meta.dirname, "..");
const E2E_CONFIG = "apps/web/e2e/playwright.config.ts";

type Stage = { name: string; run: () => Promise<{ isOk: boolean; counts: Counts }> };

const reports = mkdtempSync(join(tmpdir(), "flotilla-test-reports-"));
const stages: Stage[] = [
  { name: "check", run: async () => ({ isOk: (await check()).length === 0, counts: NONE }) },
  { name: "unit", run: () => runVitest("unit") },
  { name: "db", run: () => runVitest("db") },
  // The next two start the platform; building the web app is not their business.
  { name: "build", run: buildWeb },
  { name: "system", run: () => runVitest("system") },
  { name: "e2e", run: runPlaywright },
];

const failed: string[] = [];
const times: string[] = [];
let total = NONE;
for (const { name, run } of stages) {
  console.log(`\n━━ ${name} ━━`);
  const startedAtMs = performance.now();
  const { isOk, counts } = await run();
  times.push(`${name} ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`);
  if (!isOk) failed.push(name);
  total = add(total, counts);
}
rmSync(reports, { recursive: true, force: true });
console.log(`\nTime: ${times.join(", ")}`);
if (failed.length > 0) console.log(`Failed: ${failed.join(", ")}`);
// A stage may fail without a failed test (lint, types, a leaked connection): the line must not look green then.
console.log(summaryLine(failed.length > 0 && total.failed === 0 ? { ...total, failed: failed.length } : total));
process.exitCode = failed.length > 0 || total.failed > 0 ? 1 : 0;

async function buildWeb(): Promise<{ isOk: boolean; counts: Counts }> {
  try {
    await ensureWebBuild(ROOT, join(reports, "web-build.log"), (sentence) => console.log(sentence));
    return { isOk: true, counts: NONE };
  } catch (error) {
    console.error((error as Error).message);
    return { isOk: false, counts: NONE };
  }
}

async function runVitest(project: string): Promise<{ isOk: boolean; counts: Counts }> {
  const file = join(reports, `${project}.json`);
  const { isOk } = await runStep(
    ["node_modules/vitest/vitest.mjs", "run", "--project", project, "--passWithNoTests", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
    { cwd: ROOT },
  );
  return { isOk, counts: countsFrom(file, countsOfVitest) };
}

async function runPlaywright(): Promise<{ isOk: boolean; counts: Counts }> {
  if (!existsSync(join(ROOT, E2E_CONFIG))) {
    console.log(`  failed: ${E2E_CONFIG} does not exist`);
    return { isOk: false, counts: NONE };
  }
  const browser = findBrowser(ROOT);
  if (browser.kind === "none") {
    console.log(`  skipped: no browser for the end-to-end tests (${browser.reason}). Set CHROMIUM_PATH to one.`);
    return { isOk: true, counts: { ...NONE, skipped: 1 } };
  }
  const file = join(reports, "e2e.json");
  const { isOk } = await runStep(["node_modules/@playwright/test/cli.js", "test", "--config", E2E_CONFIG, "--reporter=list,json"], {
    cwd: ROOT,
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file, ...(browser.kind === "system" && { CHROMIUM_PATH: browser.path }) },
  });
  return { isOk, counts: countsFrom(file, countsOfPlaywright) };
}

/** A runner that died before it wrote its report has failed at least once. */
function countsFrom(file: string, read: (report: unknown) => Counts): Counts {
  try {
    return read(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return { ...NONE, failed: 1 };
  }
}
