import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runStep } from "../../scripts/run-step.ts";
import { mutants, type CatchingTest, type Mutant } from "./mutants.ts";
import { copyTree, type TreeCopy } from "./tree-copy.ts";

type Verdict = { mutant: Mutant; end: "caught" | "survived" | "no longer applies" | "its test fails without it"; seconds: number };
type Report = { testResults: { assertionResults: { title: string; status: string }[] }[] };

/** Makes one mistake at a time in a copy of the tree and runs the test that must notice. Prints the kill table; answers how it ended. */
export async function runMutants(root: string, only: readonly string[]): Promise<{ passed: number; failed: number }> {
  const wanted = mutants.filter((mutant) => only.length === 0 || only.some((word) => mutant.name.includes(word)));
  const copy = copyTree(root);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      copy.remove();
      process.exit(130);
    });
  }
  try {
    const sound = await soundTests(copy, wanted.map((mutant) => mutant.caughtBy));
    const verdicts: Verdict[] = [];
    for (const mutant of wanted) {
      const startedMs = performance.now();
      const end = sound.has(nameOf(mutant.caughtBy)) ? await tryMutant(copy, mutant) : "its test fails without it";
      verdicts.push({ mutant, end, seconds: (performance.now() - startedMs) / 1000 });
      console.log(`  ${end}: ${mutant.name}`);
    }
    console.log(`\n${killTable(verdicts)}`);
    const caught = verdicts.filter((verdict) => verdict.end === "caught").length;
    return { passed: caught, failed: verdicts.length - caught };
  } finally {
    copy.remove();
  }
}

async function tryMutant(copy: TreeCopy, mutant: Mutant): Promise<Verdict["end"]> {
  let undo: () => void;
  try {
    undo = copy.edit(mutant.edits);
  } catch (error) {
    console.error(`  ${(error as Error).message}`);
    return "no longer applies";
  }
  try {
    return (await failedTests(copy, [mutant.caughtBy])).has(nameOf(mutant.caughtBy)) ? "caught" : "survived";
  } finally {
    undo();
  }
}

/** Those of the tests that pass while nothing is wrong: a test that always fails catches nothing. */
async function soundTests(copy: TreeCopy, tests: readonly CatchingTest[]): Promise<Set<string>> {
  const unique = [...new Map(tests.map((test) => [nameOf(test), test])).values()];
  const failed = await failedTests(copy, unique);
  return new Set(unique.map(nameOf).filter((name) => !failed.has(name)));
}

/** Names of those that fail now. A vitest title that did not run counts as neither: it is reported as sound only when it passed. */
async function failedTests(copy: TreeCopy, tests: readonly CatchingTest[]): Promise<Set<string>> {
  const failed = new Set<string>();
  const inVitest = tests.filter((test) => test.kind === "vitest");
  if (inVitest.length > 0) {
    const statuses = await vitestStatuses(copy, inVitest);
    for (const test of inVitest) {
      const status = statuses.get(test.title);
      // The mistake must fail this test, not keep its file from loading.
      if (status === undefined) throw new Error(`there is no test "${test.title}" in ${test.file}, or its file could not be loaded`);
      if (status !== "passed") failed.add(nameOf(test));
    }
  }
  for (const test of tests) {
    if (test.kind !== "faults") continue;
    const { isOk } = await runStep(["scripts/test-faults.ts", "--only", test.only, "--scale", String(test.scale)], { cwd: copy.root, isQuiet: true });
    if (!isOk) failed.add(nameOf(test));
  }
  return failed;
}

async function vitestStatuses(copy: TreeCopy, tests: readonly { file: string; title: string }[]): Promise<Map<string, string>> {
  const file = join(copy.root, "mutant-report.json");
  rmSync(file, { force: true });
  const files = [...new Set(tests.map((test) => test.file))];
  const titles = tests.map((test) => test.title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const { output } = await runStep(["node_modules/vitest/vitest.mjs", "run", ...files, "-t", titles, "--reporter=json", `--outputFile.json=${file}`], { cwd: copy.root, isQuiet: true });
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    return new Map(report.testResults.flatMap(({ assertionResults }) => assertionResults.map(({ title, status }) => [title, status])));
  } catch (error) {
    throw new Error(`vitest gave no report:\n${output.slice(-2_000)}`, { cause: error });
  }
}

function nameOf(test: CatchingTest): string {
  return test.kind === "vitest" ? `${test.file}: ${test.title}` : `npm run test:faults -- --only ${test.only} --scale ${test.scale}`;
}

function killTable(verdicts: readonly Verdict[]): string {
  const width = Math.max(...verdicts.map(({ mutant }) => mutant.name.length));
  return verdicts.map(({ mutant, end, seconds }) => `${mutant.name.padEnd(width)}  ${end.padEnd(8)} ${seconds.toFixed(0).padStart(4)} s  ${nameOf(mutant.caughtBy)}`).join("\n");
}
