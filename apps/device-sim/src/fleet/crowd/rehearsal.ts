import { createHash } from "node:crypto";
import { seededRandom } from "../../agent/random.ts";
import type { FleetNumbers } from "../fleet-stats.ts";
import { faultChanges } from "../faults.ts";
import type { Scenario } from "../scenario.ts";
import { createContent } from "./content.ts";
import { createCrowd, type CrowdStore } from "./crowd.ts";
import type { ModelLab } from "./model-lab.ts";
import { RehearsalPeer, rehearsedBuild } from "./rehearsal-peer.ts";
import { simulatedTimeline } from "./timeline.ts";

export type Rehearsal = {
  readonly numbers: FleetNumbers;
  /** What every device did, in order: "<ms> <device> <what>". */
  readonly events: readonly string[];
  /** Moments at which the scenario's faults change. */
  readonly faultSchedule: readonly number[];
  readonly peer: RehearsalPeer;
};

/** The first build is there when the devices arrive, the second comes at half time. */
const BUILDS = ["first", "second"] as const;
const DEFAULT_MS = 600_000;
const DEFAULT_SYNC_INTERVAL_MS = 30_000;
const WALL_START_MS = Date.UTC(2026, 10, 24, 12, 0, 7);

/**
 * Plays a scenario in simulated time against a server inside the process: no platform, no models, no waiting. Two runs of the same scenario and
 * seed give the same events; ids too, since nothing real hears of them.
 */
export function rehearse(scenario: Scenario, options: { devices?: number; durationMs?: number; keepEvents?: boolean; maxAttempts?: number } = {}): Rehearsal {
  const durationMs = options.durationMs ?? (scenario.durationMs || DEFAULT_MS);
  const timeline = simulatedTimeline(WALL_START_MS);
  const peer = new RehearsalPeer(timeline, { seed: scenario.seed, syncIntervalMs: scenario.syncIntervalMs ?? DEFAULT_SYNC_INTERVAL_MS });
  const events: string[] = [];
  const crowd = createCrowd({
    scenario, timeline, exchange: peer, lab: madeUpLab(scenario.seed), content: createContent(), store: seededStore(scenario.seed), ortVersion: "rehearsal", enrollmentToken: "rehearsal",
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    ...(options.keepEvents === false ? {} : { note: (atMs, device, what) => void events.push(`${atMs.toFixed(1)} ${device} ${what}`) }),
  });
  const limits = options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts };
  peer.rollOut(rehearsedBuild(BUILDS[0]), limits);
  timeline.after(durationMs / 2, () => peer.rollOut(rehearsedBuild(BUILDS[1]), limits));
  crowd.start();
  timeline.runUntil(durationMs);
  return { numbers: crowd.numbers(), events, faultSchedule: faultChanges(scenario.faults, durationMs), peer };
}

/** Models whose probe passes and whose latency is drawn once, around a millisecond. */
function madeUpLab(seed: number): ModelLab {
  const random = seededRandom(seed);
  const samples = Array.from({ length: 256 }, () => 0.5 + random.uniform() ** 4 * 4);
  return {
    probe: (_class, _content, take) => take({ kind: "passed", loadMs: 20, maxAbsError: 0 }),
    open: (_class, _content, take) => take({ loadMs: 20, samples }),
    close: () => Promise.resolve(),
  };
}

function seededStore(seed: number): CrowdStore {
  const random = seededRandom(seed ^ 0x9e3779b9);
  return { secret: createHash("sha256").update(`rehearsal ${seed}`).digest(), deviceIds: new Map(), enrolled: () => undefined, flush: () => undefined, randomHex: (bytes) => random.hex(bytes) };
}
