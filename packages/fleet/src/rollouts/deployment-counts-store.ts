import type { Sql } from "@flotilla/db";
import { begunDeploymentStates, failedDeploymentStates } from "./transitions.ts";
import type { DeploymentStateName, RolloutCounts } from "./types.ts";

// How many deployments are in which state. Triggers on `deployment` (migration control_plane, docs/adr/0010) insert every
// difference into deployment_count_change in the transaction of the change; the evaluator adds these up with each tick.
// Invariant: at any moment, deployment_count plus what is not added up yet equals a count of the rows themselves.

/** Deployments of one rollout, direction, wave and device class in one state. Never 0. */
export type DeploymentCount = {
  rolloutId: string; direction: "forward" | "rollback"; wave: number; className: string; state: DeploymentStateName; n: number;
};

/** The counts of these rollouts at this moment. */
export async function deploymentCounts(sql: Sql, rolloutIds: readonly string[]): Promise<DeploymentCount[]> {
  return sql.query<DeploymentCount>(
    `select rollout_id as "rolloutId", direction::text as direction, wave_position as wave, class_name as "className", state::text as state, sum(n)::int as n
       from (select rollout_id, direction, wave_position, class_name, state, n from deployment_count where rollout_id = any($1::text[])
             union all
             select rollout_id, direction, wave_position, class_name, state, n from deployment_count_change where rollout_id = any($1::text[])) c
      group by 1, c.direction, 3, 4, c.state having sum(n) <> 0
      order by 1, c.direction, 3, 4, c.state`,
    [rolloutIds],
  );
}

/** Adds up what changed since the last time. For the one evaluator; calling it more or less often changes no count. */
export async function addUpCounts(sql: Sql): Promise<void> {
  await sql.query(
    `with gone as (delete from deployment_count_change returning rollout_id, direction, wave_position, class_name, state, n)
     insert into deployment_count as c (rollout_id, direction, wave_position, class_name, state, n)
     select rollout_id, direction, wave_position, class_name, state, sum(n) from gone group by 1, 2, 3, 4, 5 having sum(n) <> 0 order by 1, 2, 3, 4, 5
     on conflict (rollout_id, direction, wave_position, class_name, state) do update set n = c.n + excluded.n`,
  );
}

/** The sum of the counts in any of these states. */
export function countIn(counts: readonly DeploymentCount[], states: readonly DeploymentStateName[]): number {
  return counts.reduce((sum, count) => (states.includes(count.state) ? sum + count.n : sum), 0);
}

/** Counts by state as views show them, without who is reachable. */
export function countsByState(counts: readonly DeploymentCount[]): Omit<RolloutCounts, "unreachable"> {
  const of = (...states: DeploymentStateName[]): number => countIn(counts, states);
  return {
    total: counts.reduce((sum, count) => sum + count.n, 0),
    queued: of("queued"), offered: of("offered"), downloading: of("downloading"), installing: of("installing"), verifying: of("verifying"),
    succeeded: of("succeeded"), failed: of("failed"), rolledBack: of("rolled_back"), timedOut: of("timed_out"), cancelled: of("cancelled"),
    skipped: of("skipped"), superseded: of("superseded"),
    resolved: of("succeeded", ...failedDeploymentStates),
  };
}

/** Deployments that an in-flight limit counts: from the offer on until they end. */
export const inFlightStates = ["offered", ...begunDeploymentStates] as const satisfies readonly DeploymentStateName[];
