import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const ROOT = join(import.meta.dirname, "../..");
const KEEP_COMPILED = join(import.meta.dirname, "keep-compiled.ts");

type Line = { msg?: string; [key: string]: unknown };

/** A program of the product in a process of its own. Only such processes are ever killed here, by their own handle. */
export type Program = {
  readonly pid: number;
  /** Its line that says "ready". Rejects when it ends before. */
  readonly ready: Promise<Line>;
  readonly isReady: () => boolean;
  readonly isGone: () => boolean;
  readonly exited: Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
};

export type ProgramOptions = { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly onLine?: (line: Line) => void };

/** Starts programs and ends whatever is left of them. */
export type Programs = {
  /** `path` is relative to the repository. */
  start(path: string, options?: ProgramOptions): Program;
  killAll(): Promise<void>;
};

export function createPrograms(): Programs {
  const running = new Set<Program>();
  return {
    start(path, options = {}) {
      const program = startProgram(path, options);
      running.add(program);
      void program.exited.then(() => running.delete(program));
      return program;
    },
    async killAll() {
      await Promise.all([...running].map((program) => program.kill()));
    },
  };
}

function startProgram(path: string, options: ProgramOptions): Program {
  const child = spawn(process.execPath, ["--import", KEEP_COMPILED, join(ROOT, path), ...(options.args ?? [])], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(ROOT, "node_modules/.cache/node-compile"),
      FLOTILLA_PARENT_PID: String(process.pid),
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let isReady = false;
  const ready = new Promise<Line>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = parse(text);
      options.onLine?.(line);
      if (line.msg !== "ready") return;
      isReady = true;
      resolve(line);
    });
    void exited.then(() => reject(new Error(`${path} ended before it was ready: ${errors}`)));
  });
  // Whoever kills a program that is starting does not wait for it.
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ready,
    isReady: () => isReady,
    isGone: () => hasEnded(child),
    exited,
    signal: (signal) => void child.kill(signal),
    async kill() {
      if (!hasEnded(child)) child.kill("SIGKILL");
      await exited;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function parse(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return {};
  }
}
