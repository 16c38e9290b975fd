import { expect, test } from "vitest";
import { scenarioSchema, type Scenario } from "../scenario.ts";
import { rehearse, type Rehearsal } from "./rehearsal.ts";

function scenario(changes: object = {}): Scenario {
  return scenarioSchema.parse({
    seed: 5, devices: 24, mode: "crowd",
    classes: [
      { name: "pi4", arch: "arm64", speedFactor: 4, memoryBytes: 2 ** 32, share: 2 },
      { name: "x86-gateway", arch: "x64", speedFactor: 1, memoryBytes: 2 ** 34, share: 1 },
    ],
    network: { latencyMs: 80, jitterMs: 60, jitter: "lognormal", lossPercent: 5, offlineWindows: [{ afterMs: 120_000, durationMs: 20_000, everyMs: 200_000 }] },
    faults: { crash: { meanMs: 120_000, downMs: 4_000 }, silent: { share: 0.1, afterMs: 300_000, durationMs: 60_000 }, corruptDownload: { percent: 20 } },
    windowMs: 10_000, inferenceIntervalMs: 2_000, startupSpreadMs: 5_000, durationMs: 600_000, ...changes,
  });
}

/** Every device's windows at the peer, in all epochs: stored + dropped = watermark. */
function ledgersOf({ peer }: Rehearsal): { stored: number; dropped: number; watermark: number } {
  const epochs = [...peer.devices.values()].flatMap((device) => [...device.epochs.values()]);
  const sum = (of: (epoch: (typeof epochs)[number]) => number): number => epochs.reduce((total, epoch) => total + of(epoch), 0);
  return { stored: sum((e) => e.stored), dropped: sum((e) => e.dropped), watermark: sum((e) => e.watermark) };
}

test("two runs of one seed have the same names, classes, fault schedule, delays and events; another seed has others", () => {
  const [a, b, other] = [rehearse(scenario()), rehearse(scenario()), rehearse(scenario({ seed: 6 }))];
  expect(a.events.length).toBeGreaterThan(500);
  expect(b.events).toEqual(a.events);
  expect(b.faultSchedule).toEqual(a.faultSchedule);
  expect(a.faultSchedule).toEqual([0, 300_000, 360_000]);
  expect(other.events).not.toEqual(a.events);
});

test("through losses, outages and power cuts every window is stored once or declared dropped", () => {
  const run = rehearse(scenario());
  const ledgers = ledgersOf(run);
  expect(run.numbers.crashes).toBeGreaterThan(30);
  expect(run.numbers.errors).toMatchObject({ "offline (simulated)": expect.any(Number), "answer lost (simulated)": expect.any(Number), "silent (simulated)": expect.any(Number) });
  expect(ledgers.stored + ledgers.dropped).toBe(ledgers.watermark);
  const { produced, acked, dropped, waiting } = run.numbers.windows;
  expect(produced).toBe(acked + dropped + waiting);
  expect(acked).toBeGreaterThan(500);
  // What the last answers did not bring back is known to the server and not yet to the device.
  expect(ledgers.stored).toBeGreaterThanOrEqual(acked);
});

test("devices that were too long without a server declare what their queue could not hold", () => {
  const run = rehearse(scenario({ faults: {}, network: { offlineWindows: [{ afterMs: 60_000, durationMs: 420_000 }] }, queuedWindows: 5 }));
  const ledgers = ledgersOf(run);
  expect(ledgers.dropped).toBeGreaterThan(24 * 10);
  expect(ledgers.stored + ledgers.dropped).toBe(ledgers.watermark);
  // Devices that have not called again yet have declared more than the server knows.
  expect(run.numbers.windows.dropped).toBeGreaterThanOrEqual(ledgers.dropped);
});

test("a healthy fleet reaches every target, by the phases and digests of the protocol", () => {
  const run = rehearse(scenario({ faults: {}, network: {} }));
  expect(run.numbers.installs).toMatchObject({ succeeded: 48, failed: 0, rolledBack: 0 });
  for (const device of run.peer.devices.values()) {
    expect(device.lastReport?.running?.buildId).toBe("build-second");
    expect(device.lastReport?.deployment).toMatchObject({ phase: "succeeded", probe: { passed: true } });
    expect(device.lastReport?.slots.map((slot) => slot.state).toSorted()).toEqual(["active", "ready"]);
    expect(device.lastReport?.class.simulated).toBe(true);
  }
});

test("a class that the new build crashes on fails there and keeps the old one; one whose inferences fail rolls back", () => {
  const bad = { buildName: "second", classes: ["pi4"] };
  const crashed = rehearse(scenario({ faults: { crashOnLoad: bad }, network: {} }));
  expect(crashed.numbers.installs).toMatchObject({ succeeded: 32, failed: 16, rolledBack: 0, byFailure: { load_failed: 16 } });
  const failing = rehearse(scenario({ faults: { failInferences: { classes: ["pi4"], afterMs: 290_000 } }, network: {} }));
  expect(failing.numbers.installs).toMatchObject({ succeeded: 32, rolledBack: 16, byFailure: { probation_failed: 16 } });
  for (const { peer } of [crashed, failing]) {
    for (const device of peer.devices.values()) expect(device.lastReport?.running?.buildId, device.name).toBe(device.name.includes("pi4") ? "build-first" : "build-second");
  }
});

test("a full disk and a damaged download fail by their own codes and nothing else changes", () => {
  const run = rehearse(scenario({ faults: { diskFull: { classes: ["x86-gateway"], afterMs: 290_000 }, corruptDownload: { classes: ["pi4"], percent: 100, afterMs: 290_000 } }, network: {} }), { maxAttempts: 1 });
  expect(run.numbers.installs).toMatchObject({ succeeded: 24, failed: 24, byFailure: { disk_full: 8, digest_mismatch: 16 } });
  for (const device of run.peer.devices.values()) expect(device.lastReport?.running?.buildId).toBe("build-first");
});
