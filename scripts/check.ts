import { existsSync } from "node:fs";
import { join } from "node:path";
import { runStep } from "./run-step.ts";

const ROOT = join(import.meta.dirname, "..");

const STEPS: { name: string; args: string[]; needs?: string }[] = [
  { name: "lint (import table, hooks, promises)", args: ["node_modules/oxlint/bin/oxlint", "--type-aware"] },
  { name: "types of packages, programs, scripts and tests", args: ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"] },
  { name: "types of the web app", args: ["node_modules/typescript/bin/tsc", "-p", "apps/web/tsconfig.json", "--noEmit"], needs: "apps/web/tsconfig.json" },
  { name: "style (sizes, names, guides that are true)", args: ["scripts/check-style.ts"] },
];

/** Runs every step, also after one has failed. Answers the names of those that failed. */
export async function check(): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, args, needs } of STEPS) {
    console.log(`\n› ${name}`);
    const isMissing = needs !== undefined && !existsSync(join(ROOT, needs));
    const { isOk, seconds } = isMissing ? { isOk: false, seconds: 0 } : await runStep(args, { cwd: ROOT });
    console.log(isMissing ? `  failed: ${needs} does not exist` : `  ${isOk ? "ok" : "failed"} in ${seconds.toFixed(1)} s`);
    if (!isOk) failed.push(name);
  }
  return failed;
}

if (import.meta.main) {
  const failed = await check();
  console.log(failed.length === 0 ? "\nAll checks passed." : `\nFailed: ${failed.join("; ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
