import type { Sql } from "@flotilla/db";
import { countMissingMembers } from "./members-store.ts";
import { isFree } from "./offers-store.ts";
import type { GroupCounts, PlanCounts, PlanHealth } from "./plan.ts";
import { countMissingRollbacks } from "./rollbacks-store.ts";
import type { RolloutRow } from "./store.ts";
import type { RolloutCounts } from "./types.ts";

// Counts are taken from the rows each time: nothing to keep in step, nothing to repair after a crash.

/** What `plan` decides on. Only what the rollout's state asks for is counted. */
export async function planCounts(sql: Sql, rollout: RolloutRow, now: Date): Promise<{ counts: PlanCounts; health: PlanHealth }> {
  const reachableSince = new Date(now.getTime() - rollout.policy.offlineAfterMs);
  const rows = await sql.query<GroupCounts & { last_offer: Date | null }>(
    `select d.wave_position as wave, d.class_name as "className",
            count(*) filter (where d.state = 'queued')::int as queued,
            count(*) filter (where d.state = 'offered')::int as offered,
            count(*) filter (where d.state in ('downloading', 'installing', 'verifying'))::int as begun,
            count(*) filter (where d.state = 'succeeded')::int as succeeded,
            count(*) filter (where d.state in ('failed', 'rolled_back', 'timed_out'))::int as failed,
            count(*) filter (where d.state = 'superseded')::int as superseded,
            count(*) filter (where d.state in ('queued', 'offered') and l.last_seen_at >= $2::timestamptz)::int as awaited,
            max(d.offered_at) filter (where d.state in ('offered', 'downloading', 'installing', 'verifying')) as last_offer
       from deployment d left join device_live l on l.device_id = d.device_id and d.state in ('queued', 'offered')
      where d.rollout_id = $1 and d.direction = 'forward'
      group by d.wave_position, d.class_name`,
    [rollout.id, reachableSince],
  );
  const isRollingBack = rollout.state === "rolling_back";
  const counts: PlanCounts = {
    groups: rows,
    missingMembers: rollout.state === "running" ? await countMissingMembers(sql, { rolloutId: rollout.id, query: rollout.query }) : 0,
    offerable: rollout.state === "running" || rollout.state === "completed" ? await countOfferable(sql, rollout.id) : 0,
    missingRollbacks: isRollingBack ? await countMissingRollbacks(sql, rollout.id) : 0,
    rollback: isRollingBack ? await rollbackCounts(sql, rollout.id, reachableSince) : { begun: 0, awaited: 0, failed: 0 },
  };
  const positions = [...new Set(rows.map((row) => row.wave))];
  const lastOfferAtMs = (position: number): number | null =>
    rows.filter((row) => row.wave === position).reduce<number | null>((newest, row) => (row.last_offer === null ? newest : Math.max(newest ?? 0, row.last_offer.getTime())), null);
  return { counts, health: { waves: positions.map((position) => ({ position, lastOfferAtMs: lastOfferAtMs(position) })) } };
}

async function countOfferable(sql: Sql, rolloutId: string): Promise<number> {
  const [row] = await sql.query<{ offerable: number }>(
    `select count(*)::int as offerable from deployment d
       join wave w on w.rollout_id = d.rollout_id and w.position = d.wave_position and w.state in ('active', 'soaking', 'passed')
      where d.rollout_id = $1 and d.direction = 'forward' and d.state = 'queued' and ${isFree}`,
    [rolloutId],
  );
  return row?.offerable ?? 0;
}

async function rollbackCounts(sql: Sql, rolloutId: string, reachableSince: Date): Promise<PlanCounts["rollback"]> {
  const [row] = await sql.query<PlanCounts["rollback"]>(
    `select count(*) filter (where d.state in ('downloading', 'installing', 'verifying'))::int as begun,
            count(*) filter (where d.state in ('queued', 'offered') and l.last_seen_at >= $2::timestamptz)::int as awaited,
            count(*) filter (where d.state in ('failed', 'rolled_back', 'timed_out'))::int as failed
       from deployment d left join device_live l on l.device_id = d.device_id
      where d.rollout_id = $1 and d.direction = 'rollback'`,
    [rolloutId, reachableSince],
  );
  return row ?? { begun: 0, awaited: 0, failed: 0 };
}

/** Counts of one rollout in one direction and wave. */
export type CountsRow = RolloutCounts & { rolloutId: string; direction: "forward" | "rollback"; wave: number; offeredLastMinute: number };

/** Counts for views, of any number of rollouts in one query. A device that has begun counts as unreachable too when it is silent. */
export async function viewCounts(sql: Sql, rolloutIds: readonly string[], now: Date): Promise<CountsRow[]> {
  const state = (name: string, column: string): string => `count(*) filter (where d.state = '${name}')::int as "${column}"`;
  return sql.query<CountsRow>(
    `select d.rollout_id as "rolloutId", d.direction::text as direction, d.wave_position as wave, count(*)::int as total,
            ${state("queued", "queued")}, ${state("offered", "offered")}, ${state("downloading", "downloading")}, ${state("installing", "installing")},
            ${state("verifying", "verifying")}, ${state("succeeded", "succeeded")}, ${state("failed", "failed")}, ${state("rolled_back", "rolledBack")},
            ${state("timed_out", "timedOut")}, ${state("cancelled", "cancelled")}, ${state("skipped", "skipped")}, ${state("superseded", "superseded")},
            count(*) filter (where d.state in ('queued', 'offered', 'downloading', 'installing', 'verifying')
              and coalesce(l.last_seen_at < $2::timestamptz - (r.policy->>'offlineAfterMs')::float8 * interval '1 millisecond', true))::int as unreachable,
            count(*) filter (where d.state in ('succeeded', 'failed', 'rolled_back', 'timed_out'))::int as resolved,
            count(*) filter (where d.offered_at > $2::timestamptz - interval '1 minute')::int as "offeredLastMinute"
       from deployment d join rollout r on r.id = d.rollout_id
       left join device_live l on l.device_id = d.device_id and d.state in ('queued', 'offered', 'downloading', 'installing', 'verifying')
      where d.rollout_id = any($1::text[])
      group by d.rollout_id, d.direction, d.wave_position`,
    [rolloutIds, now],
  );
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
