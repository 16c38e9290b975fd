import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A line that the worker printed. */
type LogLine = { msg: string; [key: string]: unknown };

/** The worker as it is started in production: a process of its own that only shares the database and the store. */
export type WorkerProcess = {
  pid: number;
  ready: LogLine;
  /** All lines so far. */
  lines: LogLine[];
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended. */
  exited: Promise<{ code: number | null; signal: string | null }>;
};

/** Starts the worker's own main file and waits until it says that it is ready. */
export async function startWorkerProcess(settings: Record<string, string>): Promise<WorkerProcess> {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], { env: { PATH: process.env["PATH"], ...settings }, stdio: ["ignore", "pipe", "pipe"] });
  const lines: LogLine[] = [];
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exited = once(child, "exit").then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null }));
  const ready = await Promise.race([readyLine(child, lines), exited.then(({ code }) => new Error(`the worker ended with ${code}: ${stderr}`))]);
  if (ready instanceof Error) throw ready;
  return { pid: child.pid ?? 0, ready, lines, exited, kill: (signal) => child.kill(signal) };
}

/** Runs the worker's main file to its end, for settings with which it cannot start. */
export async function runWorkerToEnd(settings: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], { env: { PATH: process.env["PATH"], ...settings }, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr };
}

function readyLine(child: ChildProcess, lines: LogLine[]): Promise<LogLine> {
  return new Promise((resolve) => {
    if (child.stdout === null) throw new Error("stdout is piped");
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as LogLine;
      lines.push(line);
      if (line.msg === "ready") resolve(line);
    });
  });
}

/** Process ids of the children in which a worker runs models right now. A child that has ended and waits to be reaped is none. Linux only. */
export function sandboxChildren(workerPid: number): number[] {
  return readdirSync("/proc").map(Number).filter((pid) => Number.isInteger(pid) && parentOf(pid) === workerPid && procFile(pid, "cmdline").includes("/sandbox/"));
}

/** Null for a process that has ended. Fields after the name: state, parent (man proc_pid_stat). */
function parentOf(pid: number): number | null {
  const [state, parent] = procFile(pid, "stat").replace(/^.*\) /s, "").split(" ");
  return state === undefined || state === "" || state === "Z" ? null : Number(parent);
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return "";
  }
}

/** Waits until `look` finds something; the test's own time limit ends a wait for what never comes. */
export async function until<T>(look: () => Promise<T | null | undefined | false> | T | null | undefined | false): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}
