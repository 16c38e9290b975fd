import type { Sql } from "@flotilla/db";
import { LARGE_FLEET, keepCount, keptCounts } from "../devices/index.ts";
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

/** Who of those that have not ended is reachable, of one direction, wave and class. `lost`: of those that have begun. */
type Reachability = { direction: "forward" | "rollback"; wave: number; className: string; reachable: number; awaited: number; lost: number };

/** Rollouts with this many open deployments have them looked up every few seconds, not with each tick and page. */
function isLarge(counts: readonly DeploymentCount[]): boolean {
  return countIn(counts, openDeploymentStates) >= LARGE_FLEET;
}

const reachableKey = (rolloutId: string): string => `reachable:${rolloutId}`;

export type PlanInputs = {
  counts: PlanCounts; health: PlanHealth;
  /** Who is reachable was looked up some seconds ago: good enough to go on as before, not to decide anything new. */
  isOld: boolean;
  reachability: readonly Reachability[];
};

/**
 * What `plan` decides on. Only what the rollout's state asks for is read. `known`: who is reachable, from an earlier round of
 * the same evaluation; `isFresh`: do not take an older result.
 */
export async function planCounts(sql: Sql, rollout: RolloutRow, waves: readonly WaveRow[], now: Date, options: { known?: readonly Reachability[]; isFresh?: boolean } = {}): Promise<PlanInputs> {
  const all = await deploymentCounts(sql, [rollout.id]);
  const forward = all.filter((count) => count.direction === "forward");
  const openedWaves = waves.filter((wave) => (opened as readonly string[]).includes(wave.state)).map((wave) => wave.position);
  const isSpreading = rollout.state === "running" || rollout.state === "completed";
  const isRollingBack = rollout.state === "rolling_back";
  const found = options.known !== undefined ? { value: options.known, isFresh: true } : await reachabilityFor(sql, rollout, all, openedWaves, now, options.isFresh === true);
  const { maxInFlight } = rollout.policy;
  const isFull = maxInFlight !== null && countIn(forward, inFlightStates) >= maxInFlight;
  const mayOffer = isSpreading && forward.some((count) => count.state === "queued" && openedWaves.includes(count.wave)) && (await hasOfferable(sql, rollout, now));
  const counts: PlanCounts = {
    groups: groupsOf(forward, found.value),
    missingMembers: rollout.state === "running" && (await missingMembers(sql, rollout)),
    offerable: mayOffer && !isFull,
    isHeldByLimit: mayOffer && isFull,
    staleOffers: isSpreading && maxInFlight !== null && (await hasStaleOffers(sql, rollout, now)),
    missingRollbacks: isRollingBack && (await hasMissingRollbacks(sql, rollout.id)),
    rollback: rollbackCounts(all.filter((count) => count.direction === "rollback"), found.value),
  };
  return { counts, health: await planHealth(sql, rollout, waves, counts.groups, now), isOld: !found.isFresh, reachability: found.value };
}

async function reachabilityFor(
  sql: Sql, rollout: RolloutRow, all: readonly DeploymentCount[], openedWaves: readonly number[], now: Date, isForced: boolean,
): Promise<{ value: readonly Reachability[]; isFresh: boolean }> {
  // Of a large rollout all waves are looked up at once, for pages too, also while it is stopped.
  if (isLarge(all)) return keepCount(sql, reachableKey(rollout.id), now, () => lookUpReachability(sql, rollout, null, now), isForced);
  if (rollout.state !== "running" && rollout.state !== "rolling_back") return { value: [], isFresh: true };
  const asked = rollout.state === "rolling_back" ? all.filter((count) => count.direction === "rollback") : all.filter((count) => openedWaves.includes(count.wave));
  return { value: countIn(asked, openDeploymentStates) === 0 ? [] : await lookUpReachability(sql, rollout, rollout.state === "rolling_back" ? null : openedWaves, now), isFresh: true };
}

function groupsOf(forward: readonly DeploymentCount[], reachability: readonly Reachability[]): GroupCounts[] {
  return [...Map.groupBy(forward, (count) => `${count.wave} ${count.className}`).values()].flatMap((counts) => {
    const [first] = counts;
    if (first === undefined) return [];
    const { wave, className } = first;
    const found = reachability.find((r) => r.direction === "forward" && r.wave === wave && r.className === className);
    const [queued, offered, begun] = [countIn(counts, ["queued"]), countIn(counts, ["offered"]), countIn(counts, begunDeploymentStates)];
    return {
      wave, className, queued, offered, begun,
      succeeded: countIn(counts, ["succeeded"]), failed: countIn(counts, failedDeploymentStates), superseded: countIn(counts, ["superseded"]),
      // Some may have moved on since they were looked up.
      awaited: Math.min(found?.awaited ?? 0, queued + offered), lost: Math.min(found?.lost ?? 0, begun),
    };
  });
}

/** `waves` null: of all. */
async function lookUpReachability(sql: Sql, rollout: RolloutRow, waves: readonly number[] | null, now: Date): Promise<Reachability[]> {
  return sql.query<Reachability>(
    `select d.direction::text as direction, d.wave_position as wave, d.class_name as "className",
            count(*) filter (where l.last_seen_at >= $5::timestamptz)::int as reachable,
            count(*) filter (where d.state = any($3::deployment_state[]) and l.last_seen_at >= $5::timestamptz)::int as awaited,
            count(*) filter (where d.state = any($4::deployment_state[]) and l.last_seen_at < $6::timestamptz)::int as lost
       from deployment d join device_live l on l.device_id = d.device_id
      where d.rollout_id = $1 and d.state = any($3::deployment_state[] || $4::deployment_state[]) and ($2::int[] is null or d.wave_position = any($2::int[]))
      group by d.direction, d.wave_position, d.class_name`,
    [rollout.id, waves, [...waiting], [...begunDeploymentStates], since(now, rollout.policy.offlineAfterMs), since(now, lostAfterMs(rollout.policy))],
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

function rollbackCounts(back: readonly DeploymentCount[], reachability: readonly Reachability[]): PlanCounts["rollback"] {
  const awaited = reachability.reduce((sum, group) => (group.direction === "rollback" ? sum + group.awaited : sum), 0);
  return { begun: countIn(back, begunDeploymentStates), awaited: Math.min(awaited, countIn(back, waiting)), failed: countIn(back, failedDeploymentStates) };
}

/** Devices that failed or are lost at this moment: what a person accepts who goes on after a halt. */
export async function badDeployments(sql: Sql, rollout: RolloutRow, now: Date): Promise<number> {
  const forward = (await deploymentCounts(sql, [rollout.id])).filter((count) => count.direction === "forward");
  const lost = (await lookUpReachability(sql, rollout, null, now)).reduce((sum, group) => (group.direction === "forward" ? sum + group.lost : sum), 0);
  return countIn(forward, failedDeploymentStates) + lost;
}

/** Counts of one rollout in one direction and wave. */
export type CountsRow = RolloutCounts & { rolloutId: string; direction: "forward" | "rollback"; wave: number };

/**
 * Counts for views, of any number of rollouts: one query, and one for each rollout under way. A device that has begun counts as
 * unreachable too when it is silent.
 */
export async function viewCounts(sql: Sql, rollouts: readonly RolloutRow[], now: Date): Promise<CountsRow[]> {
  const counts = await deploymentCounts(sql, rollouts.map((rollout) => rollout.id));
  const countsOf = (id: string): DeploymentCount[] => counts.filter((count) => count.rolloutId === id);
  const withOpen = rollouts.filter((rollout) => countIn(countsOf(rollout.id), openDeploymentStates) > 0);
  const kept = await keptCounts<Reachability[]>(sql, withOpen.filter((rollout) => isLarge(countsOf(rollout.id))).map((rollout) => reachableKey(rollout.id)), now);
  const reachable = new Map<string, readonly Reachability[]>();
  for (const rollout of withOpen) reachable.set(rollout.id, kept.get(reachableKey(rollout.id)) ?? (await lookUpReachability(sql, rollout, null, now)));
  return [...Map.groupBy(counts, (count) => `${count.rolloutId} ${count.direction} ${count.wave}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { rolloutId, direction, wave } = first;
    const found = (reachable.get(rolloutId) ?? []).reduce((sum, row) => (row.direction === direction && row.wave === wave ? sum + row.reachable : sum), 0);
    return { rolloutId, direction, wave, ...countsByState(group), unreachable: Math.max(0, countIn(group, openDeploymentStates) - found) };
  });
}

/** Devices offered the build in the last minute, by rollout. Of a large wave these are tens of thousands, so they are counted when they are offered. */
export async function offeredLastMinute(sql: Sql, rolloutIds: readonly string[], now: Date): Promise<Map<string, number>> {
  const rows = await sql.query<{ rollout_id: string; n: number }>(
    "select rollout_id, sum(devices)::int as n from rollout_offer where rollout_id = any($1::text[]) and at > $2::timestamptz group by rollout_id",
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
