import type { Sql } from "@flotilla/db";
import { stepLedger, type LedgerStep } from "./ledger.ts";
import type { SyncItem } from "./sync-types.ts";

/** A sync's telemetry and what the ledger says of it; null without telemetry. */
export type LedgerTurn = { item: SyncItem; step: LedgerStep } | null;

type Mark = { deviceId: string; epoch: string; seq: number; stored: number; dropped: number; hasMoved: boolean };

/**
 * Takes the batches of these syncs into their ledgers, in the order given, and answers what became of each. Every
 * ledger touched stays locked until the transaction ends, in one order for all callers.
 */
export async function takeIntoLedgers(sql: Sql, items: readonly SyncItem[]): Promise<LedgerTurn[]> {
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
