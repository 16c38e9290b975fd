import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { faults, runFaults } from "../tests/faults/run-faults.ts";

// `npm run test:faults`: kills what can be killed and counts what was lost. `-- --soak` tries ten times as often, `-- --seed N` makes
// the same choices again, `-- --only worker,postgres` only these faults, `-- --scale 0.1` tries a tenth (while working on it),
// `-- --report FILE` writes the counts as JSON.

const { values } = parseArgs({ options: { soak: { type: "boolean", default: false }, scale: { type: "string" }, seed: { type: "string" }, only: { type: "string", default: "" }, report: { type: "string" } } });
const only = values.only.split(",").filter((name) => name !== "");
const unknown = only.filter((name) => !faults.some((fault) => fault.name === name));
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (unknown.length > 0 || !Number.isSafeInteger(seed)) {
  console.error(unknown.length > 0 ? `There is no fault ${unknown.join(", ")}. There are: ${faults.map((fault) => fault.name).join(", ")}.` : "--seed wants a whole number.");
  process.exit(2);
}
const scale = values.scale === undefined ? (values.soak ? 10 : 1) : Number(values.scale);
const counts = await runFaults({ seed, scale, only });
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(counts));
console.log(`${counts.passed} of ${counts.passed + counts.failed} rows hold.`);
process.exit(counts.failed > 0 ? 1 : 0);
