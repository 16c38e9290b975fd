import { spawn } from "node:child_process";
import { join } from "node:path";

/** Becomes `apps/device-sim` with this command and the given arguments: same terminal, signals passed on, same exit code. */
export function runDeviceProgram(command: "agent" | "sim", args: readonly string[]): void {
  const cli = join(import.meta.dirname, "../apps/device-sim/src/cli.ts");
  const child = spawn(process.execPath, [cli, command, ...args], { stdio: "inherit", env: { ...process.env, FLOTILLA_PARENT_PID: String(process.pid) } });
  // Ctrl-C reaches the child by itself; stay until it has ended.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}
