import { createHash } from "node:crypto";
import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { keepCount, keptCounts, keptSummaries, parseSelector, selectorSql, syncIntervalMs, PRESENCE_LIMITS, type SqlCondition } from "../devices/index.ts";
import { requireRole, type Principal } from "../principal.ts";
import { ALL_FLEETS } from "./apply-syncs-store.ts";
import { planLatency, type LatencyPlan } from "./latency-plan.ts";
import { deviceRows, fleetRows, lastSampleAt, type PackedRow, type RowFilter } from "./latency-rows-store.ts";
import { heatmapOf, mergeRows, seriesOf } from "./latency-series.ts";
import { readRollUpState } from "./roll-up-run-store.ts";
import type { LatencyAnswer, LatencyQuery } from "./types.ts";
import { HOUR_MS } from "./window-time.ts";

/** Devices shown as series of their own: those with most samples. */
const MAX_DEVICE_SERIES = 20;
/** In a large fleet its busiest devices are among these: so many are compared with its labels before all are. */
const MAX_DEVICES_LOOKED_AT = 400;
const MAX_MARKERS = 200;

/**
 * Latency over time from merged histograms. Throws `bad_request` for ranges and steps that make no sense, `not_found` for
 * a fleet or device that does not exist. `stepSeconds` of the answer may be longer than asked for: see `planLatency`.
 */
export async function queryLatency(tx: Tx, principal: Principal, query: LatencyQuery): Promise<LatencyAnswer> {
  requireRole(principal, "latency", "viewer");
  const sql = sqlOf(tx);
  const nowMs = Date.now();
  const state = await readRollUpState(sql);
  const asked = { fromMs: query.from.getTime(), toMs: query.to.getTime(), stepMs: query.stepSeconds === null ? null : query.stepSeconds * 1000 };
  const plan = planLatency(asked, state.rolledThroughMs, nowMs);
  const filter = await filterOf(sql, query);
  const scope = await scopeOf(sql, query);
  const isOfDevices = query.deviceId !== undefined || query.groupBy === "device";
  const found = isOfDevices ? await rowsOfDevices(sql, query, filter, scope, plan, asked.stepMs, nowMs) : { plan, rows: await fleetRows(sql, plan, filter), deviceIds: null };
  const merged = mergeRows(found.rows);
  // Fleets overlap: the heatmap over all of them is that of all devices, which is no series of its own.
  const isOverFleets = query.groupBy === "fleet" && !isOfDevices && filter.fleetId === ALL_FLEETS;
  const shown = isOverFleets ? merged.filter(({ group }) => group !== ALL_FLEETS) : merged;
  const forHeatmap = isOverFleets ? merged.filter(({ group }) => group === ALL_FLEETS) : merged;
  const names = await namesOf(sql, query, shown.map(({ group }) => group));
  const hasSamples = found.rows.some((row) => row.count > 0n);
  return {
    from: new Date(found.plan.fromMs).toISOString(),
    to: new Date(found.plan.toMs).toISOString(),
    stepSeconds: found.plan.stepMs / 1000,
    series: seriesOf(found.plan, shown, (group) => (group === "" ? { key: "all", label: "all" } : { key: `${query.groupBy}:${group}`, label: names.get(group) ?? group })),
    heatmap: heatmapOf(found.plan, forHeatmap),
    markers: await markersOf(sql, query, found.plan),
    emptyReason: hasSamples ? "none" : await emptyReasonOf(sql, scope, nowMs),
    lastSampleAt: (newestOf(found, nowMs) ?? (await lastSampleAt(sql, filter, found.deviceIds)))?.toISOString() ?? null,
  };
}

/** The newest sample when the range reaches to now: then nothing newer lies outside of it. Null: not known from these rows. */
function newestOf({ plan, rows }: Found, nowMs: number): Date | null {
  if (plan.toMs < nowMs) return null;
  return rows.reduce<Date | null>((newest, row) => (row.count > 0n && (newest === null || row.newest > newest) ? row.newest : newest), null);
}

async function filterOf(sql: Sql, query: LatencyQuery): Promise<RowFilter> {
  const versions = query.modelId === undefined ? null : await sql.query<{ id: string }>("select id from model_version where model_id = $1", [query.modelId]);
  return {
    fleetId: query.fleetId ?? ALL_FLEETS,
    versionIds: versions?.map((row) => row.id) ?? null,
    buildId: query.buildId ?? null,
    className: query.className ?? null,
    mode: query.mode ?? null,
    groupBy: query.groupBy,
  };
}

/** The devices that a question is about, as a condition on `device`. */
async function scopeOf(sql: Sql, query: LatencyQuery): Promise<SqlCondition> {
  const texts = ["device.state = 'active'"];
  const values: unknown[] = [];
  if (query.fleetId !== undefined) {
    const selected = selectorSql(parseSelector(await fleetQuery(sql, query.fleetId)), { firstParameter: 1 });
    texts.push(selected.text);
    values.push(...selected.values);
  }
  for (const [column, value] of [["device.class_name", query.className], ["device.id", query.deviceId]] as const) {
    if (value === undefined) continue;
    values.push(value);
    texts.push(`${column} = $${values.length}::text`);
  }
  return { text: texts.join(" and "), values };
}

type Found = { plan: LatencyPlan; rows: PackedRow[]; deviceIds: string[] | null };

/** Minutes exist for canaries and pinned devices only; where they do not cover the range, hours answer. */
async function rowsOfDevices(sql: Sql, query: LatencyQuery, filter: RowFilter, scope: SqlCondition, plan: LatencyPlan, askedStepMs: number | null, nowMs: number): Promise<Found> {
  const deviceIds = query.deviceId === undefined ? await busiestDevices(sql, query, scope, filter, plan) : [query.deviceId];
  const hourPlan = plan.stepMs >= HOUR_MS ? plan : planLatency({ fromMs: plan.fromMs, toMs: plan.toMs, stepMs: HOUR_MS }, 0, nowMs);
  const hours = await deviceRows(sql, hourPlan, { ...filter, deviceIds, step: "hour" });
  if (plan.stepMs >= HOUR_MS) return { plan, rows: hours, deviceIds };
  const minutes = await deviceRows(sql, plan, { ...filter, deviceIds, step: "minute" });
  const countOf = (rows: readonly PackedRow[]): number => rows.reduce((sum, row) => sum + Number(row.count), 0);
  // The hours at both ends reach beyond the range, so minutes of the whole range may hold fewer samples.
  const isCovered = minutes.length > 0 && (askedStepMs !== null || plan.toMs - plan.fromMs <= HOUR_MS || countOf(minutes) >= 0.8 * countOf(hours));
  return isCovered ? { plan, rows: minutes, deviceIds } : { plan: hourPlan, rows: hours, deviceIds };
}

/**
 * The devices with most samples, by the newest two hours of the range: counting all hours of 100,000 devices takes seconds. Where
 * these hours know of few devices, the whole range is counted. Of a broad fleet the answer is kept for a minute.
 */
async function busiestDevices(sql: Sql, query: LatencyQuery, scope: SqlCondition, filter: RowFilter, plan: LatencyPlan): Promise<string[]> {
  const toMs = Math.min(plan.toMs, Date.now());
  const lateFromMs = Math.max(plan.fromMs, Math.floor(toMs / HOUR_MS) * HOUR_MS - HOUR_MS);
  if (await isBroad(sql, query)) {
    const now = new Date();
    const question = JSON.stringify([scope, filter.buildId, filter.versionIds, filter.mode, lateFromMs, plan.toMs > now.getTime() ? null : plan.toMs]);
    const key = `busiest:${createHash("sha256").update(question).digest("base64url")}`;
    const kept = (await keptCounts<string[]>(sql, [key], now)).get(key);
    const lately = kept ?? (await keepCount(sql, key, now, () => busiestSince(sql, scope, filter, lateFromMs, plan.toMs, MAX_DEVICES_LOOKED_AT), true)).value;
    if (lately.length === MAX_DEVICE_SERIES) return lately;
  }
  const lately = await busiestSince(sql, scope, filter, lateFromMs, plan.toMs, null);
  return lately.length === MAX_DEVICE_SERIES ? lately : busiestSince(sql, scope, filter, plan.fromMs, plan.toMs, null);
}

/** Whether a tenth of all devices or more is asked about, as far as counts are kept: of a small installation it does not matter. */
async function isBroad(sql: Sql, query: LatencyQuery): Promise<boolean> {
  const asked = query.fleetId === undefined ? "" : await fleetQuery(sql, query.fleetId);
  const kept = await keptSummaries(sql, ["", asked]);
  const summary = kept.get(asked);
  const devices = query.className === undefined ? summary?.total : summary?.byClass.reduce((sum, row) => (row.className === query.className ? sum + row.devices : sum), 0);
  return (devices ?? 0) >= 0.1 * (kept.get("")?.total ?? Number.POSITIVE_INFINITY);
}

async function fleetQuery(sql: Sql, fleetId: string): Promise<string> {
  const [fleet] = await sql.query<{ query: string }>("select query from fleet where id = $1", [fleetId]);
  if (fleet === undefined) throw new FleetError("not_found", { public: "There is no such fleet." });
  return fleet.query;
}

/** `among`: only so many with most samples are looked at, whatever fleet they are of; if enough of them are of this one, these are its busiest. */
async function busiestSince(sql: Sql, scope: SqlCondition, filter: RowFilter, fromMs: number, toMs: number, among: number | null): Promise<string[]> {
  const n = scope.values.length;
  const rows = await sql.query<{ id: string }>(
    `select device.id from (
       select r.device_id, sum(r.count) as samples from device_latency r
        where r.step = 'hour' and r.at >= $${n + 1}::timestamptz and r.at < $${n + 2}::timestamptz
          and ($${n + 3}::text is null or r.build_id = $${n + 3}) and ($${n + 4}::text[] is null or r.version_id = any($${n + 4})) and ($${n + 5}::text is null or r.mode = $${n + 5})
        group by r.device_id ${among === null ? "" : `order by samples desc, r.device_id limit ${among}`}) s join device on device.id = s.device_id
      where ${scope.text} order by s.samples desc, device.id limit ${MAX_DEVICE_SERIES}`,
    [...scope.values, new Date(Math.floor(fromMs / HOUR_MS) * HOUR_MS), new Date(toMs), filter.buildId, filter.versionIds, filter.mode],
  );
  return rows.map((row) => row.id);
}

/** What to print for each series. */
async function namesOf(sql: Sql, query: LatencyQuery, groups: readonly string[]): Promise<Map<string, string>> {
  const ids = [...new Set(groups)];
  const selects: Partial<Record<LatencyQuery["groupBy"], string>> = {
    build: "select id, name from build where id = any($1::text[])",
    fleet: "select id, name from fleet where id = any($1::text[])",
    device: "select id, name from device where id = any($1::text[])",
    version: "select v.id, m.name || ' v' || v.number as name from model_version v join model m on m.id = v.model_id where v.id = any($1::text[])",
  };
  const select = selects[query.groupBy];
  const found = select === undefined || ids.length === 0 ? [] : await sql.query<{ id: string; name: string }>(select, [ids]);
  const names = new Map(found.map((row) => [row.id, row.name]));
  if (ids.includes("unknown") && !names.has("unknown")) names.set("unknown", "builds not made here");
  return names;
}

/** What happened to rollouts in the range; of a fleet or build, only to its own. */
async function markersOf(sql: Sql, query: LatencyQuery, plan: LatencyPlan): Promise<LatencyAnswer["markers"]> {
  const rows = await sql.query<{ at: Date; kind: string; sentence: string; rollout_id: string }>(
    `select e.at, e.kind, e.sentence, e.rollout_id from rollout_event e join rollout r on r.id = e.rollout_id
      where e.at >= $1::timestamptz and e.at < $2::timestamptz and ($3::text is null or r.fleet_id = $3) and ($4::text is null or r.build_id = $4)
        and ($5::text is null or exists (select 1 from deployment d where d.rollout_id = r.id and d.device_id = $5))
      order by e.id desc limit ${MAX_MARKERS}`,
    [new Date(plan.fromMs), new Date(plan.toMs), query.fleetId ?? null, query.buildId ?? null, query.deviceId ?? null],
  );
  return rows.toReversed().map((row) => ({ t: row.at.toISOString(), kind: row.kind, label: row.sentence, rolloutId: row.rollout_id }));
}

/** Nothing measured, or nobody there who could have: a device that is reporting and runs a model. */
async function emptyReasonOf(sql: Sql, scope: SqlCondition, nowMs: number): Promise<"no_samples" | "no_reporting_device"> {
  const since = new Date(nowMs - PRESENCE_LIMITS.lateAfterIntervals * (await syncIntervalMs(sql)));
  const [row] = await sql.query<{ exists: boolean }>(
    `select exists (select 1 from device join device_live l on l.device_id = device.id
       where ${scope.text} and l.running_build_id is not null and l.last_seen_at > $${scope.values.length + 1}::timestamptz)`,
    [...scope.values, since],
  );
  return row?.exists === true ? "no_samples" : "no_reporting_device";
}
