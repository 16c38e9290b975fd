import { readFileSync } from "node:fs";

export type ProcessMemory = { readonly rssBytes: number; readonly peakRssBytes: number };

/** Resident memory of a process now and at its highest, or null where the system has no /proc or the process is gone. */
export function readProcessMemory(pid: number): ProcessMemory | null {
  if (process.platform !== "linux") return null;
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
    return { rssBytes: kib("VmRSS") * 1_024, peakRssBytes: kib("VmHWM") * 1_024 };
  } catch {
    return null;
  }
}
