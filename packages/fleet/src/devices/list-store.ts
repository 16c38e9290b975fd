import { setImmediate } from "node:timers/promises";
import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { DEVICE_COLUMNS, DEVICE_FROM, DRIFT_SQL, deviceRowsOf, type RawDeviceRow } from "./device-rows-store.ts";
import { LARGE_FLEET, dropOldCounts, keepCounts, keptCount, keptCounts } from "./kept-count-store.ts";
import { presenceRangeSql, presenceSql } from "./presence.ts";
import { selectorSql } from "./selector-sql.ts";
import { matchesSelector, parseSelector } from "./selector.ts";
import { syncIntervalMs } from "./sync-interval-store.ts";
import type { DeviceRow, DeviceSummary, Presence } from "./types.ts";

/** Which devices; each field narrows. `search` is part of a name, or a whole id; `buildId` is what they run. */
export type DeviceFilter = {
  query?: string | undefined;
  search?: string | undefined;
  presence?: Presence | undefined;
  drift?: boolean | undefined;
  className?: string | undefined;
  buildId?: string | undefined;
};

/**
 * How many devices those that report, or run a build, are looked for among, from the newest on, before all others are. PostgreSQL's statistics are of a minute ago, when
 * nobody had been heard since and hardly any ran the build: it takes them for few, and would sort everybody to find fifty.
 */
const STRETCHES = [500, 10_000] as const;

/** Devices, newest enrolment first, revoked ones included. */
export async function listDevices(tx: Tx, principal: Principal, input: DeviceFilter & PageInput): Promise<Page<DeviceRow>> {
  requireRole(principal, "devices", "viewer");
  const limit = pageSize(input);
  const sql = sqlOf(tx);
  const now = new Date();
  const intervalMs = await syncIntervalMs(sql);
  const rows: RawDeviceRow[] = [];
  let before = input.cursor || null;
  for (const size of [...(input.presence === "reporting" || input.buildId ? STRETCHES : []), null]) {
    const from = size === null ? null : await idBelow(sql, before, size);
    const where = new Conditions([now, intervalMs]);
    addFilter(where, input);
    if (before !== null) where.add(`device.id < ${where.parameter(before, "text")}`);
    if (from !== null) where.add(`device.id >= ${where.parameter(from, "text")}`);
    rows.push(...(await sql.query<RawDeviceRow>(`select ${DEVICE_COLUMNS} ${DEVICE_FROM} where ${where.text()} order by device.id desc limit ${limit + 1 - rows.length}`, where.values)));
    if (from === null || rows.length > limit) break;
    before = from;
  }
  const views = new Map((await deviceRowsOf(sql, rows.slice(0, limit), now)).map((view) => [view.id, view]));
  return pageOf(rows, limit, (row) => row.id, (row) => views.get(row.id) as DeviceRow);
}

/** The `n`th id below another one, or from the top; null when there are fewer. */
async function idBelow(sql: Sql, before: string | null, n: number): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(`select id from device where ${before === null ? "true" : "id < $1"} order by id desc offset ${n - 1} limit 1`, before === null ? [] : [before]);
  return row?.id ?? null;
}

/** How many active devices the query selects. */
export async function countDevices(tx: Tx, principal: Principal, query: string): Promise<number> {
  requireRole(principal, "devices", "viewer");
  const selected = selectorSql(parseSelector(query));
  const [row] = await sqlOf(tx).query<{ n: bigint }>(`select count(*) as n from device where device.state = 'active' and ${selected.text}`, selected.values);
  return Number(row?.n ?? 0);
}

/** Counts of active devices: of a fleet, of a query, or of all. Of a large fleet: as they were a few seconds ago. */
export async function deviceSummary(tx: Tx, principal: Principal, input: { fleetId?: string | undefined; query?: string | undefined }): Promise<DeviceSummary> {
  requireRole(principal, "devices", "viewer");
  const sql = sqlOf(tx);
  const query = (input.fleetId === undefined ? input.query : await fleetQuery(sql, input.fleetId)) ?? "";
  return (await keptCount<DeviceSummary>(sql, summaryKey(query), new Date())) ?? countSummary(sql, query, new Date());
}

/** The summaries that are kept, by query; of small fleets and queries of no fleet there are none. */
export async function keptSummaries(sql: Sql, queries: readonly string[]): Promise<Map<string, DeviceSummary>> {
  const kept = await keptCounts<DeviceSummary>(sql, queries.map(summaryKey), new Date());
  return new Map(queries.flatMap((query) => (kept.get(summaryKey(query)) ? [[query, kept.get(summaryKey(query)) as DeviceSummary]] : [])));
}

/**
 * Counts a large fleet again, and each fleet of it, as far as that is due: for a worker, every few seconds. Several may do it at
 * once; all but one do nothing. Answers how many were counted.
 */
export async function keepDeviceSummaries(tx: Tx | Sql, now: Date = new Date()): Promise<number> {
  const sql = sqlFrom(tx);
  const [lock] = await sql.query<{ held: boolean }>("select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held", ["flotilla kept counts"]);
  if (lock?.held !== true) return 0;
  await dropOldCounts(sql, now);
  // An estimate: whether a fleet is large need not be known exactly, and asking exactly would take as long as the count.
  const [size] = await sql.query<{ devices: number }>("select reltuples::float8 as devices from pg_class where oid = 'device'::regclass");
  if ((size?.devices ?? 0) < LARGE_FLEET) return 0;
  const fleets = await sql.query<{ query: string }>("select distinct query from fleet order by query");
  const queries = [...new Set(["", ...fleets.map((fleet) => fleet.query)])];
  const count = async (): Promise<Map<string, DeviceSummary>> => new Map([...(await countSummaries(sql, queries, now))].map(([query, summary]) => [summaryKey(query), summary]));
  return (await keepCounts(sql, queries.map(summaryKey), now, count)) ? queries.length : 0;
}

function summaryKey(query: string): string {
  return `devices:${query}`;
}

/** One pass over the devices that leaves a few hundred groups; the views are sums of these. */
async function countSummary(sql: Sql, query: string, now: Date): Promise<DeviceSummary> {
  return summaryOf(await summaryGroups(sql, now, { query, keys: [] }));
}

/**
 * The same for many queries, in one pass over the devices: they are grouped by the labels that any of the queries names as well, and a query adds up the groups
 * whose labels it selects. Two hundred passes over 100,000 devices would keep a core busy for good.
 */
async function countSummaries(sql: Sql, queries: readonly string[], now: Date): Promise<Map<string, DeviceSummary>> {
  const selectors = new Map(queries.map((query) => [query, parseSelector(query)]));
  const keys = [...new Set([...selectors.values()].flatMap(({ requirements }) => requirements.map(({ key }) => key)))];
  const groups = Map.groupBy(await summaryGroups(sql, now, { query: "", keys }), ({ labels }) => JSON.stringify(labels));
  const labelled = [...groups.values()].map((members) => ({ labels: Object.fromEntries(keys.flatMap((key, i) => (members[0]?.labels[i] == null ? [] : [[key, members[0].labels[i]]]))), members }));
  const summaries = new Map<string, DeviceSummary>();
  for (const [query, selector] of selectors) {
    summaries.set(query, summaryOf(labelled.flatMap(({ labels, members }) => (matchesSelector(selector, labels) ? members : []))));
    // Labels that are others on each device make as many groups as there are devices: whatever else this process does has its turn in between.
    await setImmediate();
  }
  return summaries;
}

/** Active devices that the query selects, by everything that summaries tell apart, and by the values of these labels. */
async function summaryGroups(sql: Sql, now: Date, { query, keys }: { query: string; keys: readonly string[] }): Promise<SummaryGroup[]> {
  const where = new Conditions([now, await syncIntervalMs(sql)]);
  where.add("device.state = 'active'");
  addFilter(where, { query });
  const labels = keys.map((key) => `device.labels ->> ${where.parameter(key, "text")}`).join(", ");
  const groups = await sql.query<Omit<SummaryGroup, "n"> & { n: bigint }>(
    `select g.*, b.name as build_name from (
       select array[${labels}]::text[] as labels, device.class_name, device.simulated, l.running_build_id as build_id, ${DRIFT_SQL} as drift,
              ${presenceSql("l.last_seen_at", "$1::timestamptz", "$2::float8")} as presence, count(*) as n
         ${DEVICE_FROM} where ${where.text()} group by 1, 2, 3, 4, 5, 6) g left join build b on b.id = g.build_id`,
    where.values,
  );
  return groups.map((group) => ({ ...group, n: Number(group.n) }));
}

type SummaryGroup = { labels: (string | null)[]; class_name: string; simulated: boolean; build_id: string | null; build_name: string | null; drift: boolean; presence: Presence; n: number };

function summaryOf(groups: readonly SummaryGroup[]): DeviceSummary {
  const sumOf = (list: readonly { n: number }[]): number => list.reduce((sum, { n }) => sum + n, 0);
  const byMost = <T extends { devices: number }>(list: T[]): T[] => list.toSorted((a, b) => b.devices - a.devices);
  const presence = (name: Presence): number => sumOf(groups.filter((group) => group.presence === name));
  const classes = Map.groupBy(groups, (group) => JSON.stringify([group.class_name, group.simulated]));
  const builds = Map.groupBy(groups, (group) => group.build_id);
  return {
    total: sumOf(groups),
    byPresence: { reporting: presence("reporting"), late: presence("late"), silent: presence("silent"), never: presence("never") },
    drift: sumOf(groups.filter((group) => group.drift)),
    byClass: byMost([...classes.values()].flatMap((list) => (list[0] ? [{ className: list[0].class_name, devices: sumOf(list), simulated: list[0].simulated }] : []))),
    byBuild: byMost([...builds].map(([buildId, list]) => ({ buildId, buildName: list[0]?.build_name ?? buildId, devices: sumOf(list) }))),
  };
}

async function fleetQuery(sql: Sql, fleetId: string): Promise<string> {
  const [fleet] = await sql.query<{ query: string }>("select query from fleet where id = $1", [fleetId]);
  if (fleet === undefined) throw new FleetError("not_found", { public: "There is no such fleet." });
  return fleet.query;
}

function addFilter(where: Conditions, filter: DeviceFilter): void {
  if (filter.query) {
    const selected = selectorSql(parseSelector(filter.query), { firstParameter: where.values.length + 1 });
    where.values.push(...selected.values);
    where.add(selected.text);
  }
  if (filter.search) {
    const pattern = `%${filter.search.replaceAll(/[\\%_]/g, (char) => `\\${char}`)}%`;
    where.add(`(device.name ilike ${where.parameter(pattern, "text")} or device.id = ${where.parameter(filter.search, "text")})`);
  }
  // Kept by the database for this: an index holds the few that have no last state.
  if (filter.presence === "never") where.add("not device.has_synced");
  else if (filter.presence) where.add(presenceRangeSql(filter.presence, "l.last_seen_at", "$1::timestamptz", "$2::float8"));
  if (filter.drift !== undefined) where.add(filter.drift ? DRIFT_SQL : `not ${DRIFT_SQL}`);
  if (filter.className) where.add(`device.class_name = ${where.parameter(filter.className, "text")}`);
  if (filter.buildId) where.add(`l.running_build_id = ${where.parameter(filter.buildId, "text")}`);
}

/** Collects the conditions of a `where` and the values of their parameters. */
class Conditions {
  readonly values: unknown[];
  readonly #texts: string[] = [];

  constructor(values: unknown[]) {
    this.values = values;
    // Both are always used by some expression, so that their types are always known.
    this.#texts.push("$1::timestamptz is not null and $2::float8 is not null");
  }

  parameter(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  add(text: string): void {
    this.#texts.push(`(${text})`);
  }

  text(): string {
    return this.#texts.join(" and ");
  }
}

function sqlFrom(tx: Tx | Sql): Sql {
  return "query" in tx && typeof tx.query === "function" ? (tx as Sql) : sqlOf(tx as Tx);
}
