import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check.ts";
import { ensureWebBuild } from "./launcher/web-build.ts";
import { runStep } from "./run-step.ts";
import { findBrowser } from "./testing/chromium.ts";
import { LaneOutput, type Write } from "./testing/lane-output.ts";
import { add, countsOfPlaywright, countsOfVitest, failuresOfPlaywright, failuresOfVitest, NONE, summaryLine, type Counts } from "./testing/counts.ts";

// `npm test`: every stage runs, also after one has failed; the last line is the sum of what all runners counted.
//
// After the check two lanes run at once, since a test here mostly waits (for a device, a browser, a database): one lane after the other would
// leave half of a small machine idle. The first lane's words show at once, the second's when the first has ended. `--one-lane` runs one stage
// at a time.

const ROOT = join(import.meta.dirname, "..");
const E2E_CONFIG = "apps/web/e2e/playwright.config.ts";

/** Several times what the longest stage takes; on a machine that is slow and busy the browser tests were seen to take more than 35 minutes. A stage that hangs must still be told by name. */
const STAGE_LIMIT_MS = 75 * 60_000;

/** A machine that is at the faults later than that is slow. */
const WHOLE_GATE_WITHIN_MS = 22 * 60_000;

type Stage = { name: string; run: (write: Write) => Promise<{ isOk: boolean; counts: Counts }> };

const reports = mkdtempSync(join(tmpdir(), "flotilla-test-reports-"));
const CHECK: Stage = { name: "check", run: async () => ({ isOk: (await check()).length === 0, counts: NONE }) };
// About as long as each other. By the time that the first lane comes to the system tests, the second has built the web app.
const LANES: [Stage[], Stage[]] = [
  [
    { name: "unit", run: (write) => runVitest("unit", write) },
    { name: "db", run: (write) => runVitest("db", write) },
    { name: "system", run: (write) => runVitest("system", write) },
  ],
  [
    // The browser tests and the system tests start the platform; building the web app is not their business.
    { name: "build", run: buildWeb },
    { name: "e2e", run: runPlaywright },
  ],
];
/** For the lane that ends first. */
const LAST: Stage[] = [{ name: "faults", run: runFaults }];

const failed: string[] = [];
const failures: string[] = [];
const times: string[] = [];
let total = NONE;
const [front, behind] = [new LaneOutput(show, true), new LaneOutput(show, process.argv.includes("--one-lane"))];
await runStages([CHECK], front.write);
const first = runLane(LANES[0], front.write);
if (process.argv.includes("--one-lane")) await first;
await Promise.all([first.then(() => behind.toFront()), runLane(LANES[1], behind.write)]);
rmSync(reports, { recursive: true, force: true });
console.log(`\nTime: ${times.join(", ")}`);
if (failed.length > 0) console.log(`Failed: ${failed.join(", ")}`);
for (const failure of failures) console.log(`  ${failure}`);
// A stage may fail without a failed test (lint, types, a leaked connection): the line must not look green then.
console.log(summaryLine(failed.length > 0 && total.failed === 0 ? { ...total, failed: failed.length } : total));
process.exitCode = failed.length > 0 || total.failed > 0 ? 1 : 0;

function show(chunk: Buffer | string): void {
  process.stdout.write(chunk);
}

async function runLane(stages: readonly Stage[], write: Write): Promise<void> {
  await runStages(stages, write);
  await runStages(LAST.splice(0), write);
}

async function runStages(stages: readonly Stage[], write: Write): Promise<void> {
  for (const { name, run } of stages) {
    write(`\n━━ ${name} ━━\n`);
    const startedAtMs = performance.now();
    const { isOk, counts } = await run(write);
    times.push(`${name} ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`);
    if (!isOk) failed.push(name);
    total = add(total, counts);
  }
}

async function buildWeb(write: Write): Promise<{ isOk: boolean; counts: Counts }> {
  try {
    await ensureWebBuild(ROOT, join(reports, "web-build.log"), (sentence) => write(`${sentence}\n`));
    return { isOk: true, counts: NONE };
  } catch (error) {
    write(`${(error as Error).message}\n`);
    return { isOk: false, counts: NONE };
  }
}

async function runVitest(project: string, write: Write): Promise<{ isOk: boolean; counts: Counts }> {
  const file = join(reports, `${project}.json`);
  const { isOk } = await runStep(
    ["node_modules/vitest/vitest.mjs", "run", "--project", project, "--passWithNoTests", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
    { cwd: ROOT, write, limitMs: STAGE_LIMIT_MS },
  );
  return { isOk, counts: countsFrom(file, countsOfVitest, failuresOfVitest) };
}

/** The whole gate: four to five minutes on two cores; a tenth of it where everything before took so long that the whole would not end in time. Each row counts as one test. */
async function runFaults(write: Write): Promise<{ isOk: boolean; counts: Counts }> {
  const file = join(reports, "faults.json");
  const isSlow = performance.now() > WHOLE_GATE_WITHIN_MS;
  if (isSlow) write(`A tenth of the gate, since the stages before took more than ${WHOLE_GATE_WITHIN_MS / 60_000} minutes; npm run test:faults runs the whole.\n`);
  const { isOk } = await runStep(["scripts/test-faults.ts", "--report", file, ...(isSlow ? ["--scale", "0.1"] : [])], { cwd: ROOT, write, limitMs: STAGE_LIMIT_MS });
  const read = (report: unknown): Counts => ({ ...NONE, ...(report as Pick<Counts, "passed" | "failed">) });
  return { isOk, counts: countsFrom(file, read, () => (isOk ? [] : ["a row of the fault table does not hold: see the table above"])) };
}

async function runPlaywright(write: Write): Promise<{ isOk: boolean; counts: Counts }> {
  if (!existsSync(join(ROOT, E2E_CONFIG))) {
    write(`  failed: ${E2E_CONFIG} does not exist\n`);
    return { isOk: false, counts: NONE };
  }
  const browser = findBrowser(ROOT);
  if (browser.kind === "none") {
    write(`  skipped: no browser for the end-to-end tests (${browser.reason}). Set CHROMIUM_PATH to one.\n`);
    return { isOk: true, counts: { ...NONE, skipped: 1 } };
  }
  const file = join(reports, "e2e.json");
  const { isOk } = await runStep(["node_modules/@playwright/test/cli.js", "test", "--config", E2E_CONFIG, "--reporter=list,json"], {
    cwd: ROOT,
    write,
    limitMs: STAGE_LIMIT_MS,
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file, ...(browser.kind === "system" && { CHROMIUM_PATH: browser.path }) },
  });
  return { isOk, counts: countsFrom(file, countsOfPlaywright, failuresOfPlaywright) };
}

/** A runner that died before it wrote its report has failed at least once. */
function countsFrom(file: string, read: (report: unknown) => Counts, readFailures: (report: unknown) => string[]): Counts {
  try {
    const report: unknown = JSON.parse(readFileSync(file, "utf8"));
    failures.push(...readFailures(report));
    return read(report);
  } catch {
    failures.push(`${file} was not written: the runner died`);
    return { ...NONE, failed: 1 };
  }
}
