import type { Sql } from "@flotilla/db";
import { openDeploymentStates } from "./transitions.ts";
import type { DeploymentStateName, DeploymentView } from "./types.ts";

export type DeploymentFilter = {
  rolloutId: string; state: DeploymentStateName | null; wave: number | null; direction: "forward" | "rollback" | null;
  before: string | null; limit: number; reachableSince: Date;
};

type Row = {
  id: string; device_id: string; device_name: string; class_name: string; simulated: boolean; direction: "forward" | "rollback"; wave: number;
  state: DeploymentStateName; reachable: boolean; skip_reason: string | null; failure_code: string | null; failure_detail: string | null; recovery: string | null;
  previous_build_id: string | null; previous_build_name: string | null; attempt: number;
  offered_at: Date | null; deadline_at: Date | null; finished_at: Date | null; updated_at: Date;
};

/** Deployments before a cursor, newest first. */
export async function deploymentRows(sql: Sql, filter: DeploymentFilter): Promise<DeploymentView[]> {
  const rows = await sql.query<Row>(
    `select d.id, d.device_id, device.name as device_name, d.class_name, device.simulated, d.direction::text as direction, d.wave_position as wave,
            d.state::text as state, coalesce(l.last_seen_at >= $7::timestamptz, false) as reachable, d.skip_reason, d.failure_code, d.failure_detail, d.recovery,
            d.previous_build_id, p.name as previous_build_name, d.attempt, d.offered_at, d.deadline_at, d.finished_at, d.updated_at
       from deployment d
       join device on device.id = d.device_id
       left join device_live l on l.device_id = d.device_id
       left join build p on p.id = d.previous_build_id
      where d.rollout_id = $1
        and ($2::text is null or d.state = $2::deployment_state)
        and ($3::int is null or d.wave_position = $3::int)
        and ($4::text is null or d.direction = $4::deployment_direction)
        and ($5::text is null or d.id < $5::text)
      order by d.id desc limit $6::int`,
    [filter.rolloutId, filter.state, filter.wave, filter.direction, filter.before, filter.limit, filter.reachableSince],
  );
  return rows.map(viewOf);
}

function viewOf(row: Row): DeploymentView {
  const isOpen = (openDeploymentStates as readonly DeploymentStateName[]).includes(row.state);
  return {
    id: row.id, deviceId: row.device_id, deviceName: row.device_name, className: row.class_name, simulated: row.simulated, direction: row.direction,
    wave: row.wave, state: row.state, reachable: row.reachable, skipReason: row.skip_reason, failureCode: row.failure_code, failureDetail: row.failure_detail,
    recovery: row.recovery,
    previousBuild: row.previous_build_id === null ? null : { id: row.previous_build_id, name: row.previous_build_name ?? row.previous_build_id },
    attempt: row.attempt,
    offeredAt: row.offered_at?.toISOString() ?? null,
    deadlineAt: isOpen ? (row.deadline_at?.toISOString() ?? null) : null,
    finishedAt: row.finished_at?.toISOString() ?? null,
    updatedAt: row.updated_at.toISOString(),
  };
}
