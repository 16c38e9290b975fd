import type { Sql } from "@flotilla/db";
import { LatencyHistogram, type DeviceClass, type Labels } from "@flotilla/protocol";
import { presenceSql } from "./presence.ts";
import type { DeviceRow, Presence } from "./types.ts";

/** A device that should run another build than the one it attests. Devices without a target have nothing to differ from. */
export const DRIFT_SQL = "(t.device_id is not null and t.build_id is distinct from l.running_build_id)";

/** `from` for lists and counts of devices: last state and target beside each device. */
export const DEVICE_FROM = "from device left join device_live l on l.device_id = device.id left join device_target t on t.device_id = device.id";

/** Columns of `RawDeviceRow`; `$1` must be now, `$2` the sync interval in ms. */
export const DEVICE_COLUMNS = `
  device.id, device.name, device.class_name, device.class, device.simulated, device.labels, device.state::text as state, device.pinned, device.enrolled_at,
  ${presenceSql("l.last_seen_at", "$1::timestamptz", "$2::float8")} as presence, l.last_seen_at, coalesce(l.phase, 'idle') as phase,
  t.build_id as wanted_id, (select b.name from build b where b.id = t.build_id) as wanted_name,
  l.running_build_id as actual_id, (select b.name from build b where b.id = l.running_build_id) as actual_name,
  ${DRIFT_SQL} as drift`;

export type RawDeviceRow = {
  id: string; name: string; class_name: string; class: DeviceClass; simulated: boolean; labels: Labels; state: "active" | "revoked"; pinned: boolean; enrolled_at: Date;
  presence: Presence; last_seen_at: Date | null; phase: string;
  wanted_id: string | null; wanted_name: string | null; actual_id: string | null; actual_name: string | null; drift: boolean;
};

/** Rows as lists show them, with p95 and errors of the last hour. One query for any number of rows. */
export async function deviceRowsOf(sql: Sql, raw: readonly RawDeviceRow[], now: Date): Promise<DeviceRow[]> {
  const latency = await lastHour(sql, raw.map((row) => row.id), now);
  return raw.map((row) => ({
    id: row.id,
    name: row.name,
    className: row.class_name,
    arch: row.class.arch,
    simulated: row.simulated,
    labels: row.labels,
    presence: row.presence,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
    wantedBuild: row.wanted_id === null ? null : { id: row.wanted_id, name: row.wanted_name ?? row.wanted_id },
    actualBuild: row.actual_id === null ? null : { id: row.actual_id, name: row.actual_name ?? row.actual_id },
    drift: row.drift,
    phase: row.phase,
    state: row.state,
    p95Ms: latency.get(row.id)?.p95Ms ?? null,
    errors: latency.get(row.id)?.errors ?? null,
  }));
}

const HOUR_MS = 3_600_000;

/**
 * p95 and errors of each device over the present and the previous whole hour (rows are kept by the hour). A device
 * without windows is absent. When it reports in several modes, the one with most samples counts: modes are not merged.
 */
async function lastHour(sql: Sql, deviceIds: readonly string[], now: Date): Promise<Map<string, { p95Ms: number | null; errors: number }>> {
  const from = new Date(Math.floor(now.getTime() / HOUR_MS) * HOUR_MS - HOUR_MS);
  const rows = await sql.query<{ device_id: string; mode: string; errors: bigint; sum_ms: number; min_ms: number | null; max_ms: number | null; buckets: Uint8Array }>(
    "select device_id, mode, errors, sum_ms, min_ms, max_ms, buckets from device_latency where device_id = any($1::text[]) and step = 'hour' and at >= $2::timestamptz",
    [deviceIds, from],
  );
  const byDevice = new Map<string, Map<string, { histogram: LatencyHistogram; errors: number }>>();
  for (const row of rows) {
    const byMode = byDevice.get(row.device_id) ?? new Map<string, { histogram: LatencyHistogram; errors: number }>();
    byDevice.set(row.device_id, byMode);
    const sum = byMode.get(row.mode) ?? { histogram: new LatencyHistogram(), errors: 0 };
    byMode.set(row.mode, sum);
    sum.histogram.addEncoded(row.buckets, { sumMs: row.sum_ms, minMs: row.min_ms, maxMs: row.max_ms });
    sum.errors += Number(row.errors);
  }
  return new Map(
    [...byDevice].map(([deviceId, byMode]) => {
      const [most] = [...byMode.values()].toSorted((a, b) => b.histogram.count - a.histogram.count);
      return [deviceId, { p95Ms: most?.histogram.quantile(0.95) ?? null, errors: most?.errors ?? 0 }];
    }),
  );
}
