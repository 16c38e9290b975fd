import { sqlOf, type Sql, type Tx } from "@flotilla/db";

// Change events tell live pages which objects to read again: ids only, never rows.
// Invariants: an event is visible exactly when the change it tells of has committed, and every committed event is
// notified with its `seq`. Events may commit in another order than their numbers, so a reader that follows
// notifications reads from `min(lastSeen, notified - 1)`, and one that comes back after a break from
// `lastSeen - CHANGE_OVERLAP`. Reading an event twice is harmless: it only makes a page refetch.

/** What kind of object changed. */
export type ChangeTopic = "model" | "version" | "job" | "build" | "device" | "fleet" | "rollout" | "latency" | "upload" | "audit" | "settings" | "simulation" | "dataset" | "optimization" | "training";

/** One event as the SSE stream sends it; `seq` is its event id. */
export type ChangeEventView = { seq: number; topic: ChangeTopic; objectId: string; at: string };

/** Channel on which the `seq` of each event is notified at commit. */
export const CHANGES_CHANNEL = "flotilla_changes";

/** How many numbers a reader goes back after a break, to catch events that committed late. */
export const CHANGE_OVERLAP = 64;

/** Older events are pruned: a page that was away for longer reads everything again. */
const KEPT_MS = 60 * 60 * 1000;

/** Tells live pages, at commit, that this object changed. */
export async function recordChange(tx: Tx | Sql, topic: ChangeTopic, objectId: string): Promise<void> {
  await recordChanges(tx, topic, [objectId]);
}

/** The same for many objects of one kind, in one statement. */
export async function recordChanges(tx: Tx | Sql, topic: ChangeTopic, objectIds: readonly string[]): Promise<void> {
  if (objectIds.length === 0) return;
  await sqlFrom(tx).query(
    `with event as (insert into change_event (topic, object_id) select $1, unnest($2::text[]) returning seq)
     select pg_notify('${CHANGES_CHANNEL}', seq::text)::text from event`,
    [topic, objectIds],
  );
}

/**
 * Events after `seq`, oldest first. `pruned` is true when events in between may be gone (or `seq` is not of this
 * database): the reader must then refetch everything.
 */
export async function changesSince(tx: Tx, seq: number, limit: number): Promise<{ events: ChangeEventView[]; pruned: boolean }> {
  const sql = sqlOf(tx);
  const [range] = await sql.query<{ oldest: bigint | null; newest: bigint | null }>("select min(seq) as oldest, max(seq) as newest from change_event");
  const oldest = range?.oldest ?? null;
  const newest = range?.newest ?? null;
  const pruned = oldest === null || newest === null ? seq > 0 : seq + 1 < Number(oldest) || seq > Number(newest);
  const rows = await sql.query<{ seq: bigint; topic: ChangeTopic; object_id: string; at: Date }>(
    "select seq, topic, object_id, at from change_event where seq > $1::bigint order by seq limit $2::int",
    [seq, limit],
  );
  return {
    events: rows.map((row) => ({ seq: Number(row.seq), topic: row.topic, objectId: row.object_id, at: row.at.toISOString() })),
    pruned,
  };
}

/** The number of the newest event; 0 when there is none. */
export async function newestChange(tx: Tx): Promise<number> {
  const [row] = await sqlOf(tx).query<{ newest: bigint | null }>("select max(seq) as newest from change_event");
  return Number(row?.newest ?? 0);
}

/** Deletes events older than an hour, except the newest one: it tells `changesSince` how far the numbers went. */
export async function pruneChanges(tx: Tx, now: Date = new Date()): Promise<number> {
  const rows = await sqlOf(tx).query<{ seq: bigint }>(
    "delete from change_event where at < $1::timestamptz and seq < (select max(seq) from change_event) returning seq",
    [new Date(now.getTime() - KEPT_MS)],
  );
  return rows.length;
}

function sqlFrom(tx: Tx | Sql): Sql {
  return "query" in tx && typeof tx.query === "function" ? tx : sqlOf(tx as Tx);
}
