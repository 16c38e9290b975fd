import { createHash } from "node:crypto";
import { expect, test, vi } from "vitest";
import { targetFor } from "../testing/build-on-peer.ts";
import { createCrashDisk, diskFrom, imageDigest, type CrashDisk, type DiskImage } from "../testing/crash-disk.ts";
import { JOURNEY_MODELS, copyOfDevice, hasEnded, journeyPeer, onlyDevice, travel } from "../testing/device-journey.ts";
import type { GatewayPeer, PeerDevice } from "../testing/gateway-peer.ts";
import { LIFE_ROOT, startLife, type SimulatedLife } from "../testing/simulated-life.ts";

// Every disk that a power cut may leave behind, at every moment of a device's life: see crash-disk.ts for what is legal.

// Some 20 s of CPU; a busy machine gives it late.
vi.setConfig({ testTimeout: 300_000 });

const ALL = Object.values(JOURNEY_MODELS);
const KNOWN = new Set(ALL.map(({ model }) => createHash("sha256").update(model).digest("hex")));

/** What everybody believed at a moment: the server of the device, and the device of itself. */
type Belief = { readonly device: PeerDevice | null; readonly hadModel: boolean; readonly epoch: string | null; readonly produced: number };

const IGNORANCE: Belief = { device: null, hadModel: false, epoch: null, produced: 0 };

function beliefOf(peer: GatewayPeer, life: SimulatedLife | null, before: Belief): Belief {
  const device = onlyDevice(peer);
  const { epoch, produced } = life?.agent.status().telemetry ?? before;
  return { device: device === null ? null : copyOfDevice(device), hadModel: life === null ? before.hadModel : life.agent.state().active !== null, epoch, produced };
}

type Recording = { readonly disk: CrashDisk<Belief>; readonly told: ReadonlyMap<number, string> };

/** A whole journey on a disk that remembers. */
async function record(): Promise<Recording> {
  const { peer, builds } = journeyPeer();
  let life: SimulatedLife | null = null;
  const disk = createCrashDisk<Belief>(LIFE_ROOT, { note: () => beliefOf(peer, life, IGNORANCE) });
  life = await startLife({ steps: disk.life().steps, peer, models: ALL, seed: 1 });
  await travel(life, peer, builds);
  life.end();
  return { disk, told: toldTo(peer) };
}

/** A journey whose process dies after so many operations, and the first moves of the next process on what the system still knew. */
async function recordKilled(killAt: number, moves: number): Promise<Recording> {
  const { peer, builds } = journeyPeer();
  let life: SimulatedLife | null = null;
  let before = IGNORANCE;
  const disk = createCrashDisk<Belief>(LIFE_ROOT, { note: () => beliefOf(peer, life, before), thorough: false });
  const first = disk.life({ dieAfter: killAt });
  const starting = startLife({ steps: first.steps, peer, models: ALL, seed: 1 });
  const startedOrDead = await Promise.race([starting, new Promise<null>((resolve) => setImmediate(() => resolve(null)))]);
  if (startedOrDead !== null) {
    life = startedOrDead;
    await Promise.race([travel(life, peer, builds), life.clock.until("it is killed", () => disk.size() >= killAt)]);
    life.end();
    before = beliefOf(peer, life, before);
    life = null;
  }
  life = await startLife({ steps: disk.life().steps, peer, models: ALL, seed: 3 });
  const { clock, agent } = life;
  const device = await clock.until("it is enrolled", () => onlyDevice(peer));
  device.target ??= targetFor(builds.a, 1);
  await clock.until("it has gone its way and told everything", () => hasEnded(device, device.target?.targetVersion ?? 0) && disk.size() >= killAt + moves && agent.status().telemetry.waiting === 0);
  life.end();
  return { disk, told: toldTo(peer) };
}

function toldTo(peer: GatewayPeer): Map<number, string> {
  return new Map([...(onlyDevice(peer)?.epochs.values() ?? [])].flatMap((epoch) => [...epoch.windows].map(([seq, window]): [number, string] => [seq, markOf(window)])));
}

/** Starts an agent on a disk that a power cut left, and says what of the promises does not hold; null when all do. */
async function recover(image: DiskImage, belief: Belief, told: ReadonlyMap<number, string>, andNext: boolean): Promise<string | null> {
  const { peer, builds } = journeyPeer();
  if (belief.device !== null) peer.devices.set(belief.device.id, copyOfDevice(belief.device));
  const strangers: string[] = [];
  const life = await startLife({ steps: diskFrom(LIFE_ROOT, image), peer, models: ALL, seed: 2, isOnline: false, loaded: (sha256) => KNOWN.has(sha256) || strangers.push(sha256) });
  const { agent, clock } = life;
  try {
    const start = agent.status();
    if (belief.hadModel) await clock.until("a model runs without any server", () => agent.status().model?.live, 60_000);
    const watermark = belief.device?.epochs.get(start.telemetry.epoch)?.watermark ?? 0;
    if (belief.device !== null && start.publicKey !== belief.device.publicKey) return "the device has another key";
    if (belief.epoch !== null && belief.produced > 0 && start.telemetry.epoch !== belief.epoch) return "the ledger's epoch is gone";
    if (start.telemetry.produced < belief.produced) return `${belief.produced} windows were durable, ${start.telemetry.produced} are known`;
    if (start.telemetry.produced < watermark) return `numbers up to ${watermark} are used, ${start.telemetry.produced} are known`;
    life.isOnline = true;
    const device = await clock.until("it is enrolled", () => onlyDevice(peer));
    if (peer.devices.size !== 1) return "it enrolled as another device";
    const target = device.target ?? targetFor(builds.a, 1);
    device.target = target;
    await clock.until("the target's way has ended", () => hasEnded(device, target.targetVersion));
    const isGood = target.build?.buildId === builds.a.buildId || target.build?.buildId === builds.b.buildId;
    const report = device.syncs.at(-1)?.report;
    if (isGood && report?.running?.manifestSha256 !== target.build?.manifest.sha256) return `it runs ${report?.running?.buildId}, the target is ${target.build?.buildId}: ${JSON.stringify(report?.deployment)}`;
    if (!isGood && report?.deployment?.phase !== "failed") return `a bad build is said to have ${report?.deployment?.phase}`;
    if (!isGood && report?.running?.buildId !== builds.a.buildId) return `after a bad build it runs ${report?.running?.buildId}`;
    if (andNext) {
      device.target = targetFor(builds.e, target.targetVersion + 1);
      await clock.until("the next target is reached", () => hasEnded(device, target.targetVersion + 1));
      if (device.syncs.at(-1)?.report.running?.manifestSha256 !== builds.e.manifest.sha256) return "the next target is not reached";
    }
    await clock.until("all windows are told", () => agent.status().telemetry.waiting === 0);
    if (strangers.length > 0) return `bytes were loaded that are no model: ${strangers[0]}`;
    return untold(device, told, belief.produced);
  } catch (error) {
    return String(error);
  } finally {
    life.end();
  }
}

/** Every window that was durable before the cut is at the server, as it was recorded; none is there twice. */
function untold(device: PeerDevice, told: ReadonlyMap<number, string>, durable: number): string | null {
  const [epoch, ...others] = device.epochs.values();
  if (epoch === undefined && durable === 0) return null;
  if (epoch === undefined || others.length > 0) return `${device.epochs.size} epochs at the server`;
  if (epoch.windows.size + epoch.dropped !== epoch.watermark) return `${epoch.watermark} windows produced, ${epoch.windows.size} stored, ${epoch.dropped} dropped`;
  for (let seq = 1; seq <= durable; seq += 1) {
    const window = epoch.windows.get(seq);
    if (window === undefined) return `window ${seq} was durable and is gone`;
    if (markOf(window) !== told.get(seq)) return `window ${seq} is not the one that was recorded`;
  }
  return null;
}

const markOf = (window: { wallMs: number; count: number; mode: string; buildId: string; errors: number }): string => [window.wallMs, window.count, window.errors, window.mode, window.buildId].join(" ");

/** Tries the disks that power cuts between two operations may leave; counts new ones into `seen`, and answers what did not hold. */
async function tryAll({ disk, told }: Recording, range: { from: number; to: number }, seen: Set<string>): Promise<string[]> {
  const faults: string[] = [];
  for (let at = range.from; at <= range.to && faults.length < 5; at += 1) {
    const { note, images } = disk.crashesAfter(at);
    for (const image of images) {
      const digest = imageDigest(image);
      if (seen.has(digest)) continue;
      seen.add(digest);
      const fault = await recover(image, note, told, seen.size % 6 === 0);
      if (fault !== null) faults.push(`after operation ${at} (${disk.kindOf(at - 1)}): ${fault}`);
    }
  }
  return faults;
}

test("after a power cut at any moment the device starts with a verified model, keeps its identity and its windows, and reaches its target", async () => {
  const recording = await record();
  const seen = new Set<string>();
  expect(await tryAll(recording, { from: 0, to: recording.disk.size() }, seen)).toEqual([]);
  process.stdout.write(`crash states: ${seen.size} distinct, of power cuts after each of ${recording.disk.size()} disk operations\n`);
  expect(seen.size).toBeGreaterThanOrEqual(500);
});

test("nor does a power cut soon after the process was killed and started again break a promise", async () => {
  const { disk } = await record();
  const seen = new Set<string>();
  const faults: string[] = [];
  const kills = killPoints(disk);
  for (const killAt of kills) {
    const recording = await recordKilled(killAt, MOVES);
    faults.push(...(await tryAll(recording, { from: killAt + 1, to: killAt + MOVES }, seen)));
    faults.push(...(await tryAll(recording, { from: recording.disk.size(), to: recording.disk.size() }, seen)));
  }
  process.stdout.write(`crash states: ${seen.size} distinct, of power cuts after ${kills.length} kills\n`);
  expect(faults).toEqual([]);
});

/** First operations of the second process that are followed, beside the last. */
const MOVES = 12;
/** Of the moments at which a dead process leaves something that is not durable, every so many. */
const EVERY = 4;

function killPoints(disk: CrashDisk<Belief>): number[] {
  const points: number[] = [];
  for (let at = 1; at < disk.size(); at += 1) {
    const [last, next] = [disk.kindOf(at - 1), disk.kindOf(at)];
    if (last === "rename" || (last === "write" && next === "syncFile")) points.push(at);
  }
  return points.filter((_, i) => i % EVERY === 0);
}
