import type { FaultServer } from "./fault-server.ts";
import type { Programs } from "./programs.ts";
import type { Seeded } from "./seeded.ts";

/** What a fault is given: a database server, a way to start programs, a seed, a folder, a voice. */
export type FaultContext = {
  readonly server: FaultServer;
  readonly programs: Programs;
  readonly random: Seeded;
  /** 1 in the gate, 10 in the soak. */
  readonly scale: number;
  /** A folder of the fault's own, removed afterwards. */
  readonly dir: string;
  readonly log: (sentence: string) => void;
};

/** One line of the table. The four numbers must be zero; `facts` are what else was counted. */
export type FaultRow = {
  readonly what: string;
  /** Faults injected, and the least that makes the row worth something. */
  readonly tried: number;
  readonly atLeast: number;
  readonly lost: number;
  readonly duplicate: number;
  readonly torn: number;
  readonly stuck: number;
  readonly facts: readonly string[];
};

export type Fault = {
  /** For `--only`. */
  readonly name: string;
  run(context: FaultContext): Promise<FaultRow[]>;
};

/** Waits until `look` gives something truthy, or answers null after `timeoutMs`. Errors count as "not yet". */
export async function waitFor<T>(look: () => Promise<T> | T, timeoutMs: number, everyMs = 50): Promise<NonNullable<T> | null> {
  const giveUpAtMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await Promise.resolve().then(look).catch(() => undefined);
    if (found) return found;
    if (performance.now() > giveUpAtMs) return null;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
