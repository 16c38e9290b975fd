import { readFileSync } from "node:fs";

/** A process that can be recognised later, although pids are given out again. */
export type ProcessIdentity = { pid: number; startedAt: string | null };

/** The identity of a running process; undefined when there is none, or only its zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  const stat = readProc(pid, "stat");
  if (stat === undefined) return { pid, startedAt: null };
  // The second field is the command in brackets and may hold anything; state and start time are counted from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : { pid, startedAt: fields[19] ?? null };
}

/** True while exactly this process runs. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== undefined && (identity.startedAt === null || now.startedAt === null || now.startedAt === identity.startedAt);
}

const LOOK_EVERY_MS = 1_000;

/**
 * Calls `onGone` once when exactly this process has ended, so that a killed starter leaves no orphan; undefined is nobody. Where the system does not
 * tell when a process started, a direct child still knows by its own parent id that the number was given out again. Keeps no process alive.
 */
export function watchProcess(pid: number | undefined, onGone: () => void): void {
  if (pid === undefined) return;
  const watched = identifyProcess(pid);
  const isParent = process.ppid === pid;
  const timer = setInterval(() => {
    if (watched !== undefined && isSameProcess(watched) && isParent === (process.ppid === pid)) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS);
  timer.unref();
}

/** Command line of a process, or undefined where the system does not tell. */
export function commandLine(pid: number): string | undefined {
  return readProc(pid, "cmdline")?.replaceAll("\0", " ").trim();
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
