import { typedArray, type Sql } from "@flotilla/db";
import type { DeviceSum, DeviceSums } from "./device-sums.ts";
import type { IngestMemory } from "./ingest-memory.ts";
import type { RememberedSum } from "./latency-sum.ts";
import { addToRollUp, sortedEntries, type DeviceKey } from "./roll-up-store.ts";
import { WHICH_WERE_WRITTEN, wasWritten, type WhichRows } from "./which-rows.ts";

// Rows of a device are written by whoever holds its ledger's lock, so they are nearly always what this process wrote last: one
// statement adds to them under the condition that they are. Its counts stand for the whole row: they rise with every window that
// holds anything. Rows that are not as remembered, or not remembered, are locked, read and added to.

type Known = { entry: DeviceSum; was: RememberedSum; row: RememberedSum };

/** Adds the sums of single devices to their rows. */
export async function addToDevices(sql: Sql, sums: DeviceSums, memory: IngestMemory): Promise<void> {
  const known: Known[] = [];
  const others: DeviceSum[] = [];
  for (const entry of sums.sorted()) {
    const was = memory.rowOf(entry.key);
    if (was === undefined) others.push(entry);
    else known.push({ entry, was, row: entry.sum.plus(was) });
  }
  const isStored = await updateUnchanged(sql, known);
  known.forEach(({ entry, row }, n) => {
    if (isStored(n)) memory.stage(entry.key, row);
    else others.push(entry);
  });
  if (others.length === 0) return;
  await addToRollUp(sql, "device_latency", sortedEntries(others));
  // Each sum holds its whole row now.
  for (const { key, sum } of others) memory.stage(key, sum.remembered());
}

const updateUnchangedSql = `
  with written as (
    update device_latency r
       set count = k.count, errors = k.errors, sum_ms = k.sum_ms, min_ms = k.min_ms, max_ms = k.max_ms, late_windows = k.late_windows, buckets = k.buckets
      from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[], $9::bigint[], $10::float8[], $11::float8[],
                  $12::float8[], $13::int[], $14::bytea[], $15::bigint[], $16::bigint[], $17::int[])
           as k(n, device_id, build_id, version_id, mode, step, at, count, errors, sum_ms, min_ms, max_ms, late_windows, buckets, was_count, was_errors, was_late)
     where r.device_id = k.device_id and r.step = k.step and r.at = k.at and r.build_id = k.build_id and r.version_id = k.version_id and r.mode = k.mode
       and r.count = k.was_count and r.errors = k.was_errors and r.late_windows = k.was_late
    returning k.n)
  ${WHICH_WERE_WRITTEN}`;

/** Tells which of the rows were as remembered and hold their sums now. */
async function updateUnchanged(sql: Sql, known: readonly Known[]): Promise<(n: number) => boolean> {
  if (known.length === 0) return () => false;
  const text = (of: (key: DeviceKey) => string): unknown => typedArray("text", known.map(({ entry }) => of(entry.key)));
  const int8 = (of: (row: Known) => number): unknown => typedArray("int8", known.map(of));
  const float8 = (of: (row: Known) => number | null): unknown => typedArray("float8", known.map(of));
  const int4 = (of: (row: Known, n: number) => number): unknown => typedArray("int4", known.map(of));
  const answer = await sql.query<WhichRows>(
    updateUnchangedSql,
    [
      int4((_, n) => n), text((key) => key.device_id), text((key) => key.build_id), text((key) => key.version_id), text((key) => key.mode), text((key) => key.step), typedArray("timestamptz", known.map(({ entry }) => entry.key.at)),
      int8(({ row }) => row.count), int8(({ row }) => row.errors), float8(({ row }) => row.sumMs), float8(({ row }) => row.minMs), float8(({ row }) => row.maxMs),
      int4(({ row }) => row.lateWindows), typedArray("bytea", known.map(({ row }) => row.bucketBytes)),
      int8(({ was }) => was.count), int8(({ was }) => was.errors), int4(({ was }) => was.lateWindows),
    ],
    { prepared: true },
  );
  return wasWritten(answer);
}
