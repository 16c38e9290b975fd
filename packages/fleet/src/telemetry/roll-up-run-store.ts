import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import type { LatencySumRow } from "./latency-sum.ts";
import { KEPT_MS, planRollUp, type RollUpState } from "./roll-up-plan.ts";
import { SumsByKey, addToRollUp, replaceInRollUp, type FleetKey } from "./roll-up-store.ts";
import { DAY_MS, HOUR_MS, floorTo } from "./window-time.ts";

const LOCK_NAME = "flotilla latency roll-up";
const ROLLED = "latency_rolled_through";
const SEALED = "latency_sealed_through";

type MinuteRow = LatencySumRow & FleetKey;

/**
 * Sums minutes into hours and hours into days, and deletes minutes older than 48 hours. Meant for once a minute; may
 * be missed, repeated or run by several workers (all but one do nothing). Answers how many hours were summed.
 */
export async function rollUp(tx: Tx | Sql, now: Date = new Date()): Promise<{ hours: number; days: number }> {
  const sql = sqlFrom(tx);
  const [lock] = await sql.query<{ held: boolean }>("select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held", [LOCK_NAME]);
  if (lock?.held !== true) return { hours: 0, days: 0 };
  const state = await readRollUpState(sql);
  const marks = await sql.query<{ at: Date }>("delete from latency_late_hour returning at");
  const plan = planRollUp(state, marks.map((mark) => mark.at.getTime()), now.getTime());
  const touched = new Set<number>();
  const touch = (hourMs: number): unknown => touched.add(hourMs);
  for (const hourMs of plan.lateHoursMs) await sumHour(sql, hourMs).then(() => touch(hourMs));
  for await (const hourMs of hoursWithMinutes(sql, plan.sumFromMs, Number.MAX_SAFE_INTEGER)) await sumHour(sql, hourMs).then(() => touch(hourMs));
  for await (const hourMs of hoursWithMinutes(sql, 0, state.sealedThroughMs)) {
    // Windows that came after the hour was sealed: what they left is added, once.
    await addToRollUp(sql, "latency_hour", sumsBy(await takeMinutes(sql, hourMs), HOUR_MS).entries());
    touch(hourMs);
  }
  for await (const hourMs of hoursWithMinutes(sql, state.sealedThroughMs, plan.sealThroughMs)) {
    await replaceInRollUp(sql, "latency_hour", sumsBy(await takeMinutes(sql, hourMs), HOUR_MS));
    touch(hourMs);
  }
  const days = new Set([...touched].map((hourMs) => floorTo(hourMs, DAY_MS)));
  for (const dayMs of days) await sumDay(sql, dayMs);
  await writeRollUpState(sql, plan.next);
  return { hours: touched.size, days: days.size };
}

/** Deletes hours older than 90 days, days older than two years and rows of single devices older than 14 days. */
export async function pruneTelemetry(tx: Tx | Sql, now: Date = new Date()): Promise<{ deleted: number }> {
  const sql = sqlFrom(tx);
  let deleted = 0;
  for (const [table, keptMs] of [["latency_hour", KEPT_MS.hour], ["latency_day", KEPT_MS.day], ["device_latency", KEPT_MS.device]] as const) {
    const [row] = await sql.query<{ n: bigint }>(`with gone as (delete from ${table} where at < $1::timestamptz returning 1) select count(*) as n from gone`, [new Date(now.getTime() - keptMs)]);
    deleted += Number(row?.n ?? 0);
  }
  return { deleted };
}

/** How far the roll-ups have come; zeros before the first one. */
export async function readRollUpState(sql: Sql): Promise<RollUpState> {
  const rows = await sql.query<{ name: string; value: bigint }>("select name, value from version_counter where name = any($1::text[])", [[ROLLED, SEALED]]);
  const valueOf = (name: string): number => Number(rows.find((row) => row.name === name)?.value ?? 0);
  return { rolledThroughMs: valueOf(ROLLED), sealedThroughMs: valueOf(SEALED) };
}

async function writeRollUpState(sql: Sql, state: RollUpState): Promise<void> {
  await sql.query(
    "insert into version_counter (name, value) select * from unnest($1::text[], $2::bigint[]) on conflict (name) do update set value = excluded.value",
    [[ROLLED, SEALED], [state.rolledThroughMs, state.sealedThroughMs]],
  );
}

const COLUMNS = "fleet_id, build_id, version_id, class_name, mode, at, count, errors, sum_ms, min_ms, max_ms, late_windows, buckets";

/** An hour whose minutes are all there: what stands in its row is replaced. */
async function sumHour(sql: Sql, hourMs: number): Promise<void> {
  const rows = await sql.query<MinuteRow>(`select ${COLUMNS} from latency_minute where at >= $1::timestamptz and at < $2::timestamptz`, [new Date(hourMs), new Date(hourMs + HOUR_MS)]);
  await replaceInRollUp(sql, "latency_hour", sumsBy(rows, HOUR_MS));
}

async function sumDay(sql: Sql, dayMs: number): Promise<void> {
  const rows = await sql.query<MinuteRow>(`select ${COLUMNS} from latency_hour where at >= $1::timestamptz and at < $2::timestamptz`, [new Date(dayMs), new Date(dayMs + DAY_MS)]);
  await replaceInRollUp(sql, "latency_day", sumsBy(rows, DAY_MS));
}

/** Hours in [from, to) that have minutes, oldest first, found by jumping along the index. */
async function* hoursWithMinutes(sql: Sql, fromMs: number, toMs: number): AsyncGenerator<number> {
  for (let cursorMs = fromMs; cursorMs < toMs; ) {
    const [next] = await sql.query<{ at: Date | null }>("select min(at) as at from latency_minute where at >= $1::timestamptz", [new Date(cursorMs)]);
    if (!next?.at || next.at.getTime() >= toMs) return;
    const hourMs = floorTo(next.at.getTime(), HOUR_MS);
    yield hourMs;
    cursorMs = hourMs + HOUR_MS;
  }
}

async function takeMinutes(sql: Sql, hourMs: number): Promise<MinuteRow[]> {
  return sql.query<MinuteRow>(`delete from latency_minute where at >= $1::timestamptz and at < $2::timestamptz returning ${COLUMNS}`, [new Date(hourMs), new Date(hourMs + HOUR_MS)]);
}

function sumsBy(rows: readonly MinuteRow[], stepMs: number): SumsByKey<FleetKey> {
  const sums = new SumsByKey<FleetKey>();
  for (const row of rows) {
    const { fleet_id, build_id, version_id, class_name, mode } = row;
    sums.at({ fleet_id, build_id, version_id, class_name, mode, at: new Date(floorTo(row.at.getTime(), stepMs)) }).addRow(row);
  }
  return sums;
}

function sqlFrom(tx: Tx | Sql): Sql {
  return "query" in tx && typeof tx.query === "function" ? (tx as Sql) : sqlOf(tx as Tx);
}
