import { createHash } from "node:crypto";

// Which device is in which wave. Decided by hash, so that it is the same on every machine and after every restart, and
// within each device class, so that the first wave already meets every class.

/** A device as far as cohorts care. */
export type CohortMember = { deviceId: string; className: string };

const BUCKET_HEX_DIGITS = 13; // 52 bits: exact in a double

/** Position of a device in a rollout, in [0, 1): the first 52 bits of SHA-256(salt ‖ device id) over 2^52. */
export function bucketOf(salt: string, deviceId: string): number {
  const digest = createHash("sha256").update(salt).update(deviceId).digest("hex");
  return Number.parseInt(digest.slice(0, BUCKET_HEX_DIGITS), 16) / 2 ** 52;
}

/**
 * The wave (from 0) of each device. Within each class, devices are ordered by bucket (equal buckets by id) and cut where
 * the cumulative percent, rounded up to whole devices, says: so every class has at least one device in the first wave,
 * and small fleets put a few more devices into early waves than the percent alone would.
 */
export function cutCohorts(members: readonly CohortMember[], percents: readonly number[], salt: string): Map<string, number> {
  const byClass = new Map<string, { deviceId: string; bucket: number }[]>();
  for (const { deviceId, className } of members) {
    const entry = { deviceId, bucket: bucketOf(salt, deviceId) };
    const group = byClass.get(className);
    if (group === undefined) byClass.set(className, [entry]);
    else group.push(entry);
  }
  const waves = new Map<string, number>();
  for (const group of byClass.values()) {
    group.sort((a, b) => a.bucket - b.bucket || (a.deviceId < b.deviceId ? -1 : 1));
    const ends = waveEnds(group.length, percents);
    let wave = 0;
    for (const [rank, { deviceId }] of group.entries()) {
      while (wave < ends.length - 1 && rank >= (ends[wave] ?? 0)) wave += 1;
      waves.set(deviceId, wave);
    }
  }
  return waves;
}

/** How many of `members` devices of one class are in the waves up to each. */
export function waveEnds(members: number, percents: readonly number[]): number[] {
  return percents.map((percent) => Math.ceil((members * percent) / 100 - 1e-9));
}

/** The wave of a device that joins a rollout under way: where its own bucket falls, whatever the others do. */
export function waveOfJoiner(salt: string, deviceId: string, percents: readonly number[]): number {
  const position = bucketOf(salt, deviceId) * 100;
  const wave = percents.findIndex((percent) => position < percent);
  return wave === -1 ? percents.length - 1 : wave;
}
