import type { Presence } from "./types.ts";

/** What the mean time between two syncs of a device is until a gateway has said otherwise. */
export const DEFAULT_SYNC_INTERVAL_MS = 30_000;

/** Sync intervals after which a device counts as late, and as silent. */
export const PRESENCE_LIMITS = { lateAfterIntervals: 3, silentAfterIntervals: 10 } as const;

/** The one presence rule: by the last sync alone, in units of the sync interval. */
export function presenceOf(lastSeenAtMs: number | null, nowMs: number, syncIntervalMs: number): Presence {
  if (lastSeenAtMs === null) return "never";
  const quietMs = nowMs - lastSeenAtMs;
  if (quietMs < PRESENCE_LIMITS.lateAfterIntervals * syncIntervalMs) return "reporting";
  return quietMs < PRESENCE_LIMITS.silentAfterIntervals * syncIntervalMs ? "late" : "silent";
}

/**
 * The same rule as an SQL expression over a column of last syncs (null: never), so that lists can filter and count by it.
 * `now` and `interval` are the texts of parameters: a timestamptz and a number of ms.
 */
export function presenceSql(column: string, now: string, interval: string): string {
  const quiet = (intervals: number): string => `${column} > ${now} - ${intervals} * ${interval} * interval '1 millisecond'`;
  return `case when ${column} is null then 'never' when ${quiet(PRESENCE_LIMITS.lateAfterIntervals)} then 'reporting'
          when ${quiet(PRESENCE_LIMITS.silentAfterIntervals)} then 'late' else 'silent' end`;
}

/** Devices of one presence as a range of last syncs, so that PostgreSQL can tell beforehand whether these are many or few. */
export function presenceRangeSql(presence: Exclude<Presence, "never">, column: string, now: string, interval: string): string {
  const before = (intervals: number): string => `${now} - ${intervals} * ${interval} * interval '1 millisecond'`;
  const { lateAfterIntervals, silentAfterIntervals } = PRESENCE_LIMITS;
  switch (presence) {
    case "reporting":
      return `${column} > ${before(lateAfterIntervals)}`;
    case "late":
      return `${column} <= ${before(lateAfterIntervals)} and ${column} > ${before(silentAfterIntervals)}`;
    case "silent":
      return `${column} <= ${before(silentAfterIntervals)}`;
  }
}
