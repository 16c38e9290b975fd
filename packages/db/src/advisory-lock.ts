import pg from "pg";
import { clientConfig, type Db } from "./connect.ts";

export type AdvisoryLockResult<T> = { kind: "held"; value: T } | { kind: "busy" };

/**
 * Runs `fn` while holding the named lock of the whole database, or answers "busy" at once when somebody else has it.
 * The lock lives on a connection of its own: a crash of this process frees it. When that connection is lost, `signal`
 * fires, because another process may now hold the lock.
 */
export async function withAdvisoryLock<T>(
  db: Db,
  name: string,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<AdvisoryLockResult<T>> {
  const client = new pg.Client(clientConfig(db.url, `flotilla lock ${name}`.slice(0, 63)));
  const lost = new AbortController();
  client.on("error", (error) => lost.abort(error));
  try {
    await client.connect();
    const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock(hashtextextended($1, 0)) as locked", [name]);
    if (!rows[0]?.locked) return { kind: "busy" };
    return { kind: "held", value: await fn(lost.signal) };
  } finally {
    // Ending the session frees the lock.
    await client.end().catch(() => undefined);
  }
}
