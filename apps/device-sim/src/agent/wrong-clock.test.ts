import { expect, test } from "vitest";
import { targetFor } from "../testing/build-on-peer.ts";
import { diskFrom } from "../testing/crash-disk.ts";
import { JOURNEY_MODELS, hasEnded, journeyPeer, onlyDevice } from "../testing/device-journey.ts";
import { LIFE_ROOT, startLife } from "../testing/simulated-life.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { ServerRefusal, createGatewayClient } from "./gateway-client.ts";
import { seededRandom } from "./random.ts";

const YEAR_MS = 365.25 * 86_400_000;
const TODAY_MS = Date.UTC(2026, 10, 24, 12, 0, 7);
const dice = seededRandom(3);

const CLOCKS: Record<string, (monotonicMs: number) => number> = {
  "ten years ahead": (ms) => TODAY_MS + ms + 10 * YEAR_MS,
  "ten years behind": (ms) => TODAY_MS + ms - 10 * YEAR_MS,
  "at 1970": (ms) => ms,
  "before 1970": (ms) => ms - YEAR_MS,
  "standing still": () => TODAY_MS,
  "running backwards": (ms) => TODAY_MS - ms,
  "jumping to and fro by years": (ms) => TODAY_MS + ms + (dice.uniform() - 0.5) * 20 * YEAR_MS,
  "put right in the middle of the install": (ms) => (ms < 4_000 ? ms : TODAY_MS + ms),
};

const WINDOW_MS = 1_000;
const INTERVAL_MS = 400;

test.each(Object.entries(CLOCKS))("with a wall clock that is %s the device enrols, installs, renews its tokens and times its windows as ever", async (_what, wallAt) => {
  const { peer, builds } = journeyPeer();
  const clock = new VirtualClock();
  clock.wallAt = wallAt;
  peer.tokenLifeSeconds = 4;
  const placed: number[] = [];
  const counts: number[] = [];
  peer.onSync = (_device, { telemetry }) => {
    for (const window of telemetry?.windows ?? []) {
      expect(Number.isSafeInteger(window.wallMs)).toBe(true);
      // As the server does: its own time less the age.
      placed.push(clock.monotonicMs() - (window.ageMs ?? Number.NaN));
      counts.push(window.count);
    }
  };
  const life = await startLife({ steps: diskFrom(LIFE_ROOT, { files: new Map(), folders: new Set([LIFE_ROOT]) }), peer, models: Object.values(JOURNEY_MODELS), seed: 1, clock });
  const device = await clock.until("it is enrolled", () => onlyDevice(peer), 60_000);
  for (const [index, build] of [builds.a, builds.b].entries()) {
    const beganMs = clock.now;
    device.target = targetFor(build, index + 1, { maxAttempts: 1, attemptTimeoutMs: 20_000 });
    await clock.until("it runs", () => hasEnded(device, index + 1), 60_000);
    expect(device.syncs.at(-1)?.report).toMatchObject({ deployment: { phase: "succeeded", attempt: 1 }, running: { buildId: build.buildId } });
    const runningForMs = device.syncs.at(-1)?.report.running?.runningForMs ?? -1;
    expect(runningForMs).toBeGreaterThanOrEqual(0);
    expect(runningForMs).toBeLessThanOrEqual(clock.now - beganMs);
  }
  await clock.until("windows arrive", () => placed.length >= 12, 60_000);
  life.end();
  expect(peer.requests.filter((line) => line.endsWith("/token")).length).toBeGreaterThanOrEqual(3);
  for (const [i, startMs] of placed.entries()) {
    expect(startMs).toBeGreaterThan(1_000 - WINDOW_MS);
    expect(startMs).toBeLessThan(clock.now);
    // On one grid, in order, however the wall clock ran meanwhile.
    expect(Math.abs((startMs - (placed[0] ?? 0)) % WINDOW_MS)).toBeCloseTo(0, 6);
    expect(startMs).toBeGreaterThanOrEqual(placed[i - 1] ?? 0);
    expect(counts[i]).toBeLessThanOrEqual(WINDOW_MS / INTERVAL_MS + 1);
  }
});

test.each([["1970", 0], ["ten years ahead", TODAY_MS + 10 * YEAR_MS]])("Retry-After as a moment is counted from the server's own date by a device whose clock says %s", async (_what, wallMs) => {
  const headers = { date: "Tue, 24 Nov 2026 12:00:00 GMT", "retry-after": "Tue, 24 Nov 2026 12:00:30 GMT" };
  const nothing = { [Symbol.asyncIterator]: async function* (): AsyncGenerator<Uint8Array> {} };
  const net = { request: () => Promise.resolve({ status: 503, headers, body: nothing, discard: () => Promise.resolve() }), close: () => Promise.resolve() };
  const refusal = await createGatewayClient(net, { wallMs: () => wallMs }).nonce().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ServerRefusal);
  expect(refusal).toMatchObject({ retryAfterMs: 30_000 });
});
