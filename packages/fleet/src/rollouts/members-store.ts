import type { Sql } from "@flotilla/db";
import type { DeviceClass } from "@flotilla/protocol";
import { invariant, selectVariant } from "@flotilla/protocol";
import { recordChanges } from "../changes/index.ts";
import { parseSelector, selectorSql } from "../devices/index.ts";
import { newId } from "../id.ts";
import { cutCohorts, waveOfJoiner } from "./cohorts.ts";
import { judgeMember, skipReason, type Candidate, type ExclusionReason, type MemberVerdict } from "./membership.ts";
import { setMembersThrough, type BuildRow, type RolloutRow } from "./store.ts";
import { writeTargets } from "./targets-store.ts";
import { moveOf, deploymentTransitions, openDeploymentStates } from "./transitions.ts";

// Which devices take part in a rollout. Rows are made in chunks; a crash between two leaves devices without a row, which
// the next evaluation finds and adds (the unique key over rollout, device and direction makes that safe to repeat).

/** Devices per transaction wherever a rollout touches many. */
export const CHUNK = 5_000;

/** A device that matches a query, with the verdict on its part. */
export type Member = { deviceId: string; className: string; isMissing: boolean; verdict: MemberVerdict };

/** What a rollout is made of, as far as membership goes; a preview has no rollout yet. */
export type MemberScope = { rolloutId: string | null; query: string; createdAt: Date };

/** Devices that membership need not tell apart: same class, same verdict. Revoked ones of all classes are together. */
export type MemberGroup = { classKey: string; className: string; deviceClass: DeviceClass; devices: number; unreachable: number; verdict: MemberVerdict };

type Judged = { class_key: string; is_revoked: boolean; runs_build: boolean; is_in_newer: boolean };

/** Where a device stands to a rollout of the build: `$1` the rollout, `$2` the build, `$3` its digests, `$4` newer rollouts, `$5` what counts there. */
const STANDING = `device.state = 'revoked' as is_revoked, coalesce(l.running_build_id = $2 and l.running_sha256 = any($3::text[]), false) as runs_build,
  cardinality($4::text[]) > 0 and exists (select 1 from deployment o where o.device_id = device.id and o.rollout_id = any($4::text[])
    and o.direction = 'forward' and o.state = any($5::deployment_state[])) as is_in_newer`;

async function standing(sql: Sql, scope: MemberScope, build: BuildRow): Promise<unknown[]> {
  return [scope.rolloutId, build.id, build.digests, await newerRolloutIds(sql, scope), [...openDeploymentStates, "succeeded"]];
}

/**
 * Devices that match the query, in the order of ids; with `changedAfter` only those that have no deployment in the rollout yet and
 * changed after that registry version. Without it the whole fleet is read: for planning, not for ticks.
 */
export async function loadMembers(sql: Sql, scope: MemberScope, build: BuildRow, changedAfter: bigint | null = null): Promise<Member[]> {
  const selected = selectorSql(parseSelector(scope.query), { firstParameter: 7 });
  const rows = await sql.query<Judged & { id: string; class_name: string; is_missing: boolean }>(
    `select device.id, device.class_name, device.class_key, ${STANDING}, d.id is null as is_missing
       from device
       left join device_live l on l.device_id = device.id
       left join deployment d on d.rollout_id = $1 and d.device_id = device.id and d.direction = 'forward'
      where ${selected.text} and ($6::bigint is null or (device.registry_version > $6::bigint and d.id is null))
      order by device.id`,
    [...(await standing(sql, scope, build)), changedAfter, ...selected.values],
  );
  const classes = await classesOf(sql, rows.map((row) => row.class_key));
  return rows.map((row) => ({ deviceId: row.id, className: row.class_name, isMissing: row.is_missing, verdict: judgeMember(candidateOf(row, classes), build.manifest) }));
}

/** The same in numbers: one pass over the devices that leaves a few groups. */
export async function memberGroups(sql: Sql, scope: MemberScope, build: BuildRow, reachableSince: Date): Promise<MemberGroup[]> {
  const selected = selectorSql(parseSelector(scope.query), { firstParameter: 7 });
  const rows = await sql.query<Judged & { class_name: string; devices: number; unreachable: number }>(
    `select m.*, count(*)::int as devices, (count(*) filter (where m.is_quiet))::int as unreachable
       from (select device.class_name, device.class_key, ${STANDING}, coalesce(l.last_seen_at < $6::timestamptz, true) as is_quiet, $1::text is null as has_rollout
               from device left join device_live l on l.device_id = device.id where ${selected.text}) m
      group by m.class_name, m.class_key, m.is_revoked, m.runs_build, m.is_in_newer, m.is_quiet, m.has_rollout
      order by m.class_name, m.class_key`,
    [...(await standing(sql, scope, build)), reachableSince, ...selected.values],
  );
  const classes = await classesOf(sql, rows.map((row) => row.class_key));
  return rows.map((row) => {
    const candidate = candidateOf(row, classes);
    return { classKey: row.class_key, className: row.class_name, deviceClass: candidate.class, devices: row.devices, unreachable: row.unreachable, verdict: judgeMember(candidate, build.manifest) };
  });
}

/** Some devices that match and are left out for this reason; `classKeys`: of these classes (no_variant). */
export async function memberSample(sql: Sql, scope: MemberScope, build: BuildRow, reason: ExclusionReason, classKeys: readonly string[], limit: number): Promise<{ id: string; name: string }[]> {
  const conditions: Partial<Record<ExclusionReason, string>> = {
    revoked: "m.is_revoked",
    in_other_rollout: "not m.is_revoked and m.is_in_newer",
    already_running: "not m.is_revoked and not m.is_in_newer and m.runs_build",
    no_variant: "not m.is_revoked and not m.is_in_newer and not m.runs_build and m.class_key = any($6::text[])",
  };
  const selected = selectorSql(parseSelector(scope.query), { firstParameter: 7 });
  return sql.query<{ id: string; name: string }>(
    `select m.id, m.name from (select device.id, device.name, device.class_key, ${STANDING}, $1::text, $6::text[]
       from device left join device_live l on l.device_id = device.id where ${selected.text}) m
      where ${conditions[reason] ?? "false"} order by m.id limit ${limit}`,
    [...(await standing(sql, scope, build)), [...classKeys], ...selected.values],
  );
}

/** Whether any device can take the build: found without looking at all of them, as a rule. */
export async function hasEligible(sql: Sql, scope: MemberScope, build: BuildRow): Promise<boolean> {
  const classes = await classesOf(sql, await classKeys(sql));
  const fitting = [...classes].filter(([, deviceClass]) => selectVariant(build.manifest, deviceClass).kind === "variant").map(([key]) => key);
  const selected = selectorSql(parseSelector(scope.query), { firstParameter: 7 });
  const [row] = await sql.query<{ found: number }>(
    `select 1 as found from (select ${STANDING}, $1::text from device left join device_live l on l.device_id = device.id
       where device.class_key = any($6::text[]) and device.state = 'active' and ${selected.text}) m
      where not m.is_in_newer and not m.runs_build limit 1`,
    [...(await standing(sql, scope, build)), fitting, ...selected.values],
  );
  return row !== undefined;
}

/**
 * Whether devices match the rollout's query and have no deployment in it. Only devices that changed since everybody had one
 * are looked at; when none of those is missing, that is noted.
 */
export async function missingMembers(sql: Sql, rollout: Pick<RolloutRow, "id" | "query" | "members_through">): Promise<boolean> {
  const version = await registryVersion(sql);
  if (version <= rollout.members_through) return false;
  const selected = selectorSql(parseSelector(rollout.query), { firstParameter: 3 });
  const [row] = await sql.query<{ found: number }>(
    `select 1 as found from device
      where device.registry_version > $2::bigint and ${selected.text}
        and not exists (select 1 from deployment d where d.rollout_id = $1 and d.device_id = device.id and d.direction = 'forward') limit 1`,
    [rollout.id, rollout.members_through, ...selected.values],
  );
  if (row === undefined) await setMembersThrough(sql, rollout.id, version);
  return row !== undefined;
}

/** Every change of a device with a version up to this one is visible from now on. */
export async function registryVersion(sql: Sql): Promise<bigint> {
  const [row] = await sql.query<{ value: bigint }>("select value from version_counter where name = 'registry'");
  return row?.value ?? 0n;
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

/** The distinct classes of all devices, found by jumping along the index. */
async function classKeys(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ class_key: string }>(
    `with recursive k as (
       (select class_key from device where class_key is not null order by class_key limit 1)
       union all
       select (select d.class_key from device d where d.class_key > k.class_key order by d.class_key limit 1) from k where k.class_key is not null)
     select class_key from k where class_key is not null`,
  );
  return rows.map((row) => row.class_key);
}

/** Devices share few classes: each distinct one is read once, by its key. */
export async function classesOf(sql: Sql, keys: readonly string[]): Promise<Map<string, DeviceClass>> {
  const rows = await sql.query<{ class_key: string; class: DeviceClass | null }>(
    "select k.class_key, (select d.class from device d where d.class_key = k.class_key limit 1) as class from unnest($1::text[]) as k(class_key)",
    [[...new Set(keys)]],
  );
  return new Map(rows.flatMap((row) => (row.class === null ? [] : [[row.class_key, row.class]])));
}

function candidateOf(row: Judged, classes: ReadonlyMap<string, DeviceClass>): Candidate {
  const deviceClass = classes.get(row.class_key);
  invariant(deviceClass !== undefined, `no device has class ${row.class_key} any more`);
  return { isRevoked: row.is_revoked, isInNewerRollout: row.is_in_newer, runsBuild: row.runs_build, class: deviceClass };
}
