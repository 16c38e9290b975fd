import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { DEVICE_COLUMNS, DEVICE_FROM, DRIFT_SQL, deviceRowsOf, type RawDeviceRow } from "./device-rows-store.ts";
import { presenceSql } from "./presence.ts";
import { selectorSql } from "./selector-sql.ts";
import { parseSelector } from "./selector.ts";
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

/** Devices, newest enrolment first, revoked ones included. */
export async function listDevices(tx: Tx, principal: Principal, input: DeviceFilter & PageInput): Promise<Page<DeviceRow>> {
  requireRole(principal, "devices", "viewer");
  const limit = pageSize(input);
  const sql = sqlOf(tx);
  const now = new Date();
  const where = new Conditions([now, await syncIntervalMs(sql)]);
  addFilter(where, input);
  if (input.cursor) where.add(`device.id < ${where.parameter(input.cursor, "text")}`);
  const rows = await sql.query<RawDeviceRow>(`select ${DEVICE_COLUMNS} ${DEVICE_FROM} where ${where.text()} order by device.id desc limit ${limit + 1}`, where.values);
  const views = new Map((await deviceRowsOf(sql, rows.slice(0, limit), now)).map((view) => [view.id, view]));
  return pageOf(rows, limit, (row) => row.id, (row) => views.get(row.id) as DeviceRow);
}

/** How many active devices the query selects. */
export async function countDevices(tx: Tx, principal: Principal, query: string): Promise<number> {
  requireRole(principal, "devices", "viewer");
  const selected = selectorSql(parseSelector(query));
  const [row] = await sqlOf(tx).query<{ n: bigint }>(`select count(*) as n from device where device.state = 'active' and ${selected.text}`, selected.values);
  return Number(row?.n ?? 0);
}

/** Counts of active devices: of a fleet, of a query, or of all. One pass over them. */
export async function deviceSummary(tx: Tx, principal: Principal, input: { fleetId?: string | undefined; query?: string | undefined }): Promise<DeviceSummary> {
  requireRole(principal, "devices", "viewer");
  const sql = sqlOf(tx);
  const where = new Conditions([new Date(), await syncIntervalMs(sql)]);
  where.add("device.state = 'active'");
  addFilter(where, { query: input.fleetId === undefined ? input.query : await fleetQuery(sql, input.fleetId) });
  const rows = await sql.query<SummaryRow>(
    `with d as (
       select device.class_name, device.simulated, l.running_build_id as build_id, ${DRIFT_SQL} as drift, ${presenceSql("l.last_seen_at", "$1::timestamptz", "$2::float8")} as presence
       ${DEVICE_FROM} where ${where.text()})
     select grouping(presence) = 0 as is_presence, grouping(class_name) = 0 as is_class, grouping(build_id) = 0 as is_build,
            presence, class_name, simulated, build_id, (select b.name from build b where b.id = build_id) as build_name, count(*) as n, count(*) filter (where drift) as drift
       from d group by grouping sets ((), (presence), (class_name, simulated), (build_id))`,
    where.values,
  );
  return summaryOf(rows);
}

type SummaryRow = {
  is_presence: boolean; is_class: boolean; is_build: boolean; presence: Presence; class_name: string; simulated: boolean;
  build_id: string | null; build_name: string | null; n: bigint; drift: bigint;
};

function summaryOf(rows: readonly SummaryRow[]): DeviceSummary {
  const total = rows.find((row) => !row.is_presence && !row.is_class && !row.is_build);
  const byPresence: Record<Presence, number> = { reporting: 0, late: 0, silent: 0, never: 0 };
  for (const row of rows) if (row.is_presence) byPresence[row.presence] = Number(row.n);
  const byMost = <T extends { devices: number }>(list: T[]): T[] => list.toSorted((a, b) => b.devices - a.devices);
  return {
    total: Number(total?.n ?? 0),
    byPresence,
    drift: Number(total?.drift ?? 0),
    byClass: byMost(rows.filter((row) => row.is_class).map((row) => ({ className: row.class_name, devices: Number(row.n), simulated: row.simulated }))),
    byBuild: byMost(rows.filter((row) => row.is_build).map((row) => ({ buildId: row.build_id, buildName: row.build_name ?? row.build_id, devices: Number(row.n) }))),
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
  if (filter.presence) where.add(`${presenceSql("l.last_seen_at", "$1::timestamptz", "$2::float8")} = ${where.parameter(filter.presence, "text")}`);
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
