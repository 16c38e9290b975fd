import pg from "pg";
import { clientConfig, type Db } from "./connect.ts";
import { endWhenSilent } from "./silence.ts";

/** The holder's connection is idle while it works: it says so often that it lives. */
const HEARTBEAT_MS = 10_000;
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** The server frees the lock of a holder that it has not heard of for so long: its process hangs, or the network in between is gone. */
const SILENT_HOLDER_MS = 25_000;

export type AdvisoryLockResult<T> = { kind: "held"; value: T } | { kind: "busy" };

/**
 * Runs `fn` while holding the named lock of the whole database, or answers "busy" at once when somebody else has it.
 * The lock lives on a connection of its own: a crash of this process frees it, and so does its silence. When that connection is lost, `signal`
 * fires, because another process may now hold the lock.
 */
export async function withAdvisoryLock<T>(
  db: Db,
  name: string,
  fn: (signal: AbortSignal) => Promise<T>,
): Promise<AdvisoryLockResult<T>> {
  const client = new pg.Client(clientConfig(db.url, `flotilla lock ${name}`.slice(0, 63), { idle_session_timeout: SILENT_HOLDER_MS }));
  const lost = new AbortController();
  client.on("error", (error) => lost.abort(error));
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    await client.connect();
    endWhenSilent(client, HEARTBEAT_TIMEOUT_MS);
    const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock(hashtextextended($1, 0)) as locked", [name]);
    if (!rows[0]?.locked) return { kind: "busy" };
    heartbeat = setInterval(() => void client.query("select 1").catch(() => undefined), HEARTBEAT_MS);
    return { kind: "held", value: await fn(lost.signal) };
  } finally {
    clearInterval(heartbeat);
    // Ending the session frees the lock.
    await client.end().catch(() => undefined);
  }
}
