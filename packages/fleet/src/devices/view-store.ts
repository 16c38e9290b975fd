import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError, type ResourceReport, type SlotReport } from "@flotilla/protocol";
import { requireRole, type Principal } from "../principal.ts";
import { DEVICE_COLUMNS, DEVICE_FROM, deviceRowsOf, type RawDeviceRow } from "./device-rows-store.ts";
import { syncIntervalMs } from "./sync-interval-store.ts";
import type { DeviceView } from "./types.ts";
import { whyNot } from "./why-not.ts";

const SHOWN_DEPLOYMENTS = 20;

type ViewRow = RawDeviceRow & {
  agent_version: string | null; boot_id: string | null; phase_detail: string | null; wanted_since: Date | null; actual_since: Date | null;
  running_sha256: string | null; running_version_id: string | null; slots: SlotReport[] | null; resources: ResourceReport | null;
  target_version: bigint | null; known_target_version: bigint | null; target_deployment_id: string | null;
  key_change_id: string | null; key_change_at: Date | null; stored_windows: string | null; dropped_windows: string | null;
};
type DeploymentRow = {
  id: string; rollout_id: string; rollout_name: string; direction: string; state: string; failure_code: string | null; failure_detail: string | null; recovery: string | null; updated_at: Date;
};

/** Everything about one device. Throws `not_found`. */
export async function getDevice(tx: Tx, principal: Principal, deviceId: string): Promise<DeviceView> {
  requireRole(principal, "devices", "viewer");
  const sql = sqlOf(tx);
  const now = new Date();
  const [raw] = await sql.query<ViewRow>(
    `select ${DEVICE_COLUMNS}, l.agent_version, l.boot_id, l.phase_detail, t.set_at as wanted_since, l.running_since as actual_since, l.running_sha256, l.running_version_id,
            l.slots, l.resources, t.target_version, l.target_version as known_target_version, t.deployment_id as target_deployment_id, k.id as key_change_id, k.created_at as key_change_at,
            w.stored_windows, w.dropped_windows
       ${DEVICE_FROM}
       left join lateral (select id, created_at from device_key_change where device_id = device.id and state = 'pending' order by id desc limit 1) k on true
       left join lateral (select sum(stored_windows) as stored_windows, sum(dropped_windows) as dropped_windows from telemetry_watermark where device_id = device.id) w on true
      where device.id = $3`,
    [now, await syncIntervalMs(sql), deviceId],
  );
  if (raw === undefined) throw new FleetError("not_found", { public: "There is no such device." });
  const [row] = await deviceRowsOf(sql, [raw], now);
  if (row === undefined) throw new FleetError("not_found", { public: "There is no such device." });
  const deployments = await deploymentsOf(sql, deviceId);
  return {
    ...row,
    class: raw.class,
    pinned: raw.pinned,
    enrolledAt: raw.enrolled_at.toISOString(),
    agentVersion: raw.agent_version ?? "",
    bootId: raw.boot_id,
    phaseDetail: raw.phase_detail,
    wantedSince: raw.wanted_since?.toISOString() ?? null,
    actualSince: raw.actual_since?.toISOString() ?? null,
    whyNot: raw.drift ? sentenceOf(raw, deployments) : null,
    runningSha256: raw.running_sha256,
    runningVersionId: raw.running_version_id,
    slots: raw.slots ?? [],
    resources: raw.resources,
    deployments: deployments.map((d) => ({
      id: d.id, rolloutId: d.rollout_id, rolloutName: d.rollout_name, direction: d.direction, state: d.state,
      failureCode: d.failure_code, failureDetail: d.failure_detail, updatedAt: d.updated_at.toISOString(),
    })),
    keyChange: raw.key_change_id === null || raw.key_change_at === null ? null : { id: raw.key_change_id, createdAt: raw.key_change_at.toISOString() },
    telemetry: { storedWindows: Number(raw.stored_windows ?? 0), droppedWindows: Number(raw.dropped_windows ?? 0) },
  };
}

function sentenceOf(raw: ViewRow, deployments: readonly DeploymentRow[]): string {
  const deployment = deployments.find((d) => d.id === raw.target_deployment_id);
  return whyNot({
    state: raw.state,
    presence: raw.presence,
    wantedBuildName: raw.wanted_id === null ? null : (raw.wanted_name ?? raw.wanted_id),
    targetVersion: Number(raw.target_version ?? 0),
    knownTargetVersion: Number(raw.known_target_version ?? 0),
    phase: raw.phase,
    phaseDetail: raw.phase_detail,
    deployment: deployment === undefined ? null : { state: deployment.state, failureCode: deployment.failure_code, failureDetail: deployment.failure_detail, recovery: deployment.recovery },
  });
}

async function deploymentsOf(sql: Sql, deviceId: string): Promise<DeploymentRow[]> {
  return sql.query<DeploymentRow>(
    `select d.id, d.rollout_id, r.name as rollout_name, d.direction::text as direction, d.state::text as state, d.failure_code, d.failure_detail, d.recovery, d.updated_at
       from deployment d join rollout r on r.id = d.rollout_id where d.device_id = $1 order by d.id desc limit ${SHOWN_DEPLOYMENTS}`,
    [deviceId],
  );
}
