import { typedArray, type Sql } from "@flotilla/db";
import type { TelemetryBatch } from "@flotilla/protocol";
import { stepLedger, type LedgerStep } from "./ledger.ts";
import type { SyncItem } from "./sync-types.ts";
import { WHICH_WERE_WRITTEN, wasWritten, type WhichRows } from "./which-rows.ts";

/** A sync's telemetry and what the ledger says of it; null without telemetry. */
export type LedgerTurn = { item: SyncItem; step: LedgerStep } | null;

type Mark = { deviceId: string; epoch: string; seq: number; stored: number; dropped: number; hasMoved: boolean };

/**
 * Takes the batches of these syncs into their ledgers, in the order given, and answers what became of each. Every
 * ledger touched stays locked until the transaction ends. A batch that is its device's only one here and follows on what is stored is
 * taken by one conditional update; the others are locked, read and decided on, in one order for all callers.
 */
export async function takeIntoLedgers(sql: Sql, items: readonly SyncItem[]): Promise<LedgerTurn[]> {
  const turns: LedgerTurn[] = Array.from({ length: items.length }, () => null);
  /** Where each device's batch is; of a device with several, the number of none. */
  const byDevice = new Map<string, number>();
  items.forEach(({ deviceId, request }, index) => {
    if (request.telemetry) byDevice.set(deviceId, byDevice.has(deviceId) ? SEVERAL : index);
  });
  const alone: Next[] = [];
  for (const index of byDevice.values()) {
    const item = items[index];
    const batch = item?.request.telemetry;
    // What comes first in a ledger has no row to stand on: it is always read.
    if (item && batch && batch.first > 1) alone.push({ index, item, batch });
  }
  for (const { index, item, batch } of await takeNext(sql, alone)) turns[index] = { item, step: stepLedger(batch.first - 1, batch) };
  const others = items.flatMap((item, index) => (item.request.telemetry && turns[index] === null ? [index] : []));
  if (others.length === 0) return turns;
  const decided = await decideOnLocked(sql, others.flatMap((index) => items[index] ?? []));
  others.forEach((index, n) => {
    turns[index] = decided[n] ?? null;
  });
  return turns;
}

const SEVERAL = -1;

type Next = { index: number; item: SyncItem; batch: TelemetryBatch };

/** Moves the ledgers that stand right in front of these batches; answers those that did. */
async function takeNext(sql: Sql, alone: Next[]): Promise<Next[]> {
  if (alone.length === 0) return [];
  const sorted = alone.sort((a, b) => (a.item.deviceId < b.item.deviceId ? -1 : 1));
  const answer = await sql.query<WhichRows>(
    `with written as (
       update telemetry_watermark w
          set seq = m.last, stored_windows = w.stored_windows + m.stored, dropped_windows = w.dropped_windows + (m.last - m.before - m.stored), updated_at = now()
         from unnest($1::int[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as m(n, device_id, epoch, before, last, stored)
        where w.device_id = m.device_id and w.epoch = m.epoch and w.seq = m.before
       returning m.n)
     ${WHICH_WERE_WRITTEN}`,
    [
      typedArray("int4", sorted.map((_, n) => n)), typedArray("text", sorted.map(({ item }) => item.deviceId)), typedArray("text", sorted.map(({ batch }) => batch.epoch)),
      typedArray("int8", sorted.map(({ batch }) => batch.first - 1)), typedArray("int8", sorted.map(({ batch }) => batch.last)), typedArray("int8", sorted.map(({ batch }) => batch.windows.length)),
    ],
    { prepared: true },
  );
  const isTaken = wasWritten(answer);
  return sorted.filter((_, n) => isTaken(n));
}

/** The same for ledgers that are read first: new ones, repeated, overlapping and missing batches, several of one device. */
async function decideOnLocked(sql: Sql, items: readonly SyncItem[]): Promise<LedgerTurn[]> {
  const marks = await lockMarks(sql, items);
  const turns = items.map((item): LedgerTurn => {
    const batch = item.request.telemetry;
    const mark = batch && marks.get(nameOf(item.deviceId, batch.epoch));
    if (!batch || !mark) return null;
    const step = stepLedger(mark.seq, batch);
    if (step.kind === "stored") {
      mark.seq = step.watermark;
      mark.stored += step.windows.length;
      mark.dropped += step.droppedWindows;
      mark.hasMoved = true;
    }
    return { item, step };
  });
  await storeMarks(sql, [...marks.values()].filter((mark) => mark.hasMoved));
  return turns;
}

async function lockMarks(sql: Sql, items: readonly SyncItem[]): Promise<Map<string, Mark>> {
  const marks = new Map<string, Mark>();
  for (const { deviceId, request } of items) {
    if (request.telemetry) marks.set(nameOf(deviceId, request.telemetry.epoch), { deviceId, epoch: request.telemetry.epoch, seq: 0, stored: 0, dropped: 0, hasMoved: false });
  }
  const sorted = [...marks].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, mark]) => mark);
  const missing = await readLocked(sql, sorted, marks);
  if (missing.length === 0) return marks;
  // A new epoch. Another gateway may be taking the same one: whoever comes second waits here and then reads its row.
  const lists = [missing.map((mark) => mark.deviceId), missing.map((mark) => mark.epoch)];
  await sql.query("insert into telemetry_watermark (device_id, epoch, seq) select device_id, epoch, 0 from unnest($1::text[], $2::text[]) as m(device_id, epoch) on conflict do nothing", lists);
  await readLocked(sql, missing, marks);
  return marks;
}

/** Fills in the marks that have a row; answers those that have none. */
async function readLocked(sql: Sql, wanted: readonly Mark[], marks: Map<string, Mark>): Promise<Mark[]> {
  if (wanted.length === 0) return [];
  const rows = await sql.query<{ device_id: string; epoch: string; seq: bigint }>(
    `select w.device_id, w.epoch, w.seq from telemetry_watermark w
       join unnest($1::text[], $2::text[]) as m(device_id, epoch) on w.device_id = m.device_id and w.epoch = m.epoch
      order by w.device_id collate "C", w.epoch collate "C" for update of w`,
    [wanted.map((mark) => mark.deviceId), wanted.map((mark) => mark.epoch)],
    { prepared: true },
  );
  const found = new Set<string>();
  for (const row of rows) {
    const name = nameOf(row.device_id, row.epoch);
    const mark = marks.get(name);
    if (mark) mark.seq = Number(row.seq);
    found.add(name);
  }
  return wanted.filter((mark) => !found.has(nameOf(mark.deviceId, mark.epoch)));
}

async function storeMarks(sql: Sql, marks: readonly Mark[]): Promise<void> {
  if (marks.length === 0) return;
  await sql.query(
    `update telemetry_watermark w
        set seq = m.seq, stored_windows = w.stored_windows + m.stored, dropped_windows = w.dropped_windows + m.dropped, updated_at = now()
       from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) as m(device_id, epoch, seq, stored, dropped)
      where w.device_id = m.device_id and w.epoch = m.epoch`,
    [marks.map((m) => m.deviceId), marks.map((m) => m.epoch), marks.map((m) => m.seq), marks.map((m) => m.stored), marks.map((m) => m.dropped)],
  );
}

function nameOf(deviceId: string, epoch: string): string {
  return `${deviceId} ${epoch}`;
}
