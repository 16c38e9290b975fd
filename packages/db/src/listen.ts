import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { clientConfig, type Db } from "./connect.ts";
import type { Sql } from "./sql.ts";
import type { Tx } from "./transaction.ts";

const HEARTBEAT_INTERVAL_MS = 10_000;
const HEARTBEAT_TIMEOUT_MS = 5_000;
const RECONNECT_MIN_MS = 200;
const RECONNECT_MAX_MS = 10_000;

/**
 * Hears NOTIFY on `channels` through a connection of its own. Rejects when the first connection fails; after that it
 * reconnects by itself with backoff. What was sent while it was away is lost: `onReconnect` is the moment to read again.
 */
export async function listen(
  db: Db,
  channels: readonly string[],
  onNotify: (channel: string, payload: string) => void,
  onReconnect?: () => void,
): Promise<{ close(): Promise<void> }> {
  const stop = new AbortController();
  let client = await subscribe();

  async function subscribe(): Promise<pg.Client> {
    const next = new pg.Client(clientConfig(db.url, "flotilla listen"));
    next.on("error", () => undefined);
    next.on("notification", (message) => onNotify(message.channel, message.payload ?? ""));
    try {
      await next.connect();
      for (const channel of channels) await next.query(`listen ${pg.escapeIdentifier(channel)}`);
      return next;
    } catch (error) {
      await next.end().catch(() => undefined);
      throw error;
    }
  }

  async function keepAlive(): Promise<void> {
    while (!stop.signal.aborted) {
      await untilLost(client, stop.signal);
      if (stop.signal.aborted) return;
      await client.end().catch(() => undefined);
      const next = await resubscribe();
      if (!next) return;
      client = next;
      onReconnect?.();
    }
  }

  async function resubscribe(): Promise<pg.Client | undefined> {
    for (let waitMs = RECONNECT_MIN_MS; !stop.signal.aborted; waitMs = Math.min(waitMs * 2, RECONNECT_MAX_MS)) {
      try {
        return await subscribe();
      } catch {
        await delay(waitMs / 2 + Math.random() * (waitMs / 2), undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  const keeper = keepAlive();
  return {
    async close() {
      stop.abort();
      await keeper;
      await client.end().catch(() => undefined);
    },
  };
}

/** Resolves when the connection ended, or a heartbeat failed (a silent network loss), or `signal` fired. */
async function untilLost(client: pg.Client, signal: AbortSignal): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    client.once("end", () => resolve());
    client.once("error", () => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const beats = new AbortController();
  const heartbeat = async (): Promise<void> => {
    while (!beats.signal.aborted) {
      await delay(HEARTBEAT_INTERVAL_MS, undefined, { signal: beats.signal });
      await Promise.race([client.query("select 1"), timeout(HEARTBEAT_TIMEOUT_MS, beats.signal)]);
    }
  };
  await Promise.race([ended, heartbeat().catch(() => undefined)]);
  beats.abort();
}

async function timeout(ms: number, signal: AbortSignal): Promise<never> {
  await delay(ms, undefined, { signal });
  throw new Error(`no answer from the database within ${ms} ms`);
}

/** Sends when the transaction commits; nothing is sent when it rolls back. Payload at most 8000 bytes. */
export async function notify(tx: Tx | Sql, channel: string, payload: string): Promise<void> {
  if ("query" in tx) await tx.query("select pg_notify($1, $2)::text", [channel, payload]);
  else await tx.$executeRawUnsafe("select pg_notify($1, $2)", channel, payload);
}
