import { runInSandbox } from "../sandbox.ts";

/** A parent that will be killed: starts a child that never ends and prints its process id. */
const workDir = process.argv[2] ?? "";
await runInSandbox({
  entry: new URL("./hostile-entry.ts", import.meta.url),
  input: { act: process.argv[3] ?? "orphan" },
  limits: { memoryBytes: 512 * 1024 * 1024, cpuSeconds: 60, wallMs: 120_000, outputBytes: 65_536 },
  workDir,
  onProgress: (value) => process.stdout.write(`${JSON.stringify(value)}\n`),
});
