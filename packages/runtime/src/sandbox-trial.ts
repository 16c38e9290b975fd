import { readFileSync } from "node:fs";
import { backendFacts } from "./backend.ts";

// Started once by `sandbox-command.ts` as a child is: loads what a child loads and prints the writable memory it has mapped by
// then, in KiB (0 where the system does not tell). Measured, not guessed: it depends on Node, its flags and the machine.
await backendFacts();
const status = process.platform === "linux" ? readFileSync("/proc/self/status", "latin1") : "";
process.stdout.write(/^VmData:\s+(\d+) kB/m.exec(status)?.[1] ?? "0");
