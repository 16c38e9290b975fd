import { writeFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { benchForEachTest } from "../testing/bench.ts";
import { targetFor, type PeerBuild } from "../testing/build-on-peer.ts";
import type { PeerDevice } from "../testing/gateway-peer.ts";
import { startProgram, type Program } from "../testing/program.ts";

const bench = benchForEachTest();
const programs: Program[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.process.kill("SIGTERM");
    await program.exited;
  }
});

const scenario = {
  seed: 3,
  devices: 6,
  classes: [
    { name: "pi4", arch: "arm64", isa: ["neon"], speedFactor: 4, memoryBytes: 2 ** 32, share: 1 },
    { name: "x86-gateway", arch: "x64", isa: ["avx2"], speedFactor: 1, memoryBytes: 2 ** 34, share: 1 },
  ],
  labelChoices: { site: ["lab", "hall"] },
  windowMs: 1_000,
  inferenceIntervalMs: 50,
  startupSpreadMs: 200,
  probation: { inferences: 2, ms: 5_000 },
};

async function simulate(changes: object = {}, faults?: object): Promise<{ program: Program; devices: PeerDevice[] }> {
  const file = join(bench.dataDir, "scenario.json");
  writeFileSync(file, JSON.stringify({ ...scenario, ...changes }));
  if (faults !== undefined) setFaults(faults);
  const program = startProgram(["sim", "--scenario", file, "--server", bench.peer.url, "--token", "enroll-me", "--data-dir", bench.dataDir]);
  programs.push(program);
  await program.line("ready");
  await bench.peer.until("all devices sync", () => bench.peer.devices.size === 6 && [...bench.peer.devices.values()].every((device) => device.syncs.length > 0));
  return { program, devices: [...bench.peer.devices.values()].toSorted((a, b) => a.name.localeCompare(b.name)) };
}

function setFaults(faults: object): void {
  writeFileSync(join(bench.dataDir, "faults.json"), JSON.stringify(faults));
}

async function rollOut(devices: readonly PeerDevice[], build: PeerBuild, version: number): Promise<Map<string, NonNullable<PeerDevice["syncs"][number]["report"]>>> {
  for (const device of devices) device.target = targetFor(build, version, { maxAttempts: 2 });
  await bench.peer.until("every device has come to its end", () =>
    devices.every((device) => {
      const deployment = device.syncs.at(-1)?.report.deployment;
      return deployment?.targetVersion === version && (deployment.phase === "succeeded" || deployment.phase === "failed");
    }));
  return new Map(devices.flatMap((device) => { const report = device.syncs.at(-1)?.report; return report === undefined ? [] : [[device.name, report] as const]; }));
}

const classOf = (name: string): string => (name.includes("pi4") ? "pi4" : "x86-gateway");

test("every simulated device is a device of its own: key, class, labels, telemetry; all marked as simulated", async () => {
  const { devices, program } = await simulate();
  expect(new Set(devices.map((device) => device.publicKey)).size).toBe(6);
  expect(devices.map((device) => device.name)).toEqual(["sim-pi4-01", "sim-pi4-02", "sim-pi4-03", "sim-x86-gateway-01", "sim-x86-gateway-02", "sim-x86-gateway-03"]);
  await rollOut(devices, await bench.publish("a"), 1);
  await bench.peer.until("all have sent windows", () => devices.every((device) => [...device.epochs.values()].some((epoch) => epoch.windows.size > 1)));
  expect(new Set(devices.flatMap((device) => [...device.epochs.keys()])).size).toBe(6);
  expect(new Set(devices.flatMap((device) => device.syncs.map((sync) => sync.bootId))).size).toBe(6);
  for (const device of devices) {
    expect(device.syncs.at(-1)?.report.class).toMatchObject({ name: classOf(device.name), simulated: true });
    for (const epoch of device.epochs.values()) for (const window of epoch.windows.values()) expect(window.mode).toBe("simulated");
  }
  program.process.kill("SIGTERM");
  expect(await program.exited).toBe(0);
  expect(program.errors()).toBe("");
});

test("a build that crashes on load on one class fails there with the previous model running, and succeeds elsewhere", async () => {
  const { devices, program } = await simulate();
  const [a, b] = [await bench.publish("a"), await bench.publish("b")];
  await rollOut(devices, a, 1);
  setFaults({ crashOnLoad: { classes: ["pi4"], versionId: b.versionId } });
  await program.line("new faults are in force");
  for (const [name, report] of await rollOut(devices, b, 2)) {
    if (classOf(name) === "pi4") {
      expect(report.deployment?.failure, name).toMatchObject({ code: "load_failed", recovery: "no_state_change" });
      expect(report.running?.buildId, name).toBe("build-a");
    } else expect(report.running?.buildId, name).toBe("build-b");
  }
  rmSync(join(bench.dataDir, "faults.json"));
  await program.line("the fault file is gone; the scenario's faults are in force");
  for (const [name, report] of await rollOut(devices, b, 3)) expect(report.running?.buildId, name).toBe("build-b");
});

test("full disks and corrupted downloads of named devices fail by their own codes, and nobody else fails", async () => {
  const { devices, program } = await simulate({ faults: { corruptDownload: { devices: ["sim-pi4-01"] } } });
  const first = await rollOut(devices, await bench.publish("a"), 1);
  expect(first.get("sim-pi4-01")?.deployment?.failure?.code).toBe("digest_mismatch");
  expect([...first.values()].filter((report) => report.deployment?.phase === "succeeded")).toHaveLength(5);
  setFaults({ diskFull: { devices: ["sim-pi4-02"] } });
  await program.line("new faults are in force");
  const second = await rollOut(devices, await bench.publish("b"), 2);
  expect(second.get("sim-pi4-02")?.deployment?.failure?.code).toBe("disk_full");
  expect(second.get("sim-pi4-02")?.running?.buildId).toBe("build-a");
  expect([...second.values()].filter((report) => report.deployment?.phase === "succeeded")).toHaveLength(5);
});

test("a lossy network with offline times loses no window and stores none twice", async () => {
  const network = { latencyMs: 5, jitterMs: 20, lossPercent: 10, offlineWindows: [{ afterMs: 2_000, durationMs: 700 }] };
  bench.peer.syncAfterMs = 300;
  const { devices } = await simulate({ network });
  await rollOut(devices, await bench.publish("a"), 1);
  await bench.peer.until("telemetry went on", () => devices.every((device) => [...device.epochs.values()].some((epoch) => epoch.watermark >= 4)));
  for (const device of devices) for (const epoch of device.epochs.values()) expect(epoch.windows.size + epoch.dropped).toBe(epoch.watermark);
});

test("a scenario that is wrong ends the program with all its mistakes", async () => {
  const file = join(bench.dataDir, "scenario.json");
  writeFileSync(file, JSON.stringify({ ...scenario, devices: 0, classes: [] }));
  const program = startProgram(["sim", "--scenario", file, "--server", bench.peer.url, "--data-dir", bench.dataDir]);
  expect(await program.exited).toBe(1);
  expect(program.errors()).toMatch(/devices[\s\S]*classes|classes[\s\S]*devices/);
});

test("a fleet whose token is refused ends with the server's sentence", async () => {
  const file = join(bench.dataDir, "scenario.json");
  writeFileSync(file, JSON.stringify(scenario));
  const program = startProgram(["sim", "--scenario", file, "--server", bench.peer.url, "--token", "wrong", "--data-dir", bench.dataDir]);
  expect(await program.exited).toBe(1);
  expect(program.errors()).toContain("no device can enrol: the enrolment token is not valid");
});
