import { spawn, type ChildProcess } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { LoadOrder, LoadResult } from "./generator.ts";

// Programs of a benchmark, each in a process of its own, and the CPU time and memory that the system says they took.

const ROOT = join(import.meta.dirname, "../..");
/** Before a program, so that it does not outlive this one. */
export const ON_LEASH = ["--import", join(import.meta.dirname, "leash.ts")] as const;
const TICKS_PER_SECOND = 100;

/** A started server. */
export type Server = { url: string; pid: number; stop(): Promise<void> };

/** Starts a program and waits for the line of its output that `urlIn` finds a URL in. */
export async function startServer(args: readonly string[], env: Record<string, string>, urlIn: (line: string) => string | null): Promise<Server> {
  const child = spawn(process.execPath, [...ON_LEASH, ...args], { cwd: ROOT, env: { PATH: process.env["PATH"] ?? "", ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = urlIn(line);
      if (found !== null) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}`)));
  });
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** The gateway as it is run for real, on a free port. */
export function startGateway(env: { DATABASE_URL: string; ARTIFACT_STORE: string; secret: string; port?: number; execArgs?: readonly string[] } & { more?: Record<string, string> }): Promise<Server> {
  const settings = { DATABASE_URL: env.DATABASE_URL, ARTIFACT_STORE: env.ARTIFACT_STORE, UPLOAD_TICKET_SECRET: env.secret, DEVICE_TOKEN_SECRET: env.secret, PORT: String(env.port ?? 0), LOG_LEVEL: "info", ...env.more };
  return startServer([...(env.execArgs ?? []), "apps/gateway/src/main.ts"], settings, (line) => {
    if (!line.startsWith("{")) return null;
    const entry = JSON.parse(line) as { msg: string; url?: string };
    return entry.msg === "ready" ? (entry.url ?? null) : null;
  });
}

/** The load generator, kept from run to run so that ledgers go on. */
export class Generator {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor() {
    this.#child = spawn(process.execPath, [...ON_LEASH, join(import.meta.dirname, "generator.ts")], { stdio: ["pipe", "pipe", "inherit"] });
    if (!this.#child.stdout) throw new Error("the generator has no output");
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async run(order: LoadOrder): Promise<LoadResult> {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the generator ended");
    return JSON.parse(value) as LoadResult;
  }

  stop(): void {
    this.#child.stdin?.end();
  }
}

/** CPU time of a process so far, in seconds; NaN where the system does not tell. */
export async function cpuSeconds(pid: number): Promise<number> {
  const fields = await statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** CPU time of a process and all that came from it and lives, in seconds. */
export async function treeCpuSeconds(root: number): Promise<number> {
  const parents = new Map<number, number>();
  const seconds = new Map<number, number>();
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const fields = await statOf(Number(name));
    parents.set(Number(name), Number(fields[1]));
    // Its own time, and that of its children that have ended.
    seconds.set(Number(name), [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / TICKS_PER_SECOND);
  }
  const belongs = (pid: number): boolean => pid === root || (pid > 1 && belongs(parents.get(pid) ?? 0));
  return [...seconds].reduce((sum, [pid, own]) => (belongs(pid) ? sum + own : sum), 0);
}

/** Resident memory in MiB, now and at its highest. */
export async function memoryMiB(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
