import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { seededRandom, type Random } from "./random.ts";

// A fleet comes back after its server was dark: simulated time over the agent's own backoff and the interval that gateways draw
// (uniform(0.5, 1.5) × interval, apps/gateway, sync-answer.ts). What is counted is calls that reach a server, per second.

const DEVICES = 10_000;
const INTERVAL_MS = 30_000;
const DARK_FROM_MS = 5 * INTERVAL_MS;
const DARK_UNTIL_MS = DARK_FROM_MS + 60_000;
const END_MS = DARK_UNTIL_MS + 8 * INTERVAL_MS;
const STEADY_PER_SECOND = (DEVICES * 1000) / INTERVAL_MS;

type Fleet = { nextSyncMs: (random: Random) => number; retryMs: (failures: number, random: Random) => number };
const agents: Fleet = { nextSyncMs: (random) => INTERVAL_MS * (0.5 + random.uniform()), retryMs: (failures, random) => backoffMs(failures, random) };

/** Calls per second that find the server up; devices do not act on each other, so one after the other will do. */
function answeredPerSecond(fleet: Fleet): number[] {
  const perSecond = Array.from({ length: END_MS / 1000 }, () => 0);
  for (let device = 0; device < DEVICES; device += 1) {
    const random = seededRandom(device + 1);
    let failures = 0;
    for (let atMs = random.uniform() * INTERVAL_MS; atMs < END_MS;) {
      const isDark = atMs >= DARK_FROM_MS && atMs < DARK_UNTIL_MS;
      failures = isDark ? failures + 1 : 0;
      const second = Math.floor(atMs / 1000);
      if (!isDark) perSecond[second] = (perSecond[second] ?? 0) + 1;
      atMs += isDark ? fleet.retryMs(failures, random) : fleet.nextSyncMs(random);
    }
  }
  return perSecond;
}

function peaksOf(perSecond: readonly number[]): { atReturn: number; later: number; isBack: boolean } {
  const of = (fromMs: number, toMs: number): number[] => perSecond.slice(fromMs / 1000, toMs / 1000);
  const backMs = DARK_UNTIL_MS + 2 * INTERVAL_MS;
  const later = of(backMs, backMs + 5 * INTERVAL_MS);
  return {
    atReturn: Math.max(...of(DARK_UNTIL_MS, backMs)) / STEADY_PER_SECOND,
    later: Math.max(...later) / STEADY_PER_SECOND,
    isBack: later.reduce((sum, n) => sum + n, 0) > 0.98 * 5 * DEVICES,
  };
}

test("10,000 devices back after 60 s of darkness: at most 3 times the steady rate in any second, and no echo above 1.5 times", () => {
  const peaks = peaksOf(answeredPerSecond(agents));
  process.stdout.write(`herd: peak ${peaks.atReturn.toFixed(2)} x steady at the return, ${peaks.later.toFixed(2)} x in the five intervals after it\n`);
  expect(peaks.isBack).toBe(true);
  expect(peaks.atReturn).toBeLessThanOrEqual(3);
  expect(peaks.later).toBeLessThanOrEqual(1.5);
});

test("the count would show a herd: a fixed retry and jitter at the start only are far above both limits", () => {
  const peaks = peaksOf(answeredPerSecond({ nextSyncMs: () => INTERVAL_MS, retryMs: () => 5_000 }));
  expect(peaks.atReturn).toBeGreaterThan(3);
  expect(peaks.later).toBeGreaterThan(1.5);
});
