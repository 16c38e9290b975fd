import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { DEFAULT_SYNC_INTERVAL_MS } from "./presence.ts";

/** Row of `version_counter` that holds it. */
const NAME = "sync_interval_ms";

/** The mean time between two syncs of a device, as the gateways set it: presence is measured in it. */
export async function syncIntervalMs(tx: Tx | Sql): Promise<number> {
  const [row] = await sqlFrom(tx).query<{ value: bigint }>("select value from version_counter where name = $1", [NAME]);
  return row === undefined ? DEFAULT_SYNC_INTERVAL_MS : Number(row.value);
}

/** Gateway, at start: tells every process how often devices sync. */
export async function announceSyncInterval(tx: Tx | Sql, intervalMs: number): Promise<void> {
  await sqlFrom(tx).query("insert into version_counter (name, value) values ($1, $2::bigint) on conflict (name) do update set value = excluded.value", [NAME, intervalMs]);
}

function sqlFrom(tx: Tx | Sql): Sql {
  return "query" in tx && typeof tx.query === "function" ? (tx as Sql) : sqlOf(tx as Tx);
}
