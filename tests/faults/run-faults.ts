import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFault } from "./agent-fault.ts";
import { evaluatorFault } from "./evaluator-fault.ts";
import type { Fault, FaultRow } from "./fault.ts";
import { openFaultServer } from "./fault-server.ts";
import { ledgerFault } from "./ledger-fault.ts";
import { postgresFault } from "./postgres-fault.ts";
import { createPrograms } from "./programs.ts";
import { seeded } from "./seeded.ts";
import { faultTable, holds, type TimedRow } from "./table.ts";
import { workerFault } from "./worker-fault.ts";

/** Every fault there is, in the order of the table. */
export const faults: readonly Fault[] = [workerFault, postgresFault, ledgerFault, evaluatorFault, agentFault];

export type FaultRun = { readonly seed: number; /** 1: gate, 10: soak. */ readonly scale: number; /** Names; none: all. */ readonly only: readonly string[] };

/**
 * Injects the faults one after the other and prints the table. Answers rows that held and rows that did not; a fault whose
 * harness broke counts as one that did not.
 */
export async function runFaults(run: FaultRun): Promise<{ passed: number; failed: number }> {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-faults-"));
  const programs = createPrograms();
  const rows: TimedRow[] = [];
  console.log(`Seed ${run.seed}: npm run test:faults -- --seed ${run.seed} makes the same choices again (the machine's timing it cannot repeat).`);
  const server = await openFaultServer(dir);
  const abandon = (): void => void programs.killAll().then(() => server.stop()).finally(() => {
    rmSync(dir, { recursive: true, force: true });
    process.exit(130);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, abandon);
  try {
    for (const fault of faults) {
      if (run.only.length > 0 && !run.only.includes(fault.name)) continue;
      const startedAtMs = performance.now();
      const log = (sentence: string): void => console.log(`  ${fault.name}, ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s: ${sentence}`);
      const own = join(dir, fault.name);
      mkdirSync(own);
      const context = { server, programs, random: seeded(run.seed), scale: run.scale, dir: own, log };
      const found = await fault.run(context).catch((error: unknown): FaultRow[] => {
        console.error(error);
        return [{ what: `the harness broke: ${String(error).split("\n")[0]}`, tried: 0, atLeast: 1, lost: 0, duplicate: 0, torn: 0, stuck: 0, facts: [] }];
      });
      await programs.killAll();
      rmSync(own, { recursive: true, force: true });
      rows.push(...found.map((row) => ({ ...row, fault: fault.name, seconds: (performance.now() - startedAtMs) / 1000 })));
    }
  } finally {
    await programs.killAll();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
  console.log(`\n${faultTable(rows)}\n\nSeed ${run.seed}`);
  return { passed: rows.filter(holds).length, failed: rows.filter((row) => !holds(row)).length };
}
