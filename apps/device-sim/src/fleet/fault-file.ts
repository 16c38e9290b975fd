import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";
import type { Clock } from "../agent/clock.ts";
import { faultsAt, faultsSchema, type Faults } from "./faults.ts";
import { readScenario } from "./scenario.ts";

/** The faults in force now: those that were injected, else those of `<data-dir>/faults.json` while it exists, else the scenario's. */
export type FaultFile = {
  current(): Faults;
  /** Null takes what was injected away. */
  inject(faults: Faults | null): void;
  /** Reads the scenario's faults again too. */
  reload(): Promise<void>;
  /** Follows the file until the signal fires. */
  watch(signal: AbortSignal): Promise<void>;
};

const LOOK_EVERY_MS = 250;

export function createFaultFile(options: { dataDir: string; scenarioPath: string; initial: Faults; clock: Clock; log: Logger; startMs: number }): FaultFile {
  const { clock, log } = options;
  const path = join(options.dataDir, "faults.json");
  let ofScenario = options.initial;
  let current = ofScenario;
  let injected: Faults | null = null;
  let seen: string | null = null;

  async function look(): Promise<void> {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text === seen) return;
    if (text === null) {
      seen = null;
      current = ofScenario;
      return log.info("the fault file is gone; the scenario's faults are in force");
    }
    const parsed = faultsSchema.safeParse(jsonOrUndefined(text));
    if (!parsed.success) {
      // Perhaps it is being written right now: look again.
      if (text.trim() !== "") log.warn({ problem: z.prettifyError(parsed.error) }, "faults.json cannot be used; the faults before it stay in force");
      return;
    }
    seen = text;
    current = parsed.data;
    log.info({ faults: current }, "new faults are in force");
  }

  return {
    current: () => faultsAt(injected ?? current, clock.monotonicMs() - options.startMs),
    inject(faults) {
      injected = faults;
    },
    async reload() {
      try {
        ofScenario = (await readScenario(options.scenarioPath)).faults;
        if (seen === null) current = ofScenario;
        log.info({ faults: current }, "the scenario's faults were read again");
      } catch (error) {
        log.warn({ err: String(error) }, "the scenario cannot be read again; its faults stay as they were");
      }
      await look();
    },
    async watch(signal) {
      while (!signal.aborted) {
        await look();
        await clock.sleep(LOOK_EVERY_MS, signal);
      }
    },
  };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
