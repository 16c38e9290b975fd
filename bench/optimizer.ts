// What the optimizer makes of real models, criterion by criterion, beside what was asked of it. Needs ../shared beside the checkout; rows
// without their files say so. Times are ratios of interleaved runs. node bench/optimizer.ts [what…] [--reference <json>]
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { matricesInBlocks } from "./optimizer/block-weights.ts";
import { calibrationMemory } from "./optimizer/calibration-memory.ts";
import { cifar } from "./optimizer/cifar.ts";
import { cpuFlags } from "./optimizer/cpu.ts";
import { emulator } from "./optimizer/emulator.ts";
import { fusion } from "./optimizer/fusion.ts";
import { handling } from "./optimizer/handling.ts";
import { digits, squeezeNet } from "./optimizer/real-models.ts";
import { readReference, type Reference, referenceTool } from "./optimizer/reference-tool.ts";
import { printTable, type Row } from "./optimizer/row.ts";
import { faceDetector } from "./optimizer/simplification.ts";
import { transformerInBlocks } from "./optimizer/transformer-blocks.ts";
import { orExit, UsageError } from "./world/whole-numbers.ts";

const PARTS: Readonly<Record<string, (workDir: string, reference: Reference | null) => Promise<Row[]>>> = {
  digits, cifar, squeezenet: squeezeNet, simplify: faceDetector, fusion, emulator, blocks: matricesInBlocks, attention: transformerInBlocks, memory: calibrationMemory, handling, reference: referenceTool,
};

const { parts, referencePath } = orExit(() => commandLine(process.argv.slice(2)));
const reference = referencePath === null ? null : await readReference(referencePath).catch((error: unknown) => orExit<never>(() => { throw error; }));
const workDir = await mkdtemp(join(tmpdir(), "flotilla-bench-optimizer-"));
try {
  console.log(`${availableParallelism()} cores, CPU ${cpuFlags().join(" ") || "flags unknown"}, load average ${loadavg()[0]?.toFixed(1)}, ${new Date().toISOString().slice(0, 16)}`);
  const rows: Row[] = [];
  for (const part of parts) {
    console.error(`${part} …`);
    rows.push(...((await PARTS[part]?.(workDir, reference)) ?? []));
  }
  printTable(rows.sort((a, b) => a.item.localeCompare(b.item)));
  console.log(`load average at the end ${loadavg()[0]?.toFixed(1)}`);
  if (rows.some(({ holds }) => holds === false)) process.exitCode = 1;
} finally {
  await rm(workDir, { recursive: true, force: true });
}

function commandLine(given: readonly string[]): { parts: string[]; referencePath: string | null } {
  const known = Object.keys(PARTS);
  const usage = `usage: node bench/optimizer.ts [${known.join("|")}]… [--reference <json>]   (without: all)`;
  const at = given.indexOf("--reference");
  const referencePath = at < 0 ? null : given[at + 1];
  if (referencePath === undefined) throw new UsageError(`--reference needs a file\n${usage}`);
  const wanted = at < 0 ? given : given.filter((_, i) => i !== at && i !== at + 1);
  for (const part of wanted) if (!known.includes(part)) throw new UsageError(`there is no part "${part}"\n${usage}`);
  return { parts: wanted.length > 0 ? [...new Set(wanted)] : known, referencePath };
}
