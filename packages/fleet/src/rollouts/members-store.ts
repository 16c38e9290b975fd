import type { Sql } from "@flotilla/db";
import type { DeviceClass } from "@flotilla/protocol";
import { invariant } from "@flotilla/protocol";
import { recordChanges } from "../changes/index.ts";
import { parseSelector, selectorSql } from "../devices/index.ts";
import { newId } from "../id.ts";
import { cutCohorts, waveOfJoiner } from "./cohorts.ts";
import { judgeMember, skipReason, type MemberVerdict } from "./membership.ts";
import type { BuildRow, RolloutRow } from "./store.ts";
import { writeTargets } from "./targets-store.ts";
import { moveOf, deploymentTransitions, openDeploymentStates } from "./transitions.ts";

// Which devices take part in a rollout. Rows are made in chunks; a crash between two leaves devices without a row, which
// the next evaluation finds and adds (the unique key over rollout, device and direction makes that safe to repeat).

/** Devices per transaction wherever a rollout touches many. */
export const CHUNK = 5_000;

/** A device that matches a query, with the verdict on its part. */
export type Member = { deviceId: string; name: string; className: string; lastSeenAt: Date | null; isMissing: boolean; verdict: MemberVerdict };

/** What a rollout is made of, as far as membership goes; a preview has no rollout yet. */
export type MemberScope = { rolloutId: string | null; query: string; createdAt: Date };

type DeviceRow = {
  id: string; name: string; class_name: string; is_revoked: boolean; class_key: string; last_seen_at: Date | null; runs_build: boolean; is_in_newer: boolean; is_missing: boolean;
};

/** Every device that matches the query, in the order of ids. Reads the whole fleet: for planning and previews, not for ticks. */
export async function loadMembers(sql: Sql, scope: MemberScope, build: BuildRow): Promise<Member[]> {
  const selected = selectorSql(parseSelector(scope.query), { firstParameter: 6 });
  const newer = await newerRolloutIds(sql, scope);
  const rows = await sql.query<DeviceRow>(
    `select device.id, device.name, device.class_name, device.state = 'revoked' as is_revoked, md5(device.class::text) as class_key, l.last_seen_at,
            coalesce(l.running_build_id = $2 and l.running_sha256 = any($3::text[]), false) as runs_build,
            cardinality($4::text[]) > 0 and exists (select 1 from deployment o where o.device_id = device.id and o.rollout_id = any($4::text[])
              and o.direction = 'forward' and o.state = any($5::deployment_state[])) as is_in_newer,
            d.id is null as is_missing
       from device
       left join device_live l on l.device_id = device.id
       left join deployment d on d.rollout_id = $1 and d.device_id = device.id and d.direction = 'forward'
      where ${selected.text}
      order by device.id`,
    [scope.rolloutId, build.id, build.digests, newer, [...openDeploymentStates, "succeeded"], ...selected.values],
  );
  const classes = await loadClasses(sql);
  return rows.map((row) => {
    const deviceClass = classes.get(row.class_key);
    invariant(deviceClass !== undefined, `the class of device ${row.id} changed while it was read`);
    const candidate = { isRevoked: row.is_revoked, isInNewerRollout: row.is_in_newer, runsBuild: row.runs_build, class: deviceClass };
    return {
      deviceId: row.id, name: row.name, className: row.class_name, lastSeenAt: row.last_seen_at, isMissing: row.is_missing,
      verdict: judgeMember(candidate, build.manifest),
    };
  });
}

/** How many devices match the rollout's query and have no deployment in it. */
export async function countMissingMembers(sql: Sql, scope: { rolloutId: string; query: string }): Promise<number> {
  const selected = selectorSql(parseSelector(scope.query), { firstParameter: 2 });
  const [row] = await sql.query<{ missing: number }>(
    `select count(*)::int as missing from device
      where ${selected.text}
        and not exists (select 1 from deployment d where d.rollout_id = $1 and d.device_id = device.id and d.direction = 'forward')`,
    [scope.rolloutId, ...selected.values],
  );
  return row?.missing ?? 0;
}

/** A row to make for a member. */
export type PlannedMember = { deviceId: string; className: string; wave: number; verdict: MemberVerdict };

/**
 * The places of the members that have none yet. Before the first wave opens, cohorts are cut over all who take part;
 * later ones join the wave of their own bucket. Excluded devices are shown in the wave of their bucket.
 */
export function placesOf(members: readonly Member[], rollout: { salt: string; percents: readonly number[]; hasBegun: boolean }): PlannedMember[] {
  const eligible = members.filter((member) => member.verdict.kind === "eligible");
  const cohorts = rollout.hasBegun ? new Map<string, number>() : cutCohorts(eligible, rollout.percents, rollout.salt);
  return members
    .filter((member) => member.isMissing)
    .map(({ deviceId, className, verdict }) => ({
      deviceId, className, verdict, wave: cohorts.get(deviceId) ?? waveOfJoiner(rollout.salt, deviceId, rollout.percents),
    }));
}

/**
 * Makes rows for one chunk of members. Devices that take part are taken from older rollouts that have not begun with them.
 * The caller holds the rollout's row.
 */
export async function insertMembers(sql: Sql, rollout: RolloutRow, members: readonly PlannedMember[], at: Date): Promise<void> {
  const taking = members.filter((member) => member.verdict.kind === "eligible").map((member) => member.deviceId);
  await supersedeOlder(sql, rollout, taking, at);
  await sql.query(
    `insert into deployment (id, rollout_id, device_id, direction, wave_position, state, build_id, skip_reason, class_name, finished_at, updated_at)
     select m.id, $1, m.device_id, 'forward', m.wave, m.state::deployment_state, $2, m.skip_reason, m.class_name,
            case when m.state = 'skipped' then $8::timestamptz end, $8::timestamptz
       from unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $9::text[]) as m(id, device_id, wave, state, skip_reason, class_name)
     on conflict (rollout_id, device_id, direction) do nothing`,
    [
      rollout.id,
      rollout.build_id,
      members.map(() => newId("dep", at.getTime())),
      members.map((m) => m.deviceId),
      members.map((m) => m.wave),
      members.map((m) => (m.verdict.kind === "eligible" ? "queued" : "skipped")),
      members.map((m) => (m.verdict.kind === "eligible" ? null : skipReason(m.verdict))),
      at,
      members.map((m) => m.className),
    ],
  );
}

/** Ends what older rollouts planned for these devices and no device has begun; a device that was offered it keeps what it has. */
async function supersedeOlder(sql: Sql, rollout: RolloutRow, deviceIds: readonly string[], at: Date): Promise<void> {
  const taken = await sql.query<{ id: string; rollout_id: string; device_id: string; was_offered: boolean; previous_build_id: string | null }>(
    `select d.id, d.rollout_id, d.device_id, d.state = 'offered' as was_offered, d.previous_build_id
       from deployment d join rollout r on r.id = d.rollout_id
      where d.device_id = any($1::text[]) and d.direction = 'forward' and d.rollout_id <> $2 and d.state in ('queued', 'offered')
        and (r.created_at, r.id) < ($3::timestamptz, $2::text)
      order by d.id for update of d`,
    [deviceIds, rollout.id, rollout.created_at],
  );
  if (taken.length === 0) return;
  await sql.query(
    `update deployment set state = $2::deployment_state, offered_at = null, finished_at = $3::timestamptz, updated_at = $3::timestamptz where id = any($1::text[])`,
    [taken.map((row) => row.id), moveOf(deploymentTransitions, "supersede").to, at],
  );
  const offered = taken.filter((row) => row.was_offered);
  await writeTargets(sql, offered.map((row) => ({ deviceId: row.device_id, buildId: row.previous_build_id, deploymentId: null })));
  await recordChanges(sql, "rollout", [...new Set(taken.map((row) => row.rollout_id))].toSorted());
}

/** Rollouts that were made later and whose hold on a device counts. One that is undone holds nothing. */
async function newerRolloutIds(sql: Sql, scope: MemberScope): Promise<string[]> {
  if (scope.rolloutId === null) return [];
  const rows = await sql.query<{ id: string }>(
    `select id from rollout where (created_at, id) > ($1::timestamptz, $2::text) and state not in ('draft', 'rolling_back', 'rolled_back')`,
    [scope.createdAt, scope.rolloutId],
  );
  return rows.map((row) => row.id);
}

/** Devices share few classes: each distinct one is read once. */
async function loadClasses(sql: Sql): Promise<Map<string, DeviceClass>> {
  const rows = await sql.query<{ class_key: string; class: DeviceClass }>("select distinct on (md5(class::text)) md5(class::text) as class_key, class from device");
  return new Map(rows.map((row) => [row.class_key, row.class]));
}
