// What the trainer makes of real models and data, beside what was asked of it. Needs ../shared beside the checkout; rows without their files say so.
// node bench/trainer.ts [what…] [--peer <command>]…   (a peer answers the questions of trainer/peer-process.ts)
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { printTable, type Row } from "./optimizer/row.ts";
import { mnist, synthetic } from "./trainer/digits.ts";
import { fineTune } from "./trainer/fine-tune.ts";
import { keras } from "./trainer/keras.ts";
import { PEER_PARTS } from "./trainer/peers.ts";
import { recovery } from "./trainer/recovery.ts";
import { speed } from "./trainer/step-speed.ts";
import { orExit, UsageError } from "./world/whole-numbers.ts";

const PARTS: Readonly<Record<string, (workDir: string, peers: readonly string[]) => Promise<Row[]>>> = { keras, speed, synthetic, mnist, recovery, "fine-tune": fineTune, ...PEER_PARTS };

const { parts, peers } = orExit(() => commandLine(process.argv.slice(2)));
const workDir = await mkdtemp(join(tmpdir(), "flotilla-bench-trainer-"));
try {
  console.log(`${availableParallelism()} cores, load average ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 16)}`);
  const rows: Row[] = [];
  for (const part of parts) rows.push(...((await PARTS[part]?.(workDir, peers)) ?? []));
  printTable(rows);
  if (rows.some(({ holds }) => holds === false)) process.exitCode = 1;
} finally {
  await rm(workDir, { recursive: true, force: true });
}

function commandLine(given: readonly string[]): { parts: readonly string[]; peers: readonly string[] } {
  const known = Object.keys(PARTS);
  const usage = `usage: node bench/trainer.ts [${known.join("|")}]… [--peer <command>]…   (without: all)`;
  const wanted: string[] = [];
  const peers: string[] = [];
  for (let i = 0; i < given.length; i += 1) {
    const word = given[i] ?? "";
    if (word !== "--peer") { wanted.push(word); continue; }
    const command = given[i += 1];
    if (command === undefined) throw new UsageError(`--peer needs a command\n${usage}`);
    peers.push(command);
  }
  for (const part of wanted) if (!known.includes(part)) throw new UsageError(`there is no part "${part}"\n${usage}`);
  return { parts: wanted.length > 0 ? wanted : known, peers };
}
