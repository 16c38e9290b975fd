import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFault } from "./agent-fault.ts";
import { evaluatorFault } from "./evaluator-fault.ts";
import type { Fault, FaultRow } from "./fault.ts";
import { openFaultServer, type FaultServer } from "./fault-server.ts";
import { ledgerFault } from "./ledger-fault.ts";
import { postgresFault } from "./postgres-fault.ts";
import { createPrograms, type Programs } from "./programs.ts";
import { seeded } from "./seeded.ts";
import { faultTable, holds, type TimedRow } from "./table.ts";
import { silenceFault } from "./silence-fault.ts";
import { stepFault } from "./step-fault.ts";
import { trainingFault } from "./training-fault.ts";
import { workerFault } from "./worker-fault.ts";

/**
 * Faults of one lane come one after the other, the lanes at once: a fault waits most of the time, for a lease, a wave or a start. Each lane has a
 * server of its own, which it may kill. About as long as each other.
 */
const LANES: readonly (readonly Fault[])[] = [[workerFault, agentFault, trainingFault], [ledgerFault, evaluatorFault], [postgresFault, stepFault, silenceFault]];

/** A fault that takes longer hangs: it fails, by name, and does not keep the others from being told. */
const LIMIT_MS = 15 * 60_000;

/** Every fault there is. */
export const faults: readonly Fault[] = LANES.flat();

export type FaultRun = { readonly seed: number; /** 1: gate, 10: soak. */ readonly scale: number; /** Names; none: all. */ readonly only: readonly string[] };

type Lane = { readonly server: FaultServer; readonly programs: Programs };

/** Injects the faults and prints the table. Answers rows that held and rows that did not; a fault whose harness broke counts as one that did not. */
export async function runFaults(run: FaultRun): Promise<{ passed: number; failed: number }> {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-faults-"));
  const open: Lane[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(open.splice(0).map(({ programs, server }) => programs.killAll().then(() => server.stop())));
    rmSync(dir, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void closeAll().finally(() => process.exit(130)));
  console.log(`Seed ${run.seed}: npm run test:faults -- --seed ${run.seed} makes the same choices again (the machine's timing it cannot repeat).`);
  const wanted = LANES.map((lane) => lane.filter((fault) => run.only.length === 0 || run.only.includes(fault.name))).filter((lane) => lane.length > 0);
  try {
    const rows = await Promise.all(wanted.map(async (lane, index) => {
      const own = join(dir, `lane-${index}`);
      mkdirSync(own);
      const programs = createPrograms();
      const server = await openFaultServer(own);
      open.push({ server, programs });
      const found: TimedRow[] = [];
      for (const fault of lane) found.push(...(await injectOne(fault, { server, programs }, join(own, fault.name), run)));
      return found;
    }));
    console.log(`\n${faultTable(rows.flat())}\n\nSeed ${run.seed}`);
    return { passed: rows.flat().filter(holds).length, failed: rows.flat().filter((row) => !holds(row)).length };
  } finally {
    await closeAll();
  }
}

async function injectOne(fault: Fault, { server, programs }: Lane, dir: string, run: FaultRun): Promise<TimedRow[]> {
  const startedAtMs = performance.now();
  const seconds = (): number => (performance.now() - startedAtMs) / 1000;
  const log = (sentence: string): void => console.log(`  ${fault.name}, ${seconds().toFixed(0)} s: ${sentence}`);
  mkdirSync(dir);
  const limitMs = LIMIT_MS * Math.max(run.scale, 1);
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(new Error(`it did not end within ${limitMs / 60_000} min`)), limitMs);
  const rows = await Promise.race([fault.run({ server, programs, random: seeded(run.seed), scale: run.scale, dir, log }), limit.promise]).catch((error: unknown): FaultRow[] => {
    console.error(`${fault.name}:`, error);
    return [{ what: `the harness broke: ${String(error).split("\n")[0]}`, tried: 0, atLeast: 1, lost: 0, duplicate: 0, torn: 0, stuck: 0, facts: [] }];
  });
  clearTimeout(timer);
  await programs.killAll();
  rmSync(dir, { recursive: true, force: true });
  return rows.map((row) => ({ ...row, fault: fault.name, seconds: seconds() }));
}
