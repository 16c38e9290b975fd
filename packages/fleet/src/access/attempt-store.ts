import type { Sql } from "@flotilla/db";

/** Expired counts that one call of `pruneAttempts` deletes at most. */
const PRUNED_AT_ONCE = 200;

/** Counts one attempt under a key, for all processes that ask this database: how many there were since the window began, and when it ends. */
export async function countAttempt(sql: Sql, key: string, now: Date, windowMs: number): Promise<{ attempts: number; endsAtMs: number }> {
  const [row] = await sql.query<{ attempts: number; ends_at: Date }>(
    `insert into sign_in_attempt as a (key, attempts, ends_at) values ($1, 1, $3::timestamptz)
     on conflict (key) do update set attempts = case when a.ends_at <= $2::timestamptz then 1 else a.attempts + 1 end,
                                     ends_at = case when a.ends_at <= $2::timestamptz then excluded.ends_at else a.ends_at end
     returning attempts, ends_at`,
    [key, now, new Date(now.getTime() + windowMs)],
  );
  return { attempts: row?.attempts ?? 1, endsAtMs: row?.ends_at.getTime() ?? now.getTime() };
}

/** Lets the count under a key begin anew. */
export async function clearAttempts(sql: Sql, key: string): Promise<void> {
  await sql.query("delete from sign_in_attempt where key = $1", [key]);
}

/** Deletes counts whose window is over, some at a time; leaves those alone that somebody is at. */
export async function pruneAttempts(sql: Sql, now: Date): Promise<void> {
  await sql.query(
    `delete from sign_in_attempt where key in (select key from sign_in_attempt where ends_at <= $1::timestamptz order by ends_at limit ${PRUNED_AT_ONCE} for update skip locked)`, [now]);
}
