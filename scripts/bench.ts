import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { runStep } from "./run-step.ts";

// `npm run bench` runs every file of bench/, one after the other; `npm run bench -- latency-query` only that one.

/** Takes the machine for the better part of an hour: only when named. */
const ONLY_WHEN_NAMED = ["hundred-thousand"];

const ROOT = join(import.meta.dirname, "..");
const known = readdirSync(join(ROOT, "bench")).filter((file) => file.endsWith(".ts")).map((file) => basename(file, ".ts"));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  process.exit(1);
}
for (const name of wanted.length > 0 ? wanted : known.filter((name) => !ONLY_WHEN_NAMED.includes(name))) {
  console.log(`\n━━ ${name} ━━`);
  const { isOk } = await runStep([join("bench", `${name}.ts`)], { cwd: ROOT });
  if (!isOk) process.exitCode = 1;
}
