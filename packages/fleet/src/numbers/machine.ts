import { createHash } from "node:crypto";
import type { Machine } from "./types.ts";

/** Equal for machines whose times may be compared: same processor, instruction sets, runtime and threads. */
export function machineIdOf({ cpu, arch, isa, ortVersion, threads }: Machine): string {
  return createHash("sha256").update(JSON.stringify([cpu, arch, [...isa].sort(), ortVersion, threads])).digest("hex").slice(0, 16);
}
