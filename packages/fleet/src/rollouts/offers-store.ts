import type { Sql } from "@flotilla/db";
import type { DeviceClass } from "@flotilla/protocol";
import { invariant } from "@flotilla/protocol";
import { parseSelector, selectorSql } from "../devices/index.ts";
import { countIn, deploymentCounts, inFlightStates } from "./deployment-counts-store.ts";
import { excluded, judgeMember, skipReason, type MemberVerdict } from "./membership.ts";
import { CHUNK, classesOf } from "./members-store.ts";
import type { BuildRow, RolloutRow } from "./store.ts";
import { setTargets, writeTargets } from "./targets-store.ts";
import { begunDeploymentStates, deploymentTransitions, moveOf, openDeploymentStates } from "./transitions.ts";

/**
 * Nothing holds a queued device back: it is not busy with another rollout, and not on its way back from one (then it must
 * arrive first, or "previous" would be the build it is leaving). Refers to the deployment as `d`. Two conditions rather than
 * one with "or": each can be an anti-join (10,000 queued devices: 40 ms, not 7 s).
 */
export const isFree = `not exists (select 1 from deployment o where o.device_id = d.device_id and o.direction = 'forward' and o.state in (${quoted(begunDeploymentStates)}))
  and not exists (select 1 from deployment o where o.device_id = d.device_id and o.direction = 'rollback' and o.state in (${quoted(openDeploymentStates)}))`;

/** With an in-flight limit the build is offered to devices that can take it now: an offer that nobody picks up would keep a place. */
const isReachable = "exists (select 1 from device_live l where l.device_id = d.device_id and l.last_seen_at >= $2::timestamptz)";

function reachableSince(rollout: RolloutRow, at: Date): Date | null {
  return rollout.policy.maxInFlight === null ? null : new Date(at.getTime() - rollout.policy.offlineAfterMs);
}

/** Whether there are queued devices of opened waves that nothing holds back. */
export async function hasOfferable(sql: Sql, rollout: RolloutRow, at: Date): Promise<boolean> {
  const rows = await sql.query(
    `select 1 from deployment d
       join wave w on w.rollout_id = d.rollout_id and w.position = d.wave_position and w.state in ('active', 'soaking', 'passed')
      where d.rollout_id = $1 and d.direction = 'forward' and d.state = 'queued' and ($2::timestamptz is null or ${isReachable}) and ${isFree} limit 1`,
    [rollout.id, reachableSince(rollout, at)],
  );
  return rows.length > 0;
}

const isStale = `d.rollout_id = $1 and d.direction = 'forward' and d.state = 'offered' and not ${isReachable}`;

/** Whether offered devices are away. */
export async function hasStaleOffers(sql: Sql, rollout: RolloutRow, at: Date): Promise<boolean> {
  return (await sql.query(`select 1 from deployment d where ${isStale} limit 1`, [rollout.id, reachableSince(rollout, at)])).length > 0;
}

type QueuedRow = {
  id: string; device_id: string; wave_position: number; is_revoked: boolean; class_key: string; matches: boolean; runs_build: boolean; running_build_id: string | null;
};

/**
 * Offers the build to the next chunk of queued devices of opened waves, or skips them with a reason; never to more than
 * the in-flight limit leaves. What a device runs at this moment is where a roll back returns it to. The caller holds the
 * rollout's row and knows that it may offer: only under that lock devices come into flight.
 */
export async function offerChunk(sql: Sql, rollout: RolloutRow, build: BuildRow, at: Date, chunk: number = CHUNK): Promise<{ offered: number; skipped: number }> {
  const { maxInFlight } = rollout.policy;
  const inFlight = maxInFlight === null ? 0 : countIn((await deploymentCounts(sql, [rollout.id])).filter((count) => count.direction === "forward"), inFlightStates);
  const most = Math.min(chunk, maxInFlight === null ? chunk : Math.max(0, maxInFlight - inFlight));
  const selected = selectorSql(parseSelector(rollout.query), { firstParameter: 6 });
  const rows = await sql.query<QueuedRow>(
    `select d.id, d.device_id, d.wave_position, device.state = 'revoked' as is_revoked, device.class_key, ${selected.text} as matches, l.running_build_id,
            coalesce(l.running_build_id = $4 and l.running_sha256 = any($5::text[]), false) as runs_build
       from (select d.id, d.device_id, d.wave_position from deployment d
               join wave w on w.rollout_id = d.rollout_id and w.position = d.wave_position and w.state in ('active', 'soaking', 'passed')
              where d.rollout_id = $1 and d.direction = 'forward' and d.state = 'queued' and ($2::timestamptz is null or ${isReachable}) and ${isFree}
              order by d.id limit $3::int for update of d) d
       join device on device.id = d.device_id
       left join device_live l on l.device_id = d.device_id`,
    [rollout.id, reachableSince(rollout, at), most, build.id, build.digests, ...selected.values],
  );
  const classes = await classesOf(sql, rows.map((row) => row.class_key));
  const judged = rows.map((row) => ({ row, verdict: judgeQueued(row, classes, build) }));
  const skipped = judged.flatMap(({ row, verdict }) => (verdict.kind === "excluded" ? [{ id: row.id, reason: skipReason(verdict) }] : []));
  const offered = judged.flatMap(({ row, verdict }) => (verdict.kind === "eligible" ? [row] : []));
  await skipDeployments(sql, skipped, at);
  if (offered.length === 0) return { offered: 0, skipped: skipped.length };
  const versions = new Map((await setTargets(sql, offered.map((row) => ({ deviceId: row.device_id, buildId: rollout.build_id, deploymentId: row.id })))).map((v) => [v.deploymentId, v.targetVersion]));
  // One write for each deployment: a row is in seven indexes.
  await sql.query(
    `update deployment d set state = $4::deployment_state, previous_build_id = v.previous_build_id, target_version = v.target_version, offered_at = $3::timestamptz,
            retrieved_at = null, attempt = 0, deadline_at = null, updated_at = $3::timestamptz
       from unnest($1::text[], $2::text[], $5::bigint[]) as v(id, previous_build_id, target_version) where d.id = v.id`,
    [offered.map((row) => row.id), offered.map((row) => row.running_build_id), at, moveOf(deploymentTransitions, "offer").to, offered.map((row) => versions.get(row.id) ?? null)],
  );
  await sql.query("update wave set last_offer_at = $3::timestamptz where rollout_id = $1 and position = any($2::int[])", [rollout.id, [...new Set(offered.map((row) => row.wave_position))], at]);
  await recordOffers(sql, rollout.id, offered.length, at);
  return { offered: offered.length, skipped: skipped.length };
}

const OFFERS_KEPT_MS = 3_600_000;

async function recordOffers(sql: Sql, rolloutId: string, devices: number, at: Date): Promise<void> {
  await sql.query("delete from rollout_offer where rollout_id = $1 and at < $2::timestamptz", [rolloutId, new Date(at.getTime() - OFFERS_KEPT_MS)]);
  await sql.query("insert into rollout_offer (rollout_id, at, devices) values ($1, $2::timestamptz, $3::int)", [rolloutId, at, devices]);
}

function judgeQueued(row: QueuedRow, classes: ReadonlyMap<string, DeviceClass>, build: BuildRow): MemberVerdict {
  const deviceClass = classes.get(row.class_key);
  invariant(deviceClass !== undefined, `no device has class ${row.class_key} any more`);
  const verdict = judgeMember({ isRevoked: row.is_revoked, isInNewerRollout: false, runsBuild: row.runs_build, class: deviceClass }, build.manifest);
  return verdict.kind === "eligible" && !row.matches ? excluded("left_fleet") : verdict;
}

async function skipDeployments(sql: Sql, skipped: readonly { id: string; reason: string }[], at: Date): Promise<void> {
  if (skipped.length === 0) return;
  await sql.query(
    `update deployment d set state = $4::deployment_state, skip_reason = v.reason, finished_at = $3::timestamptz, updated_at = $3::timestamptz
       from unnest($1::text[], $2::text[]) as v(id, reason) where d.id = v.id`,
    [skipped.map((s) => s.id), skipped.map((s) => s.reason), at, moveOf(deploymentTransitions, "skip").to],
  );
}

/**
 * Takes back what no device has begun: an offered device wants again what it ran before, with a higher target version,
 * and waits in the queue. Devices that have begun finish.
 */
export async function withholdOffers(sql: Sql, rolloutId: string, at: Date): Promise<number> {
  return withhold(sql, at, "d.rollout_id = $1 and d.direction = 'forward' and d.state = any($2::deployment_state[])", [rolloutId, moveOf(deploymentTransitions, "withhold").from]);
}

/** The same for devices that went away before they picked the offer up: they are offered the build again when they are back. */
export async function takeBackStaleOffers(sql: Sql, rollout: RolloutRow, at: Date): Promise<number> {
  return withhold(sql, at, isStale, [rollout.id, reachableSince(rollout, at)]);
}

/** `which` is a condition on the deployment `d` with two parameters. */
async function withhold(sql: Sql, at: Date, which: string, values: readonly [unknown, unknown]): Promise<number> {
  const rows = await sql.query<{ device_id: string; previous_build_id: string | null }>(
    `update deployment set state = $3::deployment_state, target_version = null, offered_at = null, deadline_at = null, updated_at = $4::timestamptz
      where id in (select d.id from deployment d where ${which} order by d.id for update)
      returning device_id, previous_build_id`,
    [...values, moveOf(deploymentTransitions, "withhold").to, at],
  );
  await writeTargets(sql, rows.map((row) => ({ deviceId: row.device_id, buildId: row.previous_build_id, deploymentId: null })));
  return rows.length;
}

/** Ends what no device has begun. An offered device wants again what it runs. */
export async function cancelUnbegun(sql: Sql, rolloutId: string, at: Date): Promise<void> {
  await withholdOffers(sql, rolloutId, at);
  await sql.query(
    `update deployment set state = $2::deployment_state, finished_at = $3::timestamptz, updated_at = $3::timestamptz
      where rollout_id = $1 and direction = 'forward' and state = 'queued'`,
    [rolloutId, moveOf(deploymentTransitions, "cancel").to, at],
  );
}

/** Devices whose credential was withdrawn cannot answer: what they had open ends without counting as a failure. */
export async function skipRevoked(sql: Sql, at: Date): Promise<string[]> {
  const { from, to } = moveOf(deploymentTransitions, "skip");
  const rows = await sql.query<{ rollout_id: string }>(
    `update deployment set state = $2::deployment_state, skip_reason = $3, finished_at = $4::timestamptz, updated_at = $4::timestamptz
      where id in (select d.id from deployment d
                    where d.state = any($1::deployment_state[]) and d.device_id in (select id from device where state = 'revoked')
                    order by d.id limit ${CHUNK} for update skip locked)
      returning rollout_id`,
    [from, to, skipReason(excluded("revoked") as { reason: "revoked"; sentence: string }), at],
  );
  return [...new Set(rows.map((row) => row.rollout_id))];
}

/** Ends begun deployments whose stored deadline is over. Answers the rollouts they belong to. */
export async function expireDeadlines(sql: Sql, at: Date): Promise<string[]> {
  const { from, to } = moveOf(deploymentTransitions, "expire");
  const rows = await sql.query<{ rollout_id: string }>(
    `update deployment set state = $2::deployment_state, failure_code = 'timeout', failure_detail = 'The device began and did not report an end in time.',
            finished_at = $3::timestamptz, updated_at = $3::timestamptz
      where id in (select id from deployment where state = any($1::deployment_state[]) and deadline_at <= $3::timestamptz
                    order by id limit ${CHUNK} for update skip locked)
      returning rollout_id`,
    [from, to, at],
  );
  return [...new Set(rows.map((row) => row.rollout_id))];
}

function quoted(states: readonly string[]): string {
  return states.map((state) => `'${state}'`).join(", ");
}
