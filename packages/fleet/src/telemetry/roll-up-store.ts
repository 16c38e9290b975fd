import type { Sql } from "@flotilla/db";
import { invariant } from "@flotilla/protocol";
import { DenseSum, type LatencySum, type LatencySumRow } from "./latency-sum.ts";

/** The four roll-up tables and what names a row in them. */
const tables = {
  latency_minute: { fleet_id: "text", build_id: "text", version_id: "text", class_name: "text", mode: "text", at: "timestamptz" },
  latency_hour: { fleet_id: "text", build_id: "text", version_id: "text", class_name: "text", mode: "text", at: "timestamptz" },
  latency_day: { fleet_id: "text", build_id: "text", version_id: "text", class_name: "text", mode: "text", at: "timestamptz" },
  device_latency: { device_id: "text", build_id: "text", version_id: "text", mode: "text", step: "text", at: "timestamptz" },
} as const;
export type RollUpTable = keyof typeof tables;

/** What names a row of latency_minute, latency_hour and latency_day. */
export type FleetKey = { fleet_id: string; build_id: string; version_id: string; class_name: string; mode: string; at: Date };
/** What names a row of device_latency. */
export type DeviceKey = { device_id: string; build_id: string; version_id: string; mode: string; step: "minute" | "hour"; at: Date };
export type RollUpKey = FleetKey | DeviceKey;

/** A sum, the row it belongs to, and the name that stands for that row. */
export type SumEntry<Key extends RollUpKey> = { name: string; key: Key; sum: LatencySum };

/** Sums by the row they belong to. */
export class SumsByKey<Key extends RollUpKey> {
  readonly #sums = new Map<string, SumEntry<Key>>();

  at(key: Key): LatencySum {
    const name = nameOf(key);
    let entry = this.#sums.get(name);
    if (entry === undefined) this.#sums.set(name, (entry = { name, key, sum: new DenseSum() }));
    return entry.sum;
  }

  entries(): SumEntry<Key>[] {
    return inLockOrder([...this.#sums.values()]);
  }
}

/** The same for sums whose rows have no names yet. */
export function sortedEntries<Key extends RollUpKey>(sums: readonly { key: Key; sum: LatencySum }[]): SumEntry<Key>[] {
  return inLockOrder(sums.map(({ key, sum }) => ({ name: nameOf(key), key, sum })));
}

/** By name: every transaction locks rows in this order. */
function inLockOrder<Key extends RollUpKey>(entries: SumEntry<Key>[]): SumEntry<Key>[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** A row can vanish between insert and lock only by being pruned, so two rounds are enough; more means a fault. */
const MAX_ROUNDS = 5;

/**
 * Adds sums to rows, several writers at a time: rows that are missing are inserted; those that another transaction
 * has are locked, read, added to and written. Exact under any interleaving, and free of deadlocks as long as every caller goes
 * through the tables in one order. Afterwards every sum holds its whole row.
 */
export async function addToRollUp<Key extends RollUpKey>(sql: Sql, table: RollUpTable, entries: readonly SumEntry<Key>[]): Promise<void> {
  let open = entries;
  for (let round = 0; open.length > 0; round += 1) {
    invariant(round !== MAX_ROUNDS, `rows of ${table} keep vanishing`);
    const merged = await mergeExisting(sql, table, open);
    open = open.filter(({ name }) => !merged.has(name));
    if (open.length === 0) return;
    const inserted = await insertRows(sql, table, open.map(({ key, sum }) => ({ key, row: sum.toRow() })), "nothing");
    open = open.filter(({ name }) => !inserted.has(name));
  }
}

/** Writes rows as they are, over what is there. For the one process that holds the roll-up lock. */
export async function replaceInRollUp<Key extends RollUpKey>(sql: Sql, table: RollUpTable, sums: SumsByKey<Key>): Promise<void> {
  await insertRows(sql, table, sums.entries().map(({ key, sum }) => ({ key, row: sum.toRow() })), "replace");
}

async function mergeExisting<Key extends RollUpKey>(sql: Sql, table: RollUpTable, entries: readonly SumEntry<Key>[]): Promise<Set<string>> {
  const { columns, lists, types } = keyLists(table, entries.map((entry) => entry.key));
  const same = columns.map((column) => `r.${column} = k.${column}`).join(" and ");
  const rows = await sql.query<LatencySumRow & Record<string, unknown>>(
    `select ${columns.map((column) => `r.${column}`).join(", ")}, r.count, r.errors, r.sum_ms, r.min_ms, r.max_ms, r.late_windows, r.buckets
       from ${table} r join unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(", ")}) as k(${columns.join(", ")}) on ${same}
      order by ${columns.map((column) => (column === "at" ? "r.at" : `r.${column} collate "C"`)).join(", ")}
      for update of r`,
    lists,
    { prepared: true },
  );
  if (rows.length === 0) return new Set();
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const changed: { key: Key; row: LatencySumRow }[] = [];
  const merged = new Set<string>();
  for (const row of rows) {
    const name = nameOf(row as unknown as Key);
    const entry = byName.get(name);
    invariant(entry !== undefined, `a row of ${table} was read that was not asked for`);
    entry.sum.addRow(row);
    merged.add(name);
    changed.push({ key: entry.key, row: entry.sum.toRow() });
  }
  await updateRows(sql, table, changed);
  return merged;
}

async function updateRows(sql: Sql, table: RollUpTable, rows: readonly { key: RollUpKey; row: LatencySumRow }[]): Promise<void> {
  const { columns, lists, types } = keyLists(table, rows.map((row) => row.key));
  const unnest = [...types, ...valueTypes].map((type, i) => `$${i + 1}::${type}[]`).join(", ");
  await sql.query(
    `update ${table} r set ${valueColumns.map((column) => `${column} = k.${column}`).join(", ")}
       from unnest(${unnest}) as k(${[...columns, ...valueColumns].join(", ")})
      where ${columns.map((column) => `r.${column} = k.${column}`).join(" and ")}`,
    [...lists, ...valueLists(rows.map((row) => row.row))],
    { prepared: true },
  );
}

/** Names of the rows that were inserted. */
async function insertRows(sql: Sql, table: RollUpTable, rows: readonly { key: RollUpKey; row: LatencySumRow }[], onConflict: "nothing" | "replace"): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const { columns, lists, types } = keyLists(table, rows.map((row) => row.key));
  const all = [...columns, ...valueColumns];
  const unnest = [...types, ...valueTypes].map((type, i) => `$${i + 1}::${type}[]`).join(", ");
  const resolution =
    onConflict === "nothing" ? "do nothing" : `(${columns.join(", ")}) do update set ${valueColumns.map((column) => `${column} = excluded.${column}`).join(", ")}`;
  const inserted = await sql.query<RollUpKey>(
    `insert into ${table} (${all.join(", ")}) select ${all.join(", ")} from unnest(${unnest}) as k(${all.join(", ")})
     on conflict ${resolution} returning ${columns.join(", ")}`,
    [...lists, ...valueLists(rows.map((row) => row.row))],
    { prepared: true },
  );
  return new Set(inserted.map(nameOf));
}

const valueColumns = ["count", "errors", "sum_ms", "min_ms", "max_ms", "late_windows", "buckets"] as const;
const valueTypes = ["bigint", "bigint", "float8", "float8", "float8", "int", "bytea"] as const;

function valueLists(rows: readonly LatencySumRow[]): unknown[][] {
  return valueColumns.map((column) => rows.map((row) => row[column]));
}

function keyLists(table: RollUpTable, keys: readonly RollUpKey[]): { columns: string[]; types: string[]; lists: unknown[][] } {
  const columns = Object.keys(tables[table]);
  return { columns, types: Object.values(tables[table]), lists: columns.map((column) => keys.map((key) => (key as Record<string, unknown>)[column])) };
}

/** One text per row, the same for what is asked for and what is read. Its order is the order of locks. */
function nameOf(key: RollUpKey): string {
  const at = String(key.at.getTime()).padStart(15, "0");
  return "device_id" in key
    ? `${key.device_id}\u0001${key.build_id}\u0001${key.version_id}\u0001${key.mode}\u0001${key.step}\u0001${at}`
    : `${key.fleet_id}\u0001${key.build_id}\u0001${key.version_id}\u0001${key.class_name}\u0001${key.mode}\u0001${at}`;
}
