import type { Sql } from "@flotilla/db";
import type { FailureGroup } from "./types.ts";

const MAX_GROUPS = 100;
const SAMPLE = 3;

/** The failures of a rollout by code, detail and device class, the largest group first. */
export async function failureGroupsOf(sql: Sql, rolloutId: string): Promise<FailureGroup[]> {
  return sql.query<FailureGroup>(
    `select f.code, f.detail, f.class_name as "className", count(*)::int as devices,
            jsonb_agg(jsonb_build_object('deploymentId', f.id, 'deviceId', f.device_id, 'deviceName', f.device_name) order by f.id)
              filter (where f.rank <= ${SAMPLE}) as sample
       from (select d.id, d.device_id, device.name as device_name, d.class_name, coalesce(d.failure_code, 'unknown') as code, d.failure_detail as detail,
                    row_number() over (partition by d.failure_code, d.failure_detail, d.class_name order by d.id) as rank
               from deployment d join device on device.id = d.device_id
              where d.rollout_id = $1 and d.state in ('failed', 'rolled_back', 'timed_out')) f
      group by f.code, f.detail, f.class_name
      order by count(*) desc, f.code, f.class_name limit ${MAX_GROUPS}`,
    [rolloutId],
  );
}
