import { readFileSync } from "node:fs";
import { backendFacts } from "./backend.ts";

// Started once by `sandbox-command.ts` as a child is: loads what a child loads and prints the address space that took, in KiB
// (0 where the system does not tell). Node reserves some 10 GiB when it runs TypeScript (guard pages of its WebAssembly type
// stripper) and 1.3 GiB when it does not, and takes whatever a tighter limit leaves, so this is measured and not guessed.
await backendFacts();
const status = process.platform === "linux" ? readFileSync("/proc/self/status", "latin1") : "";
process.stdout.write(/^VmPeak:\s+(\d+) kB/m.exec(status)?.[1] ?? "0");
