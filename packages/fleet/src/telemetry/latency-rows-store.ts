import type { Sql } from "@flotilla/db";
import type { LatencyGroupBy } from "./types.ts";
import type { LatencyPlan, Source } from "./latency-plan.ts";
import { ALL_FLEETS } from "./apply-syncs-store.ts";

/** Rows of one step and one series: sums, and the histograms packed behind each other. */
export type PackedRow = {
  t: Date; /** Newest row in it. */ newest: Date; series: string; mode: string; count: bigint; errors: bigint; sum_ms: number; min_ms: number | null; max_ms: number | null;
  /** Repeated: length (4 bytes, big endian), encoded histogram. */
  packed: Uint8Array;
};

/** What narrows the rows; lists narrow to any of their values. */
export type RowFilter = {
  fleetId: string;
  versionIds: readonly string[] | null;
  buildId: string | null;
  className: string | null;
  mode: string | null;
  groupBy: LatencyGroupBy;
};

// Histograms are merged in Node (a merge in SQL is 15 times slower), but packed per step and series by PostgreSQL, so that a
// day of a fleet comes as hundreds of rows instead of ten thousands.
const SUMS = `max(r.at) as newest, sum(r.count)::bigint as count, sum(r.errors)::bigint as errors, sum(r.sum_ms) as sum_ms, min(r.min_ms) as min_ms, max(r.max_ms) as max_ms,
       string_agg(int4send(length(r.buckets)) || r.buckets, ''::bytea) as packed`;
const stepOf = (parameter: string): string => `date_bin(${parameter}::float8 * interval '1 millisecond', r.at, timestamptz '1970-01-01 00:00:00+00')`;

/** Rows of fleets. With groupBy "fleet" every fleet is a series, and that of all devices ("*") comes too. */
export async function fleetRows(sql: Sql, plan: LatencyPlan, filter: RowFilter): Promise<PackedRow[]> {
  const rows: PackedRow[] = [];
  for (const source of plan.sources) rows.push(...(await rowsOf(sql, source, plan.stepMs, filter)));
  return rows;
}

async function rowsOf(sql: Sql, source: Source, stepMs: number, filter: RowFilter): Promise<PackedRow[]> {
  const series = { none: "''", build: "r.build_id", class: "r.class_name", fleet: "r.fleet_id", version: "r.version_id", device: "''" }[filter.groupBy];
  const where = conditionsOf(filter, 4);
  return sql.query<PackedRow>(
    `select ${stepOf("$3")} as t, ${series} as series, r.mode, ${SUMS}
       from ${source.table} r
      where r.at >= $1::timestamptz and r.at < $2::timestamptz and ${where.text}
      group by 1, 2, 3`,
    [new Date(source.fromMs), new Date(source.toMs), stepMs, ...where.values],
  );
}

/** The same of single devices; `step` says which of their rows. */
export async function deviceRows(sql: Sql, plan: LatencyPlan, filter: RowFilter & { deviceIds: readonly string[]; step: "minute" | "hour" }): Promise<PackedRow[]> {
  const series = { none: "''", build: "r.build_id", class: "d.class_name", fleet: "''", version: "r.version_id", device: "r.device_id" }[filter.groupBy];
  return sql.query<PackedRow>(
    `select ${stepOf("$3")} as t, ${series} as series, r.mode, ${SUMS}
       from device_latency r join device d on d.id = r.device_id
      where r.device_id = any($4::text[]) and r.step = $5 and r.at >= $1::timestamptz and r.at < $2::timestamptz
        and ($6::text is null or r.build_id = $6) and ($7::text[] is null or r.version_id = any($7)) and ($8::text is null or r.mode = $8)
      group by 1, 2, 3`,
    [new Date(plan.fromMs), new Date(plan.toMs), plan.stepMs, filter.deviceIds, filter.step, filter.buildId, filter.versionIds, filter.mode],
  );
}

/** When the newest sample of what is asked for came, to the step of the tables; null when there is none at all. */
export async function lastSampleAt(sql: Sql, filter: RowFilter, deviceIds: readonly string[] | null): Promise<Date | null> {
  if (deviceIds !== null) {
    const [row] = await sql.query<{ at: Date | null }>(
      "select max(at) as at from device_latency where device_id = any($1::text[]) and count > 0 and ($2::text is null or mode = $2) and ($3::text is null or build_id = $3) and ($4::text[] is null or version_id = any($4))",
      [deviceIds, filter.mode, filter.buildId, filter.versionIds],
    );
    return row?.at ?? null;
  }
  for (const table of ["latency_minute", "latency_hour", "latency_day"]) {
    const where = conditionsOf({ ...filter, groupBy: "none" }, 1);
    const [row] = await sql.query<{ at: Date }>(`select r.at from ${table} r where ${where.text} and r.count > 0 order by r.at desc limit 1`, where.values);
    if (row) return row.at;
  }
  return null;
}

function conditionsOf(filter: RowFilter, firstParameter: number): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const parameter = (value: unknown, type: string): string => {
    values.push(value);
    return `$${firstParameter + values.length - 1}::${type}`;
  };
  const texts: string[] = [];
  if (filter.groupBy !== "fleet" || filter.fleetId !== ALL_FLEETS) texts.push(`r.fleet_id = ${parameter(filter.fleetId, "text")}`);
  if (filter.buildId !== null) texts.push(`r.build_id = ${parameter(filter.buildId, "text")}`);
  if (filter.versionIds !== null) texts.push(`r.version_id = any(${parameter(filter.versionIds, "text[]")})`);
  if (filter.className !== null) texts.push(`r.class_name = ${parameter(filter.className, "text")}`);
  if (filter.mode !== null) texts.push(`r.mode = ${parameter(filter.mode, "text")}`);
  return { text: texts.length === 0 ? "true" : texts.join(" and "), values };
}
