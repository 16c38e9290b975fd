// How many syncs per second and core of its own the simulator makes: `npm run sim` with a crowd against a bare node:http server in another process
// that answers every protocol call with a valid answer and keeps nothing. node bench/simulator.ts [devices] [seconds per round]
import { fork, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { wholeNumbersOfCommandLine } from "./world/whole-numbers.ts";

const { devices: DEVICES, seconds: SECONDS } = wholeNumbersOfCommandLine({ devices: 2_000, seconds: 10 });
const ROUNDS = 3;
/** Far below what the peer can answer: the devices always have a sync to send. */
const SYNC_INTERVAL_MS = 20;
const SCENARIO = {
  seed: 1, devices: DEVICES, mode: "crowd", syncIntervalMs: SYNC_INTERVAL_MS, startupSpreadMs: 0,
  classes: [{ name: "pi4", arch: "arm64", isa: ["neon"], speedFactor: 4, memoryBytes: 4 * 2 ** 30, share: 1 }],
};

/** The part of the simulator's numbers that is looked at here. */
type Numbers = { enrolled: number; elapsedMs: number; syncs: number; errors: Record<string, number>; syncLatencyMs: { p50: number; p99: number }; process: { cpuSeconds: number; rssBytes: number } };

const dir = await mkdtemp(join(tmpdir(), "flotilla-bench-"));
const peer = fork(join(import.meta.dirname, "peers/device-protocol.ts"), [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
let simulator: ChildProcess | null = null;
try {
  const url = await new Promise<string>((resolve, reject) => {
    peer.once("message", (message) => resolve(String(message)));
    peer.once("exit", (code) => reject(new Error(`the peer ended with ${code}`)));
  });
  await writeFile(join(dir, "scenario.json"), JSON.stringify(SCENARIO));
  const args = ["apps/device-sim/src/cli.ts", "sim", "--scenario", join(dir, "scenario.json"), "--server", url, "--token", "bench", "--data-dir", join(dir, "fleet"), "--every", String(SECONDS), "--connections", "128"];
  simulator = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, FLOTILLA_PARENT_PID: String(process.pid) } });
  const rates: number[] = [];
  let before: Numbers | null = null;
  for await (const { numbers, msg } of lines(simulator)) {
    if (msg === "all devices are enrolled") console.log(`${DEVICES} devices enrolled`);
    // The first look after all are in is where the first round begins.
    if (numbers === undefined || numbers.enrolled < DEVICES) continue;
    if (before !== null) rates.push(tell(rates.length + 1, before, numbers));
    before = numbers;
    if (rates.length === ROUNDS) break;
  }
  const median = rates.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  console.log(`simulator: ${Math.round(median)} syncs/s per core (median of ${ROUNDS}; goal 10,000), ${availableParallelism()} cores, load ${loadavg().map((l) => l.toFixed(1)).join(" ")}`);
} finally {
  simulator?.kill("SIGTERM");
  peer.kill();
  await rm(dir, { recursive: true, force: true });
}

function tell(round: number, from: Numbers, to: Numbers): number {
  const syncs = to.syncs - from.syncs;
  const seconds = (to.elapsedMs - from.elapsedMs) / 1_000;
  const cpuSeconds = to.process.cpuSeconds - from.process.cpuSeconds;
  console.log(
    `round ${round}: ${Math.round(syncs / seconds)} syncs/s with ${(cpuSeconds / seconds).toFixed(2)} cores, ${Math.round((cpuSeconds / syncs) * 1e6)} us of CPU each: ${Math.round(syncs / cpuSeconds)} syncs/s per core; ` +
      `p50 ${to.syncLatencyMs.p50.toFixed(1)} p99 ${to.syncLatencyMs.p99.toFixed(1)} ms, ${Math.round(to.process.rssBytes / 2 ** 20)} MiB, errors ${JSON.stringify(to.errors)}`,
  );
  return syncs / cpuSeconds;
}

async function* lines(child: ChildProcess): AsyncGenerator<{ msg: string; numbers?: Numbers }> {
  if (child.stdout === null) return;
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith("{")) yield JSON.parse(line) as { msg: string; numbers?: Numbers };
}
