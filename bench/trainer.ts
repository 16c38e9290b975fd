// What the trainer makes of real models and data, beside what was asked of it. Needs ../shared beside the checkout; rows without their files say so.
// node bench/trainer.ts [what…]
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { printTable, type Row } from "./optimizer/row.ts";
import { mnist, synthetic } from "./trainer/digits.ts";
import { keras } from "./trainer/keras.ts";
import { recovery } from "./trainer/recovery.ts";
import { speed } from "./trainer/step-speed.ts";
import { orExit, UsageError } from "./world/whole-numbers.ts";

const PARTS: Readonly<Record<string, (workDir: string) => Promise<Row[]>>> = { keras, speed, synthetic, mnist, recovery };

const parts = orExit(() => wanted(process.argv.slice(2)));
const workDir = await mkdtemp(join(tmpdir(), "flotilla-bench-trainer-"));
try {
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 16)}`);
  const rows: Row[] = [];
  for (const part of parts) rows.push(...((await PARTS[part]?.(workDir)) ?? []));
  printTable(rows);
  if (rows.some(({ holds }) => holds === false)) process.exitCode = 1;
} finally {
  await rm(workDir, { recursive: true, force: true });
}

function wanted(given: readonly string[]): readonly string[] {
  const known = Object.keys(PARTS);
  for (const part of given) if (!known.includes(part)) throw new UsageError(`there is no part "${part}"\nusage: node bench/trainer.ts [${known.join("|")}]…   (without: all)`);
  return given.length > 0 ? given : known;
}
