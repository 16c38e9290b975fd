import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { twoFreePorts } from "../../scripts/testing/two-free-ports.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What the launcher leaves for scripts in `<data-dir>/credentials.json`. */
export type Credentials = { url: string; gatewayUrl: string; email: string; password: string; apiKey: string };

/** The whole product, started the way a person starts it, on a data folder and ports of its own. */
export type Platform = Credentials & { dataDir: string; launcher: ChildProcess; output: () => string; stop(): Promise<void> };

/** Starts `scripts/start.ts` and waits until it has written its credentials and answers its health check. */
export async function startPlatform(options: { dataDir?: string; args?: string[]; env?: Record<string, string> } = {}): Promise<Platform> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "flotilla-system-"));
  const [port, gatewayPort] = await twoFreePorts();
  const launcher = spawn(
    process.execPath,
    ["scripts/start.ts", "--no-demo", "--port", String(port), "--gateway-port", String(gatewayPort), "--data-dir", dataDir, ...(options.args ?? [])],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } },
  );
  let output = "";
  launcher.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  launcher.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = exitOf(launcher);
  const stop = async (): Promise<void> => {
    launcher.kill("SIGTERM");
    await exited;
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await until("the platform answers", async () => {
      if (launcher.exitCode !== null) throw new Stop(`the launcher ended with ${launcher.exitCode}:\n${output}`);
      return existsSync(join(dataDir, "credentials.json")) && (await fetch(`http://127.0.0.1:${port}/api/v1/health`)).ok;
    }, 240_000);
  } catch (error) {
    await stop();
    throw new Error(`${String(error)}\n${output}`, { cause: error });
  }
  const credentials = JSON.parse(readFileSync(join(dataDir, "credentials.json"), "utf8")) as Credentials;
  return { ...credentials, dataDir, launcher, output: () => output, stop };
}

/** Resolves when the process has ended. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  return child.exitCode !== null || child.signalCode !== null ? Promise.resolve(child.exitCode) : new Promise((resolve) => child.once("exit", resolve));
}

/** A simulated fleet in a process of its own. `faults` may be changed while it runs. */
export type Simulator = { setFaults(faults: unknown): void; output: () => string; stop(): Promise<void>; process: ChildProcess };

/** Starts the simulator with a scenario against a running platform. */
export function startSimulator(platform: Platform, token: string, scenario: unknown): Simulator {
  const dir = mkdtempSync(join(tmpdir(), "flotilla-sim-"));
  const file = join(dir, "scenario.json");
  writeFileSync(file, JSON.stringify(scenario));
  const child = startDeviceProgram(["sim", "--scenario", file, "--server", platform.gatewayUrl, "--token", token, "--data-dir", join(dir, "devices")]);
  return {
    ...child,
    setFaults: (faults) => writeFileSync(join(dir, "devices", "faults.json"), JSON.stringify(faults)),
    stop: async () => {
      await child.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts `apps/device-sim` with the given command line. */
export function startDeviceProgram(args: string[]): Command {
  return startCommand(process.execPath, ["apps/device-sim/src/cli.ts", ...args]);
}

/** A program that runs until it is stopped. `output` is the end of all that it said. */
export type Command = { process: ChildProcess; output: () => string; stop(): Promise<void> };

export function startCommand(command: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Command {
  const child = spawn(command, args, { cwd: options.cwd ?? root, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-200_000)));
  const exited = exitOf(child);
  return {
    process: child,
    output: () => output,
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Thrown inside a condition to give up at once. */
export class Stop extends Error {}

/** Waits until `condition` gives a truthy value; errors other than Stop count as "not yet". */
export async function until<T>(what: string, condition: () => Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown = "never true";
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      if (error instanceof Stop) throw error;
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`gave up waiting until ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
