import type { Sql } from "@flotilla/db";
import type { DeploymentReport } from "@flotilla/protocol";
import type { SyncItem } from "./sync-types.ts";

/**
 * Stores what devices said last: one row each, the newest report of a device wins. `running_since` stays while the
 * device attests the same digest, so restarts of the agent do not move it.
 */
export async function storeLive(sql: Sql, items: readonly SyncItem[]): Promise<void> {
  const newest = new Map<string, SyncItem>();
  for (const item of items) newest.set(item.deviceId, item);
  const rows = [...newest.values()].toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  if (rows.length === 0) return;
  const reports = rows.map((row) => row.request.report);
  await sql.query(storeLiveSql, [
    rows.map((row) => row.deviceId),
    rows.map((row) => row.receivedAt),
    rows.map((row) => row.request.bootId),
    reports.map((report) => report.running?.buildId ?? null),
    reports.map((report) => report.running?.versionId ?? null),
    reports.map((report) => report.running?.manifestSha256 ?? null),
    rows.map((row) => (row.request.report.running ? new Date(row.receivedAt.getTime() - Math.min(row.request.report.running.runningForMs, LONGEST_RUN_MS)) : null)),
    reports.map((report) => JSON.stringify(report.slots)),
    reports.map((report) => phaseOf(report.deployment)),
    reports.map((report) => phaseDetailOf(report.deployment)),
    reports.map((report) => report.targetVersion),
    reports.map((report) => JSON.stringify(report.resources)),
    reports.map((report) => report.agentVersion),
  ], { prepared: true });
}

const LONGEST_RUN_MS = 10 * 365 * 86_400_000;

const storeLiveSql = `
  insert into device_live (device_id, last_seen_at, boot_id, running_build_id, running_version_id, running_sha256, running_since,
                           slots, phase, phase_detail, target_version, resources, agent_version)
  select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                       $8::jsonb[], $9::text[], $10::text[], $11::bigint[], $12::jsonb[], $13::text[])
  on conflict (device_id) do update
     set last_seen_at = excluded.last_seen_at, boot_id = excluded.boot_id,
         running_since = case when device_live.running_sha256 is not distinct from excluded.running_sha256
                              then coalesce(device_live.running_since, excluded.running_since) else excluded.running_since end,
         running_build_id = excluded.running_build_id, running_version_id = excluded.running_version_id, running_sha256 = excluded.running_sha256,
         slots = excluded.slots, phase = excluded.phase, phase_detail = excluded.phase_detail, target_version = excluded.target_version,
         resources = excluded.resources, agent_version = excluded.agent_version
   where device_live.last_seen_at <= excluded.last_seen_at`;

function phaseOf(deployment: DeploymentReport | undefined): string {
  return deployment === undefined || deployment.phase === "succeeded" || deployment.phase === "failed" ? "idle" : deployment.phase;
}

function phaseDetailOf(deployment: DeploymentReport | undefined): string | null {
  if (deployment === undefined) return null;
  if (deployment.failure) return `${deployment.failure.code}: ${deployment.failure.detail}`;
  if (deployment.phase === "downloading" && deployment.bytesTotal) {
    return `${Math.min(100, Math.floor((100 * (deployment.bytesDone ?? 0)) / deployment.bytesTotal))} % of ${deployment.bytesTotal} bytes, attempt ${deployment.attempt}`;
  }
  return deployment.attempt > 1 ? `attempt ${deployment.attempt}` : null;
}
