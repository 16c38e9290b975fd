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
