import { readFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { backendFacts } from "./backend.ts";
import type { RuntimeFacts } from "./types.ts";

/** CPU flags that decide which kernels ONNX Runtime picks, under the names /proc/cpuinfo uses on x64 and arm64 → our names. */
const ISA_NAMES: ReadonlyMap<string, string> = new Map([
  ["avx", "avx"],
  ["avx2", "avx2"],
  ["avx512f", "avx512f"],
  ["avx512_vnni", "avx512_vnni"],
  ["avx_vnni", "avx_vnni"],
  ["amx_int8", "amx_int8"],
  ["f16c", "f16c"],
  ["fma", "fma"],
  ["asimd", "neon"],
  ["neon", "neon"],
  ["asimddp", "dotprod"],
  ["i8mm", "i8mm"],
  ["sve", "sve"],
  ["asimdhp", "fp16"],
]);

/** What this machine and its runtime are: the numbers of two machines compare only where these agree. Loads ONNX Runtime. */
export async function runtimeFacts(): Promise<RuntimeFacts> {
  const { ortVersion, executionProviders } = await backendFacts();
  const cores = cpus();
  return {
    ortVersion,
    nodeVersion: process.versions.node,
    arch: arch(),
    platform: platform(),
    isa: isaOf(readCpuInfo(), arch()),
    executionProviders,
    cpuModel: cores[0]?.model.trim() ?? "unknown",
    cpuCount: cores.length,
    memoryBytes: totalmem(),
  };
}

/** Flags out of the text of /proc/cpuinfo, sorted. Every 64-bit ARM core has NEON, so arm64 has it even without the text. */
export function isaOf(cpuInfo: string, architecture: string): string[] {
  const words = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? [];
  const found = new Set(words.map((word) => ISA_NAMES.get(word)).filter((name) => name !== undefined));
  if (architecture === "arm64") found.add("neon");
  return [...found].sort();
}

/** Empty where the system has no such file (macOS, Windows). */
function readCpuInfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}
