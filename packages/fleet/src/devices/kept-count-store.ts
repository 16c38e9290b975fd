import type { Sql } from "@flotilla/db";

// Counting who is reachable reads every device, which takes a tenth of a second and more where there are 100,000. For large
// fleets a worker counts again every few seconds and pages read its last result; small fleets are counted when asked.

/** From this many devices on, counts are kept. */
export const LARGE_FLEET = 10_000;
const LEAST_AGE_MS = 5_000;
/** Counting may take this part of the time at most … */
const SHARE = 20;
/** … unless the machine is so busy that results would grow too old to be shown. */
const LONGEST_PAUSE_MS = 30_000;
/** An older result is not shown: no worker counts any more, so whoever asks counts. */
const LONGEST_AGE_MS = 60_000;

/** The last result that was kept under this key, unless it is too old; undefined when there is none. */
export async function keptCount<T>(sql: Sql, key: string, now: Date): Promise<T | undefined> {
  const [row] = await sql.query<{ value: T }>("select value from kept_count where key = $1 and counted_at > $2::timestamptz", [key, new Date(now.getTime() - LONGEST_AGE_MS)]);
  return row?.value;
}

/** The same of many keys in one query; those without a result are absent. */
export async function keptCounts<T>(sql: Sql, keys: readonly string[], now: Date): Promise<Map<string, T>> {
  const rows = await sql.query<{ key: string; value: T }>("select key, value from kept_count where key = any($1::text[]) and counted_at > $2::timestamptz", [keys, new Date(now.getTime() - LONGEST_AGE_MS)]);
  return new Map(rows.map((row) => [row.key, row.value]));
}

/** Counts again when that is due (or `isForced`), and keeps the result; else answers the last one. `isFresh`: counted just now. */
export async function keepCount<T>(sql: Sql, key: string, now: Date, count: () => Promise<T>, isForced = false): Promise<{ value: T; isFresh: boolean }> {
  const [row] = isForced ? [] : await sql.query<Counted & { value: T }>("select value, counted_at, took_ms from kept_count where key = $1", [key]);
  if (row !== undefined && !isDue(row, now)) return { value: row.value, isFresh: false };
  const beganMs = performance.now();
  const value = await count();
  await store(sql, new Map([[key, value]]), now, performance.now() - beganMs);
  return { value, isFresh: true };
}

/**
 * Counts under all these keys again, in one pass, when that is due, and keeps the results. Due is when the last pass over any of them is long enough ago; a
 * key that came since waits for the next. Answers whether it was.
 */
export async function keepCounts(sql: Sql, keys: readonly string[], now: Date, count: () => Promise<ReadonlyMap<string, unknown>>): Promise<boolean> {
  const [last] = await sql.query<Counted>("select counted_at, took_ms from kept_count where key = any($1::text[]) order by counted_at desc limit 1", [keys]);
  if (last !== undefined && !isDue(last, now)) return false;
  const beganMs = performance.now();
  const counts = await count();
  await store(sql, counts, now, performance.now() - beganMs);
  return true;
}

type Counted = { counted_at: Date; took_ms: number };

function isDue({ counted_at: at, took_ms: tookMs }: Counted, now: Date): boolean {
  const ageMs = now.getTime() - at.getTime();
  return ageMs < 0 || ageMs >= Math.min(LONGEST_PAUSE_MS, Math.max(LEAST_AGE_MS, SHARE * tookMs));
}

async function store(sql: Sql, counts: ReadonlyMap<string, unknown>, now: Date, tookMs: number): Promise<void> {
  await sql.query(
    `insert into kept_count as k (key, value, counted_at, took_ms) select key, value, $3::timestamptz, $4::int from unnest($1::text[], $2::jsonb[]) as c(key, value)
     on conflict (key) do update set value = excluded.value, counted_at = excluded.counted_at, took_ms = excluded.took_ms`,
    [[...counts.keys()], [...counts.values()].map((value) => JSON.stringify(value)), now, Math.round(tookMs)],
  );
}

/** Forgets results nobody keeps up any more. */
export async function dropOldCounts(sql: Sql, now: Date): Promise<void> {
  await sql.query("delete from kept_count where counted_at < $1::timestamptz", [new Date(now.getTime() - 10 * LONGEST_AGE_MS)]);
}
