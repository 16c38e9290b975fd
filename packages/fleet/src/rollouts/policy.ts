import { FleetError } from "@flotilla/protocol";
import { DEFAULT_SYNC_INTERVAL_MS } from "../devices/presence.ts";
import type { RolloutPolicy, WaveInput } from "./types.ts";

const MINUTE_MS = 60_000;

/** A policy as it is stored: `offlineAfterMs` null follows the sync interval; rollouts of older versions lack later fields. */
export type StoredPolicy = Omit<RolloutPolicy, "offlineAfterMs"> & { offlineAfterMs: number | null };

const storedDefaults: StoredPolicy = {
  inProgressTimeoutMs: 30 * MINUTE_MS, verifyTimeoutMs: 10 * MINUTE_MS, maxAttempts: 2, offlineAfterMs: null, minSample: 5, waveTimeoutMs: 60 * MINUTE_MS, maxInFlight: null,
};

const OFFLINE_AFTER_INTERVALS = 3;
/** With very short intervals a device that restarts would count as away. */
const LEAST_OFFLINE_AFTER_MS = 30_000;
/** Times `offlineAfterMs`: a device that has taken the build and is silent for this long is feared lost. */
const LOST_AFTER_OFFLINES = 2;

/** The numbers that hold now, with the sync interval that gateways have announced. */
export function effectivePolicy(stored: Partial<StoredPolicy>, syncIntervalMs: number): RolloutPolicy {
  const policy = { ...storedDefaults, ...stored };
  return { ...policy, offlineAfterMs: policy.offlineAfterMs ?? Math.max(LEAST_OFFLINE_AFTER_MS, OFFLINE_AFTER_INTERVALS * syncIntervalMs) };
}

/** How long a device may be silent after it was handed the build before it counts as lost. */
export function lostAfterMs(policy: RolloutPolicy): number {
  return LOST_AFTER_OFFLINES * policy.offlineAfterMs;
}

/** What a rollout does when nothing else is asked for, at the sync interval of a platform that did not set one. */
export const defaultPolicy: RolloutPolicy = effectivePolicy({}, DEFAULT_SYNC_INTERVAL_MS);

const policyLimits: Record<keyof RolloutPolicy, { least: number; most: number }> = {
  inProgressTimeoutMs: { least: MINUTE_MS, most: 7 * 24 * 60 * MINUTE_MS },
  verifyTimeoutMs: { least: MINUTE_MS, most: 7 * 24 * 60 * MINUTE_MS },
  maxAttempts: { least: 1, most: 10 },
  offlineAfterMs: { least: 1_000, most: 7 * 24 * 60 * MINUTE_MS },
  minSample: { least: 1, most: 10_000 },
  waveTimeoutMs: { least: MINUTE_MS, most: 30 * 24 * 60 * MINUTE_MS },
  maxInFlight: { least: 1, most: 1_000_000 },
};

const MAX_WAVES = 20;
const MAX_SOAK_SECONDS = 7 * 24 * 3600;
const DEFAULT_SOAK_SECONDS = 60;
const DEFAULT_MAX_FAILURE_PERCENT = 10;

/** A wave with every number set. `percent` is cumulative. */
export type WavePlan = { percent: number; soakSeconds: number; maxFailurePercent: number };

/** Fills in defaults. Throws `bad_request`: 1 to 20 waves, percents rising, the last one 100. */
export function checkedWaves(waves: readonly WaveInput[]): WavePlan[] {
  if (waves.length < 1 || waves.length > MAX_WAVES) throw bad(`A rollout has 1 to ${MAX_WAVES} waves, not ${waves.length}.`);
  let before = 0;
  const checked = waves.map((wave, index) => {
    const name = `Wave ${index + 1}`;
    const { percent, soakSeconds = DEFAULT_SOAK_SECONDS, maxFailurePercent = DEFAULT_MAX_FAILURE_PERCENT } = wave;
    if (!Number.isFinite(percent) || percent <= before || percent > 100) {
      throw bad(`${name} must end above ${before} % and at most at 100 % of the fleet: percents are cumulative and rise.`);
    }
    if (!Number.isInteger(soakSeconds) || soakSeconds < 0 || soakSeconds > MAX_SOAK_SECONDS) {
      throw bad(`${name}: the soak time is a whole number of seconds from 0 to ${MAX_SOAK_SECONDS}.`);
    }
    if (!Number.isFinite(maxFailurePercent) || maxFailurePercent < 0 || maxFailurePercent > 100) {
      throw bad(`${name}: the failure limit is a percentage from 0 to 100.`);
    }
    before = percent;
    return { percent, soakSeconds, maxFailurePercent };
  });
  if (before !== 100) throw bad("The last wave must end at 100 % of the fleet.");
  return checked;
}

/** Fills in defaults. Throws `bad_request` naming the number that is out of bounds. */
export function checkedPolicy(policy: Partial<StoredPolicy> = {}): StoredPolicy {
  const checked = { ...storedDefaults };
  for (const [name, limits] of Object.entries(policyLimits) as [keyof RolloutPolicy, { least: number; most: number }][]) {
    const value = policy[name];
    // Null is "no limit" or "follow the sync interval" where these are possible: what the defaults say there too.
    if (value === undefined || (value === null && storedDefaults[name] === null)) continue;
    if (value === null || !Number.isInteger(value) || value < limits.least || value > limits.most) {
      throw bad(`policy.${name} is a whole number from ${limits.least} to ${limits.most}.`);
    }
    checked[name] = value;
  }
  return checked;
}

function bad(sentence: string): FleetError {
  return new FleetError("bad_request", { public: sentence });
}
