import type { Sql } from "@flotilla/db";
import { newId } from "../id.ts";
import { CHUNK } from "./members-store.ts";
import type { RolloutRow } from "./store.ts";
import { writeTargets, type Wish } from "./targets-store.ts";
import { begunDeploymentStates, deploymentTransitions, failedDeploymentStates, moveOf } from "./transitions.ts";
import type { DeploymentStateName } from "./types.ts";

// Going back: every device that was offered the build returns to what it ran at that moment, each to its own. There are
// no waves and no failure limit on the way back.

/** Why a touched device does not go back. */
export type RollbackSkip = "newer_rollout" | "previous_unknown" | "revoked";

const skipSentences: Record<RollbackSkip, string> = {
  newer_rollout: "newer_rollout: another rollout decides by now what this device runs",
  previous_unknown: "previous_unknown: the build this device ran before is not known here",
  revoked: "revoked: the device's credential was withdrawn",
};

/** A touched device at the moment its way back is decided. */
export type Touched = {
  isRevoked: boolean;
  /** The build its target names now; null or another one when another rollout decides. */
  wantedBuildId: string | null;
  buildId: string;
  previousBuildId: string | null;
  isPreviousKnown: boolean;
  /** Its part ended in failure and it attests what it ran before: it went back by itself. */
  isBack: boolean;
};

/** What becomes of a touched device: it goes back, it is back already, or there is a reason why not. */
export function judgeTouched(device: Touched): { kind: "offer" } | { kind: "is_back" } | { kind: "skip"; reason: RollbackSkip } {
  if (device.isRevoked) return { kind: "skip", reason: "revoked" };
  if (device.wantedBuildId !== device.buildId) return { kind: "skip", reason: "newer_rollout" };
  if (device.previousBuildId !== null && !device.isPreviousKnown) return { kind: "skip", reason: "previous_unknown" };
  return { kind: device.isBack ? "is_back" : "offer" };
}

/** Closes the way forward: what is queued or offered is cancelled, what is under way is overtaken by the way back. */
export async function closeForward(sql: Sql, rolloutId: string, at: Date): Promise<void> {
  const cancel = moveOf(deploymentTransitions, "cancel");
  const supersede = moveOf(deploymentTransitions, "supersede").to;
  await sql.query(
    `update deployment set state = case when state = any($2::deployment_state[]) then $3::deployment_state else $4::deployment_state end,
            finished_at = $5::timestamptz, updated_at = $5::timestamptz
      where id in (select id from deployment where rollout_id = $1 and direction = 'forward' and state = any($2::deployment_state[] || $6::deployment_state[])
                    order by id for update)`,
    [rolloutId, cancel.from, cancel.to, supersede, at, [...begunDeploymentStates]],
  );
}

const touched = `d.rollout_id = $1 and d.direction = 'forward' and d.offered_at is not null
  and not exists (select 1 from deployment b where b.rollout_id = d.rollout_id and b.device_id = d.device_id and b.direction = 'rollback')`;

/** Whether touched devices have no deployment back yet. */
export async function hasMissingRollbacks(sql: Sql, rolloutId: string): Promise<boolean> {
  return (await sql.query(`select 1 from deployment d where ${touched} limit 1`, [rolloutId])).length > 0;
}

type TouchedRow = {
  device_id: string; class_name: string; wave_position: number; is_revoked: boolean; wanted_build_id: string | null; build_id: string;
  previous_build_id: string | null; is_previous_known: boolean; is_back: boolean;
};

/** Makes and offers the deployments back of one chunk of touched devices. The caller holds the rollout's row. */
export async function createRollbackChunk(sql: Sql, rollout: RolloutRow, at: Date, chunk: number = CHUNK): Promise<number> {
  const rows = await sql.query<TouchedRow>(
    `select d.device_id, d.class_name, d.wave_position, device.state = 'revoked' as is_revoked,
            case when exists (select 1 from deployment o where o.device_id = d.device_id and o.rollout_id <> d.rollout_id
                               and o.state in ('offered', 'downloading', 'installing', 'verifying')) then null else t.build_id end as wanted_build_id, d.build_id, d.previous_build_id,
            p.manifest_sha256 is not null as is_previous_known,
            d.state = any($2::deployment_state[]) and ${attestsBuild("d.previous_build_id", "p")} as is_back
       from deployment d
       join device on device.id = d.device_id
       left join device_target t on t.device_id = d.device_id
       left join device_live l on l.device_id = d.device_id
       left join build p on p.id = d.previous_build_id
      where ${touched} order by d.id limit $3::int`,
    [rollout.id, [...failedDeploymentStates], chunk],
  );
  const judged = rows.map((row) => ({ row, id: newId("dep", at.getTime()), verdict: judgeTouched(touchedOf(row)) }));
  await insertRollbacks(sql, rollout, judged, at);
  const wishes: Wish[] = judged.flatMap(({ row, id, verdict }) =>
    verdict.kind === "skip" ? [] : [{ deviceId: row.device_id, buildId: row.previous_build_id, deploymentId: verdict.kind === "offer" ? id : null }],
  );
  await writeTargets(sql, wishes);
  return rows.length;
}

function touchedOf(row: TouchedRow): Touched {
  return {
    isRevoked: row.is_revoked, wantedBuildId: row.wanted_build_id, buildId: row.build_id, previousBuildId: row.previous_build_id,
    isPreviousKnown: row.is_previous_known, isBack: row.is_back,
  };
}

const stateAfter: Record<ReturnType<typeof judgeTouched>["kind"], DeploymentStateName> = {
  offer: moveOf(deploymentTransitions, "offer").to,
  is_back: moveOf(deploymentTransitions, "attest").to,
  skip: moveOf(deploymentTransitions, "skip").to,
};

async function insertRollbacks(
  sql: Sql, rollout: RolloutRow, judged: readonly { row: TouchedRow; id: string; verdict: ReturnType<typeof judgeTouched> }[], at: Date,
): Promise<void> {
  await sql.query(
    `insert into deployment (id, rollout_id, device_id, direction, wave_position, state, build_id, previous_build_id, skip_reason, class_name, offered_at, finished_at, updated_at)
     select m.id, $1, m.device_id, 'rollback', m.wave, m.state::deployment_state, m.build_id, $2, m.skip_reason, m.class_name,
            case when m.state = 'offered' then $3::timestamptz end, case when m.state <> 'offered' then $3::timestamptz end, $3::timestamptz
       from unnest($4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[]) as m(id, device_id, wave, state, build_id, skip_reason, class_name)
     on conflict (rollout_id, device_id, direction) do nothing`,
    [
      rollout.id,
      rollout.build_id,
      at,
      judged.map((j) => j.id),
      judged.map((j) => j.row.device_id),
      judged.map((j) => j.row.wave_position),
      judged.map((j) => stateAfter[j.verdict.kind]),
      judged.map((j) => j.row.previous_build_id),
      judged.map((j) => (j.verdict.kind === "skip" ? skipSentences[j.verdict.reason] : null)),
      judged.map((j) => j.row.class_name),
    ],
  );
}

/** Offers the way back again to devices that failed on it. Answers how many. */
export async function offerRollbacksAgain(sql: Sql, rolloutId: string, at: Date): Promise<number> {
  const { from, to } = moveOf(deploymentTransitions, "offer_again");
  const rows = await sql.query<{ id: string; device_id: string; build_id: string | null }>(
    `update deployment set state = $3::deployment_state, attempt = 0, offered_at = $4::timestamptz, retrieved_at = null, deadline_at = null, finished_at = null,
            failure_code = null, failure_detail = null, recovery = null, updated_at = $4::timestamptz
      where id in (select id from deployment where rollout_id = $1 and direction = 'rollback' and state = any($2::deployment_state[]) order by id for update)
      returning id, device_id, build_id`,
    [rolloutId, from, to, at],
  );
  await writeTargets(sql, rows.map((row) => ({ deviceId: row.device_id, buildId: row.build_id, deploymentId: row.id })));
  return rows.length;
}

/**
 * Ends deployments back whose device knows the target and attests the build it should be back on, though it did not (or
 * could not) report about them. Reads counts as they were added up last. Answers the rollouts they belong to.
 */
export async function attestRollbacks(sql: Sql, at: Date): Promise<string[]> {
  const { from, to } = moveOf(deploymentTransitions, "attest");
  const rows = await sql.query<{ rollout_id: string }>(
    `update deployment set state = $2::deployment_state, finished_at = $3::timestamptz, updated_at = $3::timestamptz,
            failure_code = null, failure_detail = null, recovery = null
      where id in (select d.id from deployment d
                     join device_live l on l.device_id = d.device_id
                     left join build p on p.id = d.build_id
                    where d.rollout_id in (select c.rollout_id from deployment_count c where c.direction = 'rollback' and c.state = any($1::deployment_state[]) and c.n > 0)
                      and d.direction = 'rollback' and d.state = any($1::deployment_state[]) and l.phase = 'idle' and l.target_version >= d.target_version
                      and ${attestsBuild("d.build_id", "p")}
                    order by d.id limit ${CHUNK} for update of d skip locked)
      returning rollout_id`,
    [from, to, at],
  );
  return [...new Set(rows.map((row) => row.rollout_id))];
}

/** The device (`l`) attests this build by the digest of its manifest or of one of its models; null is "runs nothing". */
function attestsBuild(buildId: string, build: string): string {
  return `coalesce(case when ${buildId} is null then l.running_build_id is null
    else l.running_build_id = ${buildId} and (l.running_sha256 = ${build}.manifest_sha256
      or jsonb_path_exists(${build}.manifest, '$.variants[*].files[*] ? (@.role == "model" && @.sha256 == $digest)', jsonb_build_object('digest', l.running_sha256))) end, false)`;
}
