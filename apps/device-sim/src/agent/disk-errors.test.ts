import { expect, test, vi } from "vitest";
import { targetFor } from "../testing/build-on-peer.ts";
import { diskFrom, type DiskImage } from "../testing/crash-disk.ts";
import { JOURNEY_MODELS, hasEnded, journeyPeer, onlyDevice } from "../testing/device-journey.ts";
import { failingSteps, type Verdict } from "../testing/failing-disk.ts";
import type { PeerDevice } from "../testing/gateway-peer.ts";
import { LIFE_ROOT, startLife, type SimulatedLife } from "../testing/simulated-life.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { loadState } from "./state.ts";
import { createDisk } from "./disk.ts";

vi.setConfig({ testTimeout: 300_000 });

const ALL = Object.values(JOURNEY_MODELS);
const NEW_DISK: DiskImage = { files: new Map(), folders: new Set([LIFE_ROOT]) };
/** A disk that stays ill does so for this long. */
const ILL_MS = 6_000;
/** A state that was not taken is offered again sooner than this. */
const SAVED_AGAIN_MS = 6_000;
const WANTED_CODE = { ENOSPC: "disk_full", EIO: "io", EROFS: "io" } as const;
type Code = keyof typeof WANTED_CODE;

/**
 * A device's first two installs with errors from the `k`-th change of the disk on: EIO once, the others for a while and of the kinds they
 * are of. Answers what did not hold, and how many changes there were.
 */
async function trial(code: Code, k: number): Promise<{ fault: string | null; changes: number }> {
  const { peer, builds } = journeyPeer();
  const clock = new VirtualClock();
  let illUntilMs = Number.POSITIVE_INFINITY;
  let changes = 0;
  const verdict: Verdict = (_index, kind) => {
    if (!(code === "EIO" || kind === "grow" || (code === "EROFS" && kind === "change"))) return null;
    changes += 1;
    if (changes < k || (code === "EIO" && changes > k)) return null;
    if (changes === k) illUntilMs = clock.now + ILL_MS;
    return clock.now < illUntilMs ? code : null;
  };
  const steps = failingSteps(diskFrom(LIFE_ROOT, NEW_DISK), verdict);
  const start = (): Promise<SimulatedLife> => startLife({ steps, peer, models: ALL, seed: 1, clock });
  let life: SimulatedLife;
  try {
    life = await start();
  } catch (error) {
    // Without a key there is no device to be: the first start ends with the disk's error, and the machine starts the program again.
    if (!String(error).includes(code)) return { fault: `the first start ended with ${String(error)}`, changes };
    await clock.sleep(ILL_MS + 1);
    life = await start();
  }
  const { agent } = life;
  let brokeDown: string | null = null;
  agent.done.catch((error: unknown) => (brokeDown = String(error)));
  const ended = (fault: string | null): { fault: string | null; changes: number } => ({ fault: brokeDown ?? fault, changes });
  try {
    const device = await clock.until("it is enrolled", () => onlyDevice(peer));
    for (const [index, build] of [builds.a, builds.b].entries()) {
      const before = device.syncs.at(-1)?.report.running?.buildId;
      device.target = targetFor(build, index + 1);
      await clock.until(`the way to ${build.name} has ended`, () => hasEnded(device, index + 1));
      const { running, deployment } = device.syncs.at(-1)?.report ?? {};
      if (deployment?.phase === "failed" && deployment.failure?.code !== WANTED_CODE[code]) return ended(`${code} is reported as ${JSON.stringify(deployment.failure)}`);
      if (running?.buildId !== (deployment?.phase === "failed" ? before : build.buildId)) return ended(`it runs ${running?.buildId} after ${deployment?.phase} of ${build.name}, before ${before}`);
    }
    const well = (): Promise<unknown> => clock.until("the disk is well", () => code === "EIO" || clock.now > illUntilMs || illUntilMs === Number.POSITIVE_INFINITY);
    await well();
    device.target = targetFor(builds.e, 3);
    await clock.until("the next target has ended", () => hasEnded(device, 3));
    if (device.syncs.at(-1)?.report.deployment?.failure?.code === WANTED_CODE[code]) {
      // The disk fell ill only now.
      await well();
      device.target = targetFor(builds.e, 4);
      await clock.until("the last target has ended", () => hasEnded(device, 4));
    }
    if (device.syncs.at(-1)?.report.running?.buildId !== builds.e.buildId) return ended(`on a well disk: ${JSON.stringify(device.syncs.at(-1)?.report.deployment)}`);
    const { produced } = agent.status().telemetry;
    await clock.until("windows are made", () => agent.status().telemetry.produced >= produced + 2);
    await clock.until("all windows are told", () => agent.status().telemetry.waiting === 0);
    if (k < Number.POSITIVE_INFINITY) {
      await well();
      await clock.sleep(SAVED_AGAIN_MS);
    }
    return ended(await unremembered(device, steps) ?? unaccounted(device));
  } catch (error) {
    return ended(String(error));
  } finally {
    life.end();
  }
}

/** What was kept in memory while the disk was ill is on it now. */
async function unremembered(device: PeerDevice, steps: ReturnType<typeof diskFrom>): Promise<string | null> {
  const disk = createDisk(LIFE_ROOT, steps);
  if ((await disk.read("enrollment.json")) === null) return "the enrolment was never stored";
  const state = await loadState(disk);
  return state.target?.targetVersion === device.target?.targetVersion && state.deployment?.phase === "succeeded" ? null : `the disk says ${JSON.stringify(state.deployment)}`;
}

function unaccounted(device: PeerDevice): string | null {
  const [epoch, ...others] = device.epochs.values();
  if (epoch === undefined || others.length > 0) return `${device.epochs.size} epochs at the server`;
  return epoch.windows.size + epoch.dropped === epoch.watermark ? null : `${epoch.watermark} windows produced, ${epoch.windows.size} stored, ${epoch.dropped} dropped`;
}

test.each(["ENOSPC", "EIO", "EROFS"] as const)("%s at any change of the disk ends in a clear failure or none; the model keeps running, and a well disk takes the next build", async (code) => {
  const faults: string[] = [];
  let tried = 0;
  const { fault: without, changes: last } = await trial(code, Number.POSITIVE_INFINITY);
  expect(without).toBeNull();
  for (let k = 1; k <= last && faults.length < 5; k += 1) {
    const { fault } = await trial(code, k);
    tried += 1;
    if (fault !== null) faults.push(`${code} at change ${k}: ${fault}`);
  }
  process.stdout.write(`disk errors: ${code} at each of ${tried} changes\n`);
  expect(faults).toEqual([]);
  expect(tried).toBeGreaterThan(50);
});

test("a device that starts on a disk that has become read-only runs its model and reports", async () => {
  const { peer, builds } = journeyPeer();
  const well = diskFrom(LIFE_ROOT, NEW_DISK);
  const first = await startLife({ steps: well, peer, models: ALL, seed: 1 });
  const device = await first.clock.until("it is enrolled", () => onlyDevice(peer));
  device.target = targetFor(builds.a, 1);
  await first.clock.until("it runs", () => hasEnded(device, 1));
  first.end();
  let isReadOnly = true;
  const steps = failingSteps(well, (_index, kind) => (isReadOnly && kind !== "sync" ? "EROFS" : null));
  const second = await startLife({ steps, peer, models: ALL, seed: 2 });
  const reports = device.syncs.length;
  await second.clock.until("it reports the model as running", () => device.syncs.slice(reports).some(({ report }) => report.running?.buildId === builds.a.buildId));
  device.target = targetFor(builds.b, 2);
  await second.clock.until("it says why it cannot install", () => hasEnded(device, 2));
  expect(device.syncs.at(-1)?.report).toMatchObject({ running: { buildId: builds.a.buildId }, deployment: { phase: "failed", failure: { code: "io", recovery: "no_state_change" } } });
  isReadOnly = false;
  device.target = targetFor(builds.b, 3);
  await second.clock.until("it installs", () => hasEnded(device, 3));
  expect(device.syncs.at(-1)?.report.running?.buildId).toBe(builds.b.buildId);
  second.end();
});

test("a switch that the disk does not take is not made: the device keeps the model it has and says why", async () => {
  const { peer, builds } = journeyPeer();
  const well = diskFrom(LIFE_ROOT, NEW_DISK);
  let phase = (): string | undefined => undefined;
  let isFull = false;
  const steps = failingSteps(well, (_index, _kind, path) => {
    isFull ||= phase() === "verifying";
    return isFull && path.includes("state.json") ? "ENOSPC" : null;
  });
  const life = await startLife({ steps, peer, models: ALL, seed: 1 });
  const device = await life.clock.until("it is enrolled", () => onlyDevice(peer));
  device.target = targetFor(builds.a, 1);
  phase = () => (device.target?.targetVersion === 2 ? (life.agent.state().deployment?.phase ?? undefined) : undefined);
  await life.clock.until("it runs", () => hasEnded(device, 1));
  device.target = targetFor(builds.b, 2);
  await life.clock.until("the way has ended", () => hasEnded(device, 2));
  expect(device.syncs.at(-1)?.report).toMatchObject({ running: { buildId: builds.a.buildId }, deployment: { phase: "failed", failure: { code: "disk_full" } } });
  life.end();
});
