import { withSql, type Db } from "@flotilla/db";
import { LatencyHistogram } from "@flotilla/protocol";

/** What a device says at its end: the numbers of its own queue. */
export type ProducedLedger = { device: number; deviceId: string; epoch: string; produced: number; acked: number };

export type LedgerCheck = {
  windows: number; samples: number;
  /** Windows and samples that the server should have and has not, and those it has twice. */
  lost: number; duplicate: number;
  /** Ledgers whose histogram is not, bucket by bucket, that of the samples made; epochs beyond one per device. */
  torn: number;
  declaredDropped: number;
};

/** Compares every device's ledger and histogram on the server with what was produced, sample by sample. */
export async function checkLedgers(db: Db, ledgers: readonly ProducedLedger[], samplesPerWindow: number): Promise<LedgerCheck> {
  const check: LedgerCheck = { windows: 0, samples: 0, lost: 0, duplicate: 0, torn: 0, declaredDropped: 0 };
  for (const ledger of ledgers) {
    const marks = await withSql(db, (sql) => sql.query<{ epoch: string; seq: bigint; stored_windows: bigint; dropped_windows: bigint }>(
      "select epoch, seq, stored_windows, dropped_windows from telemetry_watermark where device_id = $1", [ledger.deviceId]));
    const mark = marks.find((row) => row.epoch === ledger.epoch);
    const stored = Number(mark?.stored_windows ?? 0);
    check.windows += stored;
    check.declaredDropped += Number(mark?.dropped_windows ?? 0);
    // Nothing may be dropped here: the queue is never full. So produced = stored, exactly.
    check.lost += Math.max(ledger.produced - stored, 0);
    check.duplicate += Math.max(stored - ledger.produced, 0);
    if (marks.length !== 1 || Number(mark?.seq) !== ledger.produced) check.torn += 1;
    const rows = await withSql(db, (sql) => sql.query<{ count: bigint; sum_ms: number; min_ms: number | null; max_ms: number | null; buckets: Uint8Array }>(
      "select count, sum_ms, min_ms, max_ms, buckets from device_latency where device_id = $1 and step = 'hour'", [ledger.deviceId]));
    const found = new LatencyHistogram();
    for (const row of rows) found.addEncoded(row.buckets, { sumMs: row.sum_ms, minMs: row.min_ms, maxMs: row.max_ms });
    const expected = expectedHistogram(ledger.device, ledger.produced, samplesPerWindow);
    check.samples += found.count;
    check.lost += Math.max(expected.count - found.count, 0);
    check.duplicate += Math.max(found.count - expected.count, 0);
    if (expected.toSparse().join() !== found.toSparse().join() || Math.abs(expected.sumMs - found.sumMs) > 1e-6 * expected.sumMs) check.torn += 1;
  }
  return check;
}

/** The samples that the ledger client makes up (apps/device-sim/src/testing/ledger-client-main.ts), by the same formula. */
function expectedHistogram(device: number, windows: number, samples: number): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (let k = 1; k <= windows; k += 1) for (let j = 0; j < samples; j += 1) histogram.add(1 + ((device * 7_919 + k * 104_729 + j * 31) % 500) / 10);
  return histogram;
}

/** Samples in the minutes of the whole fleet: the same number must be there. */
export async function fleetSamples(db: Db): Promise<number> {
  const [row] = await withSql(db, (sql) => sql.query<{ n: bigint }>("select coalesce(sum(count), 0)::bigint as n from latency_minute where fleet_id = '*'"));
  return Number(row?.n ?? 0);
}
