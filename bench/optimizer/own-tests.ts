import { spawn } from "node:child_process";
import { join } from "node:path";
import { ON_LEASH } from "../load/processes.ts";

const ROOT = join(import.meta.dirname, "../..");

export type OwnTests = { readonly passed: number; readonly total: number; readonly printed: string };

/** Runs a test file of the project in a process of its own. Its cases are the evidence, so they are not written twice. */
export async function ownTests(file: string): Promise<OwnTests> {
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "unit", file];
  const child = spawn(process.execPath, [...ON_LEASH, ...vitest], { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => { printed += chunk.toString(); });
  await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
  const summary = /^\s*Tests\s.*$/m.exec(printed)?.[0] ?? "";
  return { passed: Number(/(\d+) passed/.exec(summary)?.[1] ?? 0), total: Number(/\((\d+)\)/.exec(summary)?.[1] ?? 0), printed };
}
