import { writeFileSync, writeSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { sandboxMain } from "../sandbox-child.ts";

/** Ways in which a child can misbehave, each by name: the tests of the sandbox start this module and watch it be contained. */
export type HostileInput =
  | { readonly act: "echo"; readonly value: unknown }
  | { readonly act: "say"; readonly line: string }
  | { readonly act: "environment" | "hog-memory" | "hog-heap" | "hog-cpu" | "sleep" | "segfault" | "throw" | "flood" | "exit" | "orphan" | "report-and-sleep" | "fill-disk" | "network" };

const hoard: Uint8Array[] = [];

const acts: Record<HostileInput["act"], (input: HostileInput, progress: (value: unknown) => void) => unknown> = {
  echo: (input) => ("value" in input ? input.value : null),
  environment: () => ({ environment: { ...process.env }, directory: process.cwd(), argv: process.argv.length }),
  "hog-memory": async () => {
    for (;;) {
      hoard.push(new Uint8Array(8 * 1024 * 1024).fill(1));
      await delay(1);
    }
  },
  "hog-heap": () => {
    const list: unknown[] = [];
    for (;;) list.push({ again: list.length, text: `x${list.length}` });
  },
  "hog-cpu": () => {
    for (;;);
  },
  sleep: () => delay(600_000),
  segfault: () => {
    process.kill(process.pid, "SIGSEGV");
    return delay(600_000);
  },
  throw: () => {
    throw Object.assign(new Error("refused for a reason"), { code: "custom_code" });
  },
  flood: () => "x".repeat(4 * 1024 * 1024),
  say: (input) => {
    writeSync(3, "line" in input ? input.line : "");
    return delay(600_000);
  },
  exit: () => process.exit(7),
  orphan: async (_, progress) => {
    progress({ pid: process.pid });
    await nextTurn();
    for (;;);
  },
  "report-and-sleep": (_, progress) => {
    progress({ pid: process.pid });
    return delay(600_000);
  },
  "fill-disk": () => {
    writeFileSync("big", new Uint8Array(4 * 1024 * 1024));
    return "written";
  },
  network: () => Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter((entry) => !entry.internal).length,
};

sandboxMain<HostileInput, unknown>(async (input, { progress }) => await acts[input.act](input, progress));
