import type { Sql } from "@flotilla/db";
import { parseSelector, selectorSql } from "../devices/index.ts";

/** Devices that match a query, revoked ones left out: they do not belong to any fleet any more. */
export type QueryCounts = { devices: number; simulatedDevices: number; byClass: { className: string; devices: number }[] };

const SAMPLE = 5;

/** Counts for each query, in the order of the queries, in one statement. */
export async function countByQuery(sql: Sql, queries: readonly string[]): Promise<QueryCounts[]> {
  const values: unknown[] = [];
  const parts = queries.map((query, index) => {
    const selected = selectorSql(parseSelector(query), { firstParameter: values.length + 1 });
    values.push(...selected.values);
    return `select ${index} as query, device.class_name, device.simulated, count(*)::int as devices from device
             where device.state = 'active' and ${selected.text} group by device.class_name, device.simulated`;
  });
  const counts: QueryCounts[] = queries.map(() => ({ devices: 0, simulatedDevices: 0, byClass: [] }));
  if (parts.length === 0) return counts;
  const rows = await sql.query<{ query: number; class_name: string; simulated: boolean; devices: number }>(`${parts.join(" union all ")} order by 1, 2`, values);
  for (const row of rows) {
    const count = counts[row.query];
    if (count === undefined) continue;
    count.devices += row.devices;
    if (row.simulated) count.simulatedDevices += row.devices;
    const known = count.byClass.find((c) => c.className === row.class_name);
    if (known === undefined) count.byClass.push({ className: row.class_name, devices: row.devices });
    else known.devices += row.devices;
  }
  return counts;
}

/** Some devices that match, by name. */
export async function deviceSample(sql: Sql, query: string): Promise<{ id: string; name: string }[]> {
  const selected = selectorSql(parseSelector(query));
  return sql.query<{ id: string; name: string }>(
    `select device.id, device.name from device where device.state = 'active' and ${selected.text} order by device.name limit ${SAMPLE}`,
    selected.values,
  );
}

/** Rollouts on this fleet that are planned or under way. */
export async function rolloutsUnderWay(sql: Sql, fleetId: string): Promise<{ name: string; state: string }[]> {
  return sql.query<{ name: string; state: string }>(
    "select name, state::text as state from rollout where fleet_id = $1 and state in ('draft', 'running', 'paused', 'halted', 'rolling_back') order by id limit 5",
    [fleetId],
  );
}

/** Tells gateways that fleets changed: they sort telemetry by fleet. */
export async function bumpFleetVersion(sql: Sql): Promise<void> {
  await sql.query(
    "insert into version_counter (name, value) values ('fleet', 1) on conflict (name) do update set value = version_counter.value + 1 returning value",
  );
}
