import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { benchForEachTest } from "../../testing/bench.ts";
import { targetFor } from "../../testing/build-on-peer.ts";
import type { PeerDevice } from "../../testing/gateway-peer.ts";
import { scenarioSchema } from "../scenario.ts";
import { startCrowd, type RunningFleet } from "./crowd.ts";

// Over real HTTP, against a peer that checks every signature and every message by the protocol's own schemas, with real models.
const bench = benchForEachTest();
const fleets: RunningFleet[] = [];

afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.stop();
});

async function crowd(changes: object = {}, devices = 8): Promise<{ fleet: RunningFleet; devices: PeerDevice[] }> {
  const scenario = scenarioSchema.parse({
    seed: 3, devices, mode: "crowd", windowMs: 1_000, inferenceIntervalMs: 100, startupSpreadMs: 100, probation: { inferences: 2, ms: 5_000 },
    classes: [
      { name: "pi4", arch: "arm64", speedFactor: 4, memoryBytes: 2 ** 32, share: 1 },
      { name: "x86-gateway", arch: "x64", speedFactor: 1, memoryBytes: 2 ** 34, share: 1 },
    ],
    ...changes,
  });
  const fleet = await startCrowd({ scenario, server: bench.peer.url, enrollmentToken: "enroll-me", dataDir: bench.dataDir, models: bench.models, log: pino({ level: "silent" }), connections: 16 });
  fleets.push(fleet);
  await fleet.enrolled;
  await bench.peer.until("all devices sync", () => bench.peer.devices.size === devices && [...bench.peer.devices.values()].every((device) => device.syncs.length > 0));
  return { fleet, devices: [...bench.peer.devices.values()] };
}

const isAtEnd = (device: PeerDevice, version: number): boolean => {
  const deployment = device.syncs.at(-1)?.report.deployment;
  return deployment?.targetVersion === version && (deployment.phase === "succeeded" || deployment.phase === "failed");
};

test("each device of a crowd has its own key, installs by the phases with a real golden set, and sends an exact ledger marked as simulated", async () => {
  const { fleet, devices } = await crowd();
  expect(new Set(devices.map((device) => device.publicKey)).size).toBe(8);
  const build = await bench.publish("a");
  for (const device of devices) device.target = targetFor(build, 1);
  await bench.peer.until("all have it", () => devices.every((device) => isAtEnd(device, 1)));
  for (const device of devices) {
    expect(device.syncs.at(-1)?.report).toMatchObject({
      running: { manifestSha256: build.manifest.sha256, modelSha256: build.modelSha256 }, deployment: { phase: "succeeded", probe: { passed: true } }, class: { simulated: true },
    });
  }
  await bench.peer.until("windows are stored", () => devices.every((device) => [...device.epochs.values()].some((epoch) => epoch.windows.size > 1)));
  for (const device of devices) {
    for (const epoch of device.epochs.values()) {
      expect(epoch.windows.size + epoch.dropped).toBe(epoch.watermark);
      for (const window of epoch.windows.values()) expect(window).toMatchObject({ mode: "simulated", versionId: build.versionId });
    }
  }
  expect(fleet.numbers()).toMatchObject({ online: 8, installs: { succeeded: 8, failed: 0 }, artifacts: { fetched: 24 } });
});

test("cut downloads are resumed by range, wrong bytes refused, and the model before stays", async () => {
  const { devices } = await crowd({ faults: { corruptDownload: { classes: ["pi4"] } } });
  const build = await bench.publish("large");
  let cuts = 6;
  bench.peer.interfere = (_method, path) => (path.endsWith(build.modelSha256) && --cuts >= 0 ? { cutAfter: 100_000 } : "pass");
  for (const device of devices) device.target = targetFor(build, 1, { maxAttempts: 1 });
  await bench.peer.until("all have come to their end", () => devices.every((device) => isAtEnd(device, 1)));
  for (const device of devices) {
    const { deployment, running } = device.syncs.at(-1)?.report ?? {};
    if (device.name.includes("pi4")) {
      expect(deployment?.failure).toMatchObject({ code: "digest_mismatch", recovery: "no_state_change" });
      expect(running).toBeNull();
    } else expect(running?.modelSha256).toBe(build.modelSha256);
  }
  expect(bench.peer.rangesAsked.filter((asked) => asked === `bytes=100000- "${build.modelSha256}"`).length).toBeGreaterThan(0);
});

test("a crowd that is started again in its folder is the same devices, and needs no token for them", async () => {
  const first = await crowd({}, 4);
  const keys = first.devices.map((device) => device.publicKey);
  await first.fleet.stop();
  fleets.length = 0;
  bench.peer.enrollmentTokens.clear();
  const again = await crowd({}, 4);
  expect(again.devices.map((device) => device.publicKey)).toEqual(keys);
  expect(bench.peer.requests.filter((request) => request.endsWith("/enroll"))).toHaveLength(4);
});

test("expired tokens are renewed by every device and cost no sync for good", async () => {
  const { fleet, devices } = await crowd({}, 4);
  bench.peer.expireTokens();
  const before = devices.map((device) => device.syncs.length);
  await bench.peer.until("all sync again", () => devices.every((device, at) => device.syncs.length > (before[at] ?? 0) + 1));
  expect(fleet.numbers().online).toBe(4);
});
