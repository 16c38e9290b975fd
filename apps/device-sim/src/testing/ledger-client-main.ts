import { join } from "node:path";
import { FLOTILLA_VERSION, LatencyHistogram, PROTOCOL_VERSION, type DeviceClass, type SyncRequest } from "@flotilla/protocol";
import { pino } from "pino";
import { z } from "zod";
import { createAccess, type Access } from "../agent/access.ts";
import { backoffMs } from "../agent/backoff.ts";
import { systemClock } from "../agent/clock.ts";
import { createDisk } from "../agent/disk.ts";
import { createGatewayClient, type GatewayClient } from "../agent/gateway-client.ts";
import type { ClosedWindow } from "../agent/latency-windows.ts";
import { openLedger, type Ledger } from "../agent/ledger.ts";
import { createNet } from "../agent/net.ts";
import { systemRandom } from "../agent/random.ts";

// Some devices without models, for the fault harness (tests/faults): identity, token, HTTP, disk and telemetry queue are the agent's
// own; what they measure is made up. May be killed at any moment and started again on the same folder. Prints what it has kept and what
// was acknowledged, for the harness to compare. SIGUSR2: make no more windows than `windows`, send what is left, say "done".

const settings = z.object({
  server: z.string(), token: z.string(), dataDir: z.string(), devices: z.number(), windows: z.number(), samples: z.number(), everyMs: z.number(), name: z.string().default("ledger"),
}).parse(JSON.parse(process.argv[2] ?? ""));

const BACKOFF = { baseMs: 40, capMs: 400 } as const;
const LONGEST_WAIT_MS = 600;
const bootId = systemRandom.hex(8);
const deviceClass: DeviceClass = { name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 2 ** 31, simulated: true };
const log = pino({ level: "silent" });
let isToEnd = false;
process.on("SIGUSR2", () => (isToEnd = true));
watchHarness();

function say(msg: string, facts: object): void {
  process.stdout.write(`${JSON.stringify({ msg, ...facts })}\n`);
}

/** Window `k` of device `device`. tests/faults/ledger-oracle.ts makes the same samples by the same formula and no common code. */
function madeUpWindow(device: number, k: number): ClosedWindow {
  const histogram = new LatencyHistogram();
  for (let j = 0; j < settings.samples; j += 1) histogram.add(1 + ((device * 7_919 + k * 104_729 + j * 31) % 500) / 10);
  return {
    buildId: "bld_fault", versionId: "ver_fault", mode: "simulated", startMs: systemClock.monotonicMs(), wallMs: Date.now(), count: histogram.count, errors: 0,
    sumMs: histogram.sumMs, minMs: histogram.minMs, maxMs: histogram.maxMs, buckets: histogram.toSparse(),
  };
}

async function produce(device: number, ledger: Ledger): Promise<void> {
  for (;;) {
    const k = ledger.status().produced + 1;
    if (isToEnd && k > settings.windows) return;
    await ledger.append([madeUpWindow(device, k)]);
    if (ledger.status().produced === k) say("kept", { device, seq: k });
    await systemClock.sleep(isToEnd ? 0 : settings.everyMs * (0.5 + Math.random()));
  }
}

async function requestOf(ledger: Ledger): Promise<SyncRequest> {
  const telemetry = await ledger.batch();
  return {
    protocol: PROTOCOL_VERSION, bootId,
    report: {
      agentVersion: FLOTILLA_VERSION, targetVersion: 0, running: null, slots: [], class: deviceClass,
      resources: { rssBytes: 0, freeMemoryBytes: 0, freeDiskBytes: 0, queuedWindows: ledger.status().waiting, temperatureC: null },
    },
    ...(telemetry === null ? {} : { telemetry }),
  };
}

async function send(device: number, ledger: Ledger, client: GatewayClient, access: Access, isOver: () => boolean): Promise<void> {
  for (let failures = 0; !(isOver() && ledger.status().waiting === 0); ) {
    try {
      const answer = await access.withToken(async (token) => client.sync(token, await requestOf(ledger)));
      if (answer.ack !== undefined) {
        await ledger.acknowledge(answer.ack);
        say("acked", { device, deviceId: access.deviceId(), epoch: answer.ack.epoch, seq: answer.ack.seq });
      }
      failures = 0;
      await systemClock.sleep(settings.everyMs * (0.5 + Math.random()));
    } catch {
      failures += 1;
      await systemClock.sleep(Math.min(backoffMs(failures, systemRandom, BACKOFF), LONGEST_WAIT_MS));
    }
  }
}

async function runDevice(device: number): Promise<object> {
  const disk = createDisk(join(settings.dataDir, String(device)));
  const client = createGatewayClient(createNet(settings.server), systemClock);
  const ledger = await openLedger({ disk, clock: systemClock, random: systemRandom, bootId, log, capBytes: 64 * 2 ** 20 });
  const access = await createAccess({
    client, disk, clock: systemClock, random: systemRandom, log, server: settings.server, name: `${settings.name}-${device}`, labels: {}, deviceClass, enrollmentToken: settings.token,
  });
  await access.enroll(new AbortController().signal);
  say("opened", { device, produced: ledger.status().produced });
  let isOver = false;
  const producing = produce(device, ledger).then(() => (isOver = true));
  await send(device, ledger, client, access, () => isOver);
  await producing;
  return { device, deviceId: access.deviceId(), ...ledger.status() };
}

/** Ends when the harness is gone. */
function watchHarness(): void {
  const harness = process.ppid;
  setInterval(() => {
    if (process.ppid !== harness) process.exit(1);
  }, 1_000).unref();
}

say("ready", {});
const ended = await Promise.all(Array.from({ length: settings.devices }, (_, device) => runDevice(device)));
say("done", { devices: ended });
process.exit(0);
