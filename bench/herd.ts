// A fleet comes back: a crowd of protocol-level devices of the simulator against one real gateway, which is killed and started again
// after a minute. Its own counter of committed syncs, read each second, tells whether they come back as a herd.
// node bench/herd.ts [devices] [intervalMs] [darkSeconds]
import { spawn, type ChildProcess } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { loadavg } from "node:os";
import { join } from "node:path";
import { withTx } from "@flotilla/db";
import { createEnrollmentToken, systemPrincipal } from "@flotilla/fleet";
import { startGateway, type Server } from "./load/processes.ts";
import { startWorld } from "./load/world.ts";
import { wholeNumbersOfCommandLine } from "./world/whole-numbers.ts";

const { devices: DEVICES, intervalMs: INTERVAL_MS, darkSeconds: DARK_SECONDS } = wholeNumbersOfCommandLine({ devices: 10_000, intervalMs: 30_000, darkSeconds: 60 });
const INTERVAL_SECONDS = INTERVAL_MS / 1000;
const SECRET = "bench".repeat(8);
const steady = DEVICES / INTERVAL_SECONDS;

const world = await startWorld(0);
const port = await freePort();
const start = (): Promise<Server> => startGateway({ DATABASE_URL: world.url, ARTIFACT_STORE: world.store, secret: SECRET, port, more: { SYNC_INTERVAL_MS: String(INTERVAL_MS), METRICS_TOKEN: SECRET } });
let gateway = await start();
let crowd: ChildProcess | undefined;
try {
  const { token } = await withTx(world.db, (tx) => createEnrollmentToken(tx, systemPrincipal("bench"), { maxUses: DEVICES }));
  const scenario = join(world.dir, "herd.json");
  await writeFile(scenario, JSON.stringify({
    seed: 1, devices: DEVICES, mode: "crowd", startupSpreadMs: INTERVAL_MS,
    classes: [{ name: "pi4", arch: "arm64", isa: ["neon"], speedFactor: 4, memoryBytes: 4 * 2 ** 30, share: 1 }],
  }));
  crowd = spawn(process.execPath, ["apps/device-sim/src/cli.ts", "sim", "--scenario", scenario, "--server", gateway.url, "--token", token, "--data-dir", join(world.dir, "fleet"), "--connections", "512"], {
    stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, FLOTILLA_PARENT_PID: String(process.pid) },
  });
  await untilSteady();
  console.log(`${DEVICES} devices sync every ${INTERVAL_SECONDS} s (${steady.toFixed(0)}/s); the gateway goes for ${DARK_SECONDS} s; load average ${loadavg()[0]?.toFixed(1)}`);
  await gateway.stop();
  await new Promise((resolve) => setTimeout(resolve, DARK_SECONDS * 1000));
  gateway = await start();
  const perSecond = await ratesFor(7 * INTERVAL_SECONDS);
  const back = Math.ceil(2 * INTERVAL_SECONDS);
  const peak = Math.max(...perSecond.slice(0, back)) / steady;
  const echo = Math.max(...perSecond.slice(back)) / steady;
  console.log(`first two intervals: at most ${peak.toFixed(2)} x steady in any second (goal 3); the five after: at most ${echo.toFixed(2)} x (goal 1.5); load average ${loadavg()[0]?.toFixed(1)}`);
  if (peak > 3 || echo > 1.5) process.exitCode = 1;
} finally {
  crowd?.kill("SIGTERM");
  await gateway.stop();
  await world.close();
}

/** Syncs that were committed so far, by the gateway's own count. */
async function synced(): Promise<number> {
  const response = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${SECRET}` } });
  return Number(/^flotilla_gateway_syncs_total (\S+)$/m.exec(await response.text())?.[1] ?? Number.NaN);
}

/** Syncs in each of the next seconds. A reading that comes late counts for the time it covers. */
async function ratesFor(seconds: number): Promise<number[]> {
  const rates: number[] = [];
  let [beforeMs, before] = [performance.now(), await synced()];
  const endMs = beforeMs + seconds * 1000;
  while (performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const [nowMs, now] = [performance.now(), await synced()];
    rates.push(((now - before) * 1000) / (nowMs - beforeMs));
    [beforeMs, before] = [nowMs, now];
  }
  return rates;
}

async function untilSteady(): Promise<void> {
  for (;;) {
    const rates = await ratesFor(INTERVAL_SECONDS);
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    if (mean > 0.9 * steady && mean < 1.2 * steady) return;
    console.log(`${mean.toFixed(0)} syncs/s so far`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
