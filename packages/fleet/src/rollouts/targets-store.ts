import { notify, type Sql, type Tx } from "@flotilla/db";
import type { Target } from "@flotilla/protocol";
import { defaultPolicy } from "./policy.ts";
import { sqlFrom } from "./store.ts";

// Invariants: a device's target version only rises; the counter row "target" is held until commit by every transaction
// that writes targets, so change numbers commit in order and "what changed since" misses nothing.

/** Channel on which the change number of every written set of targets is notified at commit. */
export const TARGETS_CHANNEL = "flotilla_targets";

/** What a device should run. `target` null: the platform has no wish (any more); the device keeps what it has. */
export type DeviceTargetEntry = { deviceId: string; target: Target | null };

/** A wish for one device. `buildId` null is "no model"; `deploymentId` null: nobody waits for the device's answer. */
export type Wish = { deviceId: string; buildId: string | null; deploymentId: string | null };

type TargetRow = {
  device_id: string; target_version: bigint; change_seq: bigint; deployment_id: string | null; build_id: string | null;
  build_name: string | null; manifest_sha256: string | null; size_bytes: bigint | null; max_attempts: number | null; timeout_ms: number | null;
};

/** The targets of these devices; devices that have none are absent. */
export async function targetsOf(tx: Tx | Sql, deviceIds: readonly string[]): Promise<DeviceTargetEntry[]> {
  if (deviceIds.length === 0) return [];
  const rows = await sqlFrom(tx).query<TargetRow>(`${selectTargets} where t.device_id = any($1::text[])`, [deviceIds]);
  return rows.map(entryOf);
}

/**
 * Every target written after change number `changeSeq` (0 for all), with the number to ask from next time.
 * One set of targets carries one number, so an answer holds whole sets only.
 */
export async function targetsSince(tx: Tx | Sql, changeSeq: number): Promise<{ entries: DeviceTargetEntry[]; changeSeq: number }> {
  const rows = await sqlFrom(tx).query<TargetRow>(`${selectTargets} where t.change_seq > $1::bigint order by t.change_seq, t.device_id`, [changeSeq]);
  const newest = rows.at(-1);
  return { entries: rows.map(entryOf), changeSeq: newest === undefined ? changeSeq : Number(newest.change_seq) };
}

/**
 * Sets targets, each with a version above every one the device has had or says it has, and gives that version to the
 * deployment it belongs to. At most a few thousand per call; gateways hear of them at commit.
 */
export async function writeTargets(sql: Sql, wishes: readonly Wish[]): Promise<void> {
  const versions = (await setTargets(sql, wishes)).filter((version) => version.deploymentId !== null);
  if (versions.length === 0) return;
  await sql.query(
    "update deployment d set target_version = v.target_version from unnest($1::text[], $2::bigint[]) as v(id, target_version) where d.id = v.id",
    [versions.map((v) => v.deploymentId), versions.map((v) => v.targetVersion)],
  );
}

/** The same, for a caller that stores the versions itself, with what else it changes of the deployments. */
export async function setTargets(sql: Sql, wishes: readonly Wish[]): Promise<{ deploymentId: string | null; targetVersion: bigint }[]> {
  if (wishes.length === 0) return [];
  const sorted = wishes.toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  const [counter] = await sql.query<{ value: bigint }>(
    `insert into version_counter (name, value) values ('target', 1)
     on conflict (name) do update set value = version_counter.value + 1 returning value`,
  );
  const changeSeq = counter?.value ?? 0n;
  const rows = await sql.query<{ deployment_id: string | null; target_version: bigint }>(
    `insert into device_target (device_id, target_version, build_id, deployment_id, change_seq, set_at)
     select w.device_id, coalesce(l.target_version, 0) + 1, w.build_id, w.deployment_id, $4::bigint, now()
       from unnest($1::text[], $2::text[], $3::text[]) as w(device_id, build_id, deployment_id)
       left join device_live l on l.device_id = w.device_id
      order by w.device_id
     on conflict (device_id) do update
       set target_version = greatest(device_target.target_version + 1, excluded.target_version),
           build_id = excluded.build_id, deployment_id = excluded.deployment_id, change_seq = excluded.change_seq, set_at = excluded.set_at
     returning deployment_id, target_version`,
    [sorted.map((w) => w.deviceId), sorted.map((w) => w.buildId), sorted.map((w) => w.deploymentId), changeSeq],
  );
  await notify(sql, TARGETS_CHANNEL, String(changeSeq));
  return rows.map((row) => ({ deploymentId: row.deployment_id, targetVersion: row.target_version }));
}

const selectTargets = `
  select t.device_id, t.target_version, t.change_seq, t.deployment_id, t.build_id, b.name as build_name, b.manifest_sha256, a.size_bytes,
         (r.policy->>'maxAttempts')::int as max_attempts, (r.policy->>'inProgressTimeoutMs')::float8 as timeout_ms
    from device_target t
    left join build b on b.id = t.build_id
    left join artifact a on a.sha256 = b.manifest_sha256
    left join deployment d on d.id = t.deployment_id
    left join rollout r on r.id = d.rollout_id`;

function entryOf(row: TargetRow): DeviceTargetEntry {
  const common = {
    targetVersion: Number(row.target_version),
    deploymentId: row.deployment_id,
    maxAttempts: row.max_attempts ?? defaultPolicy.maxAttempts,
    attemptTimeoutMs: row.timeout_ms ?? defaultPolicy.inProgressTimeoutMs,
  };
  if (row.build_id === null) return { deviceId: row.device_id, target: { ...common, build: null } };
  // A device may run a build that this database does not know; it must not lose it to a target that cannot be named.
  if (row.build_name === null || row.manifest_sha256 === null || row.size_bytes === null) return { deviceId: row.device_id, target: null };
  const manifest = { sha256: row.manifest_sha256, sizeBytes: Number(row.size_bytes) };
  return { deviceId: row.device_id, target: { ...common, build: { buildId: row.build_id, name: row.build_name, manifest } } };
}
