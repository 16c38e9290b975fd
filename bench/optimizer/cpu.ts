import { existsSync, readFileSync } from "node:fs";

/** What integer kernels choose by; empty where the system does not say. */
export function cpuFlags(): string[] {
  if (!existsSync("/proc/cpuinfo")) return [];
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? []);
  return ["avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8"].filter((flag) => flags.has(flag));
}

export function hasVnni(): boolean {
  return cpuFlags().some((flag) => flag.endsWith("vnni"));
}
