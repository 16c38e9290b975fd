import type { Sql } from "@flotilla/db";
import { countIn, countsByState, deploymentCounts, inFlightStates, type DeploymentCount } from "./deployment-counts-store.ts";
import { missingMembers } from "./members-store.ts";
import { hasOfferable, hasStaleOffers } from "./offers-store.ts";
import type { GroupCounts, PlanCounts, PlanHealth } from "./plan.ts";
import { lostAfterMs } from "./policy.ts";
import { hasMissingRollbacks } from "./rollbacks-store.ts";
import type { RolloutRow, WaveRow } from "./store.ts";
import { begunDeploymentStates, failedDeploymentStates, openDeploymentStates } from "./transitions.ts";
import type { RolloutCounts } from "./types.ts";

// What `plan` decides on and what pages show. How many are in which state comes from counts that the database keeps; who of
// those that have not ended is reachable is looked up, because it changes without anybody writing it.

const opened = ["active", "soaking", "passed"] as const;
const waiting = ["queued", "offered"] as const;

/** Who is reachable, of one wave and class: looked up once per evaluation, as of its `now`. */
export type Reachability = Pick<GroupCounts, "wave" | "className" | "awaited" | "lost">;

/** What `plan` decides on. Only what the rollout's state asks for is read. `reachability`: known from an earlier round of the same evaluation. */
export async function planCounts(
  sql: Sql, rollout: RolloutRow, waves: readonly WaveRow[], now: Date, known?: readonly Reachability[],
): Promise<{ counts: PlanCounts; health: PlanHealth; reachability: readonly Reachability[] }> {
  const all = await deploymentCounts(sql, [rollout.id]);
  const forward = all.filter((count) => count.direction === "forward");
  const openedWaves = waves.filter((wave) => (opened as readonly string[]).includes(wave.state)).map((wave) => wave.position);
  const isSpreading = rollout.state === "running" || rollout.state === "completed";
  const reachability = known ?? (rollout.state === "running" ? await lookUpReachability(sql, rollout, openedWaves, forward, now) : []);
  const isRollingBack = rollout.state === "rolling_back";
  const { maxInFlight } = rollout.policy;
  const isFull = maxInFlight !== null && countIn(forward, inFlightStates) >= maxInFlight;
  const mayOffer = isSpreading && forward.some((count) => count.state === "queued" && openedWaves.includes(count.wave)) && (await hasOfferable(sql, rollout, now));
  const counts: PlanCounts = {
    groups: groupsOf(forward, reachability),
    missingMembers: rollout.state === "running" && (await missingMembers(sql, rollout)),
    offerable: mayOffer && !isFull,
    isHeldByLimit: mayOffer && isFull,
    staleOffers: isSpreading && maxInFlight !== null && (await hasStaleOffers(sql, rollout, now)),
    missingRollbacks: isRollingBack && (await hasMissingRollbacks(sql, rollout.id)),
    rollback: isRollingBack ? await rollbackCounts(sql, rollout, all.filter((count) => count.direction === "rollback"), now) : { begun: 0, awaited: 0, failed: 0 },
  };
  return { counts, health: await planHealth(sql, rollout, waves, counts.groups, now), reachability };
}

function groupsOf(forward: readonly DeploymentCount[], reachability: readonly Reachability[]): GroupCounts[] {
  return [...Map.groupBy(forward, (count) => `${count.wave} ${count.className}`).values()].flatMap((counts) => {
    const [first] = counts;
    if (first === undefined) return [];
    const { wave, className } = first;
    const found = reachability.find((r) => r.wave === wave && r.className === className);
    return {
      wave, className,
      queued: countIn(counts, ["queued"]), offered: countIn(counts, ["offered"]), begun: countIn(counts, begunDeploymentStates), succeeded: countIn(counts, ["succeeded"]),
      failed: countIn(counts, failedDeploymentStates), superseded: countIn(counts, ["superseded"]), awaited: found?.awaited ?? 0, lost: found?.lost ?? 0,
    };
  });
}

async function lookUpReachability(sql: Sql, rollout: RolloutRow, openedWaves: readonly number[], forward: readonly DeploymentCount[], now: Date): Promise<Reachability[]> {
  if (!forward.some((count) => openedWaves.includes(count.wave) && (openDeploymentStates as readonly string[]).includes(count.state))) return [];
  return sql.query<Reachability>(
    `select d.wave_position as wave, d.class_name as "className",
            count(*) filter (where d.state = any($3::deployment_state[]) and l.last_seen_at >= $5::timestamptz)::int as awaited,
            count(*) filter (where d.state = any($4::deployment_state[]) and l.last_seen_at < $6::timestamptz)::int as lost
       from deployment d join device_live l on l.device_id = d.device_id
      where d.rollout_id = $1 and d.direction = 'forward' and d.state = any($3::deployment_state[] || $4::deployment_state[]) and d.wave_position = any($2::int[])
      group by d.wave_position, d.class_name`,
    [rollout.id, openedWaves, [...waiting], [...begunDeploymentStates], since(now, rollout.policy.offlineAfterMs), since(now, lostAfterMs(rollout.policy))],
  );
}

/** Whether the devices of the wave under way that took the build are still heard; asked only when that could let the wave go on. */
async function planHealth(sql: Sql, rollout: RolloutRow, waves: readonly WaveRow[], groups: readonly GroupCounts[], now: Date): Promise<PlanHealth> {
  const current = rollout.state === "running" ? waves.find((wave) => wave.state === "active" || wave.state === "soaking") : undefined;
  const ofCurrent = groups.filter((group) => group.wave === current?.position);
  const couldGoOn = current !== undefined && ofCurrent.every((group) => group.begun + group.awaited === 0) && ofCurrent.some((group) => group.succeeded > 0);
  const lastHeardAtMs = couldGoOn ? await lastHeard(sql, rollout, current.position, now) : now.getTime();
  return {
    waves: waves.map((wave) => ({ position: wave.position, lastOfferAtMs: wave.last_offer_at?.getTime() ?? null, lastHeardAtMs: wave === current ? lastHeardAtMs : now.getTime() })),
  };
}

/** Usually the first device looked at is reachable; only when none is, all of them are looked at. */
async function lastHeard(sql: Sql, rollout: RolloutRow, wave: number, now: Date): Promise<number> {
  const from = `from deployment d join device_live l on l.device_id = d.device_id where d.rollout_id = $1 and d.direction = 'forward' and d.wave_position = $2::int and d.state = 'succeeded'`;
  const heard = await sql.query<{ at: Date }>(`select l.last_seen_at as at ${from} and l.last_seen_at >= $3::timestamptz limit 1`, [rollout.id, wave, since(now, rollout.policy.offlineAfterMs)]);
  if (heard.length > 0) return now.getTime();
  const [newest] = await sql.query<{ at: Date | null }>(`select max(l.last_seen_at) as at ${from}`, [rollout.id, wave]);
  return newest?.at?.getTime() ?? 0;
}

async function rollbackCounts(sql: Sql, rollout: RolloutRow, back: readonly DeploymentCount[], now: Date): Promise<PlanCounts["rollback"]> {
  const [row] = countIn(back, waiting) === 0 ? [] : await sql.query<{ awaited: number }>(
    `select count(*)::int as awaited from deployment d join device_live l on l.device_id = d.device_id and l.last_seen_at >= $2::timestamptz
      where d.rollout_id = $1 and d.direction = 'rollback' and d.state = any($3::deployment_state[])`,
    [rollout.id, since(now, rollout.policy.offlineAfterMs), [...waiting]],
  );
  return { begun: countIn(back, begunDeploymentStates), awaited: row?.awaited ?? 0, failed: countIn(back, failedDeploymentStates) };
}

/** Devices that failed or are lost at this moment: what a person accepts who goes on after a halt. */
export async function badDeployments(sql: Sql, rollout: RolloutRow, now: Date): Promise<number> {
  const forward = (await deploymentCounts(sql, [rollout.id])).filter((count) => count.direction === "forward");
  const waves = [...new Set(forward.map((count) => count.wave))];
  const lost = (await lookUpReachability(sql, rollout, waves, forward, now)).reduce((sum, group) => sum + group.lost, 0);
  return countIn(forward, failedDeploymentStates) + lost;
}

/** Counts of one rollout in one direction and wave. */
export type CountsRow = RolloutCounts & { rolloutId: string; direction: "forward" | "rollback"; wave: number };

/** Counts for views, of any number of rollouts in two queries. A device that has begun counts as unreachable too when it is silent. */
export async function viewCounts(sql: Sql, rollouts: readonly RolloutRow[], now: Date): Promise<CountsRow[]> {
  const counts = await deploymentCounts(sql, rollouts.map((rollout) => rollout.id));
  const withOpen = new Set(counts.filter((count) => (openDeploymentStates as readonly string[]).includes(count.state)).map((count) => count.rolloutId));
  const asked = rollouts.filter((rollout) => withOpen.has(rollout.id));
  const reachable = asked.length === 0 ? [] : await sql.query<{ rollout_id: string; direction: "forward" | "rollback"; wave: number; reachable: number }>(
    `select d.rollout_id, d.direction::text as direction, d.wave_position as wave, count(*)::int as reachable
       from unnest($1::text[], $2::timestamptz[]) as r(id, since)
       join deployment d on d.rollout_id = r.id and d.state = any($3::deployment_state[])
       join device_live l on l.device_id = d.device_id and l.last_seen_at >= r.since
      group by 1, d.direction, 3`,
    [asked.map((rollout) => rollout.id), asked.map((rollout) => since(now, rollout.policy.offlineAfterMs)), [...openDeploymentStates]],
  );
  return [...Map.groupBy(counts, (count) => `${count.rolloutId} ${count.direction} ${count.wave}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { rolloutId, direction, wave } = first;
    const found = reachable.find((row) => row.rollout_id === rolloutId && row.direction === direction && row.wave === wave);
    return { rolloutId, direction, wave, ...countsByState(group), unreachable: Math.max(0, countIn(group, openDeploymentStates) - (found?.reachable ?? 0)) };
  });
}

/** Devices offered the build in the last minute, by rollout. */
export async function offeredLastMinute(sql: Sql, rolloutIds: readonly string[], now: Date): Promise<Map<string, number>> {
  const rows = await sql.query<{ rollout_id: string; n: number }>(
    `select rollout_id, count(*)::int as n from deployment where rollout_id = any($1::text[]) and offered_at > $2::timestamptz and direction = 'forward' group by rollout_id`,
    [rolloutIds, since(now, 60_000)],
  );
  return new Map(rows.map((row) => [row.rollout_id, row.n]));
}

/** The sum of counts; all zero for none. */
export function sumCounts(rows: readonly RolloutCounts[]): RolloutCounts {
  const sum: RolloutCounts = {
    total: 0, queued: 0, offered: 0, downloading: 0, installing: 0, verifying: 0, succeeded: 0, failed: 0, rolledBack: 0, timedOut: 0,
    cancelled: 0, skipped: 0, superseded: 0, unreachable: 0, resolved: 0,
  };
  for (const row of rows) for (const key of Object.keys(sum) as (keyof RolloutCounts)[]) sum[key] += row[key];
  return sum;
}

function since(now: Date, quietMs: number): Date {
  return new Date(now.getTime() - quietMs);
}
