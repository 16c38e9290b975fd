import type { Sql } from "@flotilla/db";
import type { DeploymentReport, Recovery, RunningReport } from "@flotilla/protocol";
import { recordChanges } from "../changes/index.ts";
import { defaultPolicy } from "./policy.ts";
import { progressAfter, type Progress, type WantedDigests } from "./report-progress.ts";
import { openDeploymentStates } from "./transitions.ts";
import type { DeploymentStateName } from "./types.ts";

// Called by gateways inside the transaction that takes a batch of syncs. Rows are first read without locks, because
// most reports repeat what is stored; only those that change something are locked, in the order of their ids, as the
// evaluator locks them too.

/** What one sync said about the deployment it is at. */
export type DeploymentReportItem = { deviceId: string; report: DeploymentReport; running: RunningReport | null };

/** Time for a device to tell of its own time-out before the platform decides that it will not. */
const REPORT_GRACE_MS = 60_000;

type Row = {
  id: string; device_id: string; rollout_id: string; state: DeploymentStateName; attempt: number; target_version: bigint | null; build_id: string | null;
  timeout_ms: number; verify_ms: number; failure_code: string | null; failure_detail: string | null; recovery: string | null; running_sha256: string | null;
};
type Change = { row: Row; progress: Progress; isPickUp: boolean };

/**
 * Stores what devices report about their deployments. Reports about an unknown deployment, about another device's, or
 * about a target that is no longer the device's are ignored. Repeating a batch changes nothing.
 */
export async function reportDeployments(sql: Sql, reports: readonly DeploymentReportItem[]): Promise<void> {
  if (reports.length === 0) return;
  const wanted = new Map<string, WantedDigests>();
  const ids = [...new Set(reports.map((item) => item.report.deploymentId))];
  const seen = await loadRows(sql, ids, false);
  await loadWanted(sql, seen, wanted);
  const likely = changesOf(seen, reports, wanted);
  if (likely.length === 0) return;
  const locked = await loadRows(sql, likely.map((change) => change.row.id), true);
  const changes = changesOf(locked, reports, wanted);
  if (changes.length === 0) return;
  await storeChanges(sql, changes);
  await recordChanges(sql, "rollout", [...new Set(changes.map((change) => change.row.rollout_id))].toSorted());
}

function changesOf(rows: readonly Row[], reports: readonly DeploymentReportItem[], wanted: ReadonlyMap<string, WantedDigests>): Change[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const changes = new Map<string, Change>();
  for (const { deviceId, report, running } of reports) {
    const row = byId.get(report.deploymentId);
    if (row === undefined || row.device_id !== deviceId || row.target_version !== BigInt(report.targetVersion)) continue;
    const before = changes.get(row.id);
    const digests = row.build_id === null ? null : wanted.get(row.build_id);
    if (digests === undefined) continue;
    const change = progressAfter(before?.progress ?? progressOf(row), report, running, digests);
    if (change !== null) changes.set(row.id, { row, progress: change.progress, isPickUp: change.isPickUp || before?.isPickUp === true });
  }
  return [...changes.values()];
}

function progressOf(row: Row): Progress {
  return {
    state: row.state, attempt: row.attempt, failureCode: row.failure_code, failureDetail: row.failure_detail,
    recovery: row.recovery as Recovery | null, runningSha256: row.running_sha256,
  };
}

async function loadRows(sql: Sql, ids: readonly string[], lock: boolean): Promise<Row[]> {
  return sql.query<Row>(
    `select d.id, d.device_id, d.rollout_id, d.state::text as state, d.attempt, d.target_version, d.build_id,
            (r.policy->>'inProgressTimeoutMs')::float8 as timeout_ms, coalesce((r.policy->>'verifyTimeoutMs')::float8, $2::float8) as verify_ms, d.failure_code, d.failure_detail, d.recovery, d.running_sha256
       from deployment d join rollout r on r.id = d.rollout_id
      where d.id = any($1::text[])
      order by d.id ${lock ? "for update of d" : ""}`,
    [ids, defaultPolicy.verifyTimeoutMs],
  );
}

async function loadWanted(sql: Sql, rows: readonly Row[], wanted: Map<string, WantedDigests>): Promise<void> {
  const buildIds = [...new Set(rows.flatMap((row) => (row.build_id === null ? [] : [row.build_id])))];
  if (buildIds.length === 0) return;
  const builds = await sql.query<{ id: string; manifest_sha256: string; model_sha256s: string[] }>(
    `select id, manifest_sha256, jsonb_path_query_array(manifest, '$.variants[*].files[*] ? (@.role == "model").sha256') as model_sha256s
       from build where id = any($1::text[]) and manifest_sha256 is not null`,
    [buildIds],
  );
  for (const build of builds) wanted.set(build.id, { buildId: build.id, manifestSha256: build.manifest_sha256, modelSha256s: build.model_sha256s });
}

async function storeChanges(sql: Sql, changes: readonly Change[]): Promise<void> {
  await sql.query(
    `update deployment d
        set state = v.state::deployment_state, attempt = v.attempt, failure_code = v.failure_code, failure_detail = v.failure_detail,
            recovery = v.recovery, running_sha256 = v.running_sha256, retrieved_at = coalesce(d.retrieved_at, now()),
            deadline_at = least(case when v.is_pick_up then now() + v.timeout_ms * interval '1 millisecond' else d.deadline_at end,
                                case when v.state = 'verifying' then now() + v.verify_ms * interval '1 millisecond' end),
            finished_at = case when v.state = any($9::text[]) then null else now() end, updated_at = now()
       from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[], $10::bool[], $11::float8[])
            as v(id, state, attempt, failure_code, failure_detail, recovery, running_sha256, timeout_ms, is_pick_up, verify_ms)
      where d.id = v.id`,
    [
      changes.map((c) => c.row.id),
      changes.map((c) => c.progress.state),
      changes.map((c) => c.progress.attempt),
      changes.map((c) => c.progress.failureCode),
      changes.map((c) => c.progress.failureDetail),
      changes.map((c) => c.progress.recovery),
      changes.map((c) => c.progress.runningSha256),
      changes.map((c) => c.row.timeout_ms + REPORT_GRACE_MS),
      [...openDeploymentStates],
      changes.map((c) => c.isPickUp),
      changes.map((c) => c.row.verify_ms + REPORT_GRACE_MS),
    ],
  );
}
