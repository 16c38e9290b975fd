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
