import type { Sql } from "@flotilla/db";
import { writeTargets } from "./targets-store.ts";

type Row = { device_id: string; build_id: string | null; deployment_id: string | null };

/**
 * Gives the targets of those of these devices that are ahead a version above what the device knows; answers the devices. A
 * device is ahead when it knows a higher version than the platform ever gave it: the database was restored from a time before. Without a
 * new version it would never take what the platform wants, since versions only rise. Devices that are not ahead are left alone.
 */
export async function reissueTargets(sql: Sql, deviceIds: readonly string[]): Promise<string[]> {
  if (deviceIds.length === 0) return [];
  // The counter first, as in everything that writes targets: the wish that is read here is still the newest when it is written again.
  await sql.query("select value from version_counter where name = 'target' for update");
  const rows = await sql.query<Row>(
    `select t.device_id, t.build_id, t.deployment_id from device_target t join device_live l on l.device_id = t.device_id
      where t.device_id = any($1::text[]) and l.target_version > t.target_version order by t.device_id`,
    [deviceIds],
  );
  await writeTargets(sql, rows.map((row) => ({ deviceId: row.device_id, buildId: row.build_id, deploymentId: row.deployment_id })));
  return rows.map((row) => row.device_id);
}
