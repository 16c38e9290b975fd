import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import type { BuildManifest, Cause } from "@flotilla/protocol";
import { recordChange } from "../changes/index.ts";
import { syncIntervalMs } from "../devices/index.ts";
import { effectivePolicy, type StoredPolicy } from "./policy.ts";
import { moveOf, nextRolloutState, rolloutTransitions, waveTransitions, type RolloutTransition, type WaveTransition } from "./transitions.ts";
import type { RolloutPolicy, RolloutStateName, WaveStateName } from "./types.ts";

// The rows of rollouts and waves. Order of locks, the same everywhere: rollout, its deployments by id, the counter of targets.
// Whoever offers or withholds holds the rollout's row, so nothing is offered after a stop has committed.

export type RolloutRow = {
  id: string; name: string; build_id: string; fleet_id: string; query: string; salt: string; state: RolloutStateName; cause: Cause | null; version: number;
  /** The numbers that hold now: `offlineAfterMs` may follow the sync interval. */
  policy: RolloutPolicy;
  acknowledged_failures: number; members_through: bigint; created_by_id: string; created_at: Date; started_at: Date | null; finished_at: Date | null;
};
export type WaveRow = {
  rollout_id: string; position: number; percent: number; soak_seconds: number; max_failure_percent: number; state: WaveStateName;
  opened_at: Date | null; soak_until: Date | null; finished_at: Date | null; last_offer_at: Date | null;
};

/** What a rollout brings. `digests`: the manifest's and those of its model files; a device attests by one of them. */
export type BuildRow = { id: string; name: string; manifest: BuildManifest; digests: string[] };

const rolloutColumns = `id, name, build_id, fleet_id, query, salt, state::text as state, cause, version, policy, acknowledged_failures, members_through,
  created_by_id, created_at, started_at, finished_at`;

type StoredRow = Omit<RolloutRow, "policy"> & { policy: Partial<StoredPolicy> };

/** Throws nothing: undefined when there is no such rollout. `lock` holds the row until the transaction ends. */
export async function rolloutRow(sql: Sql, id: string, lock: boolean): Promise<RolloutRow | undefined> {
  const rows = await sql.query<StoredRow>(`select ${rolloutColumns} from rollout where id = $1 ${lock ? "for update" : ""}`, [id]);
  return (await withPolicies(sql, rows))[0];
}

async function withPolicies(sql: Sql, rows: readonly StoredRow[]): Promise<RolloutRow[]> {
  if (rows.length === 0) return [];
  const intervalMs = await syncIntervalMs(sql);
  return rows.map((row) => ({ ...row, policy: effectivePolicy(row.policy, intervalMs) }));
}

/** Rollouts before `cursor`, newest first. */
export async function rolloutRows(sql: Sql, filter: { before: string | null; limit: number; fleetId: string | null; state: string | null }): Promise<RolloutRow[]> {
  const rows = await sql.query<StoredRow>(
    `select ${rolloutColumns} from rollout
      where ($1::text is null or id < $1::text) and ($2::text is null or fleet_id = $2::text) and ($3::text is null or state::text = $3::text)
      order by id desc limit $4::int`,
    [filter.before, filter.fleetId, filter.state, filter.limit],
  );
  return withPolicies(sql, rows);
}

export async function waveRows(sql: Sql, rolloutIds: readonly string[]): Promise<WaveRow[]> {
  return sql.query<WaveRow>(
    `select rollout_id, position, percent, soak_seconds, max_failure_percent, state::text as state, opened_at, soak_until, finished_at, last_offer_at
       from wave where rollout_id = any($1::text[]) order by rollout_id, position`,
    [rolloutIds],
  );
}

/** The ready build of this id, or undefined. */
export async function buildRow(sql: Sql, id: string): Promise<BuildRow | undefined> {
  const [row] = await sql.query<{ id: string; name: string; manifest: BuildManifest; manifest_sha256: string }>(
    "select id, name, manifest, manifest_sha256 from build where id = $1 and state = 'ready' and manifest is not null and manifest_sha256 is not null",
    [id],
  );
  if (row === undefined) return undefined;
  const models = row.manifest.variants.flatMap((variant) => variant.files.filter((file) => file.role === "model").map((file) => file.sha256));
  return { id: row.id, name: row.name, manifest: row.manifest, digests: [row.manifest_sha256, ...new Set(models)] };
}

/** Who acts, as rollout events name them. */
export type Actor = { kind: string; name: string };

/**
 * Moves a rollout by compare-and-set on its state and version, writes the event and tells live pages.
 * Answers the new version, or null when somebody else moved it first or the event is not possible.
 */
export async function moveRollout(
  sql: Sql, rollout: Pick<RolloutRow, "id" | "state" | "version">, event: RolloutTransition, change: { cause: Cause; actor: Actor; acknowledgedFailures?: number; detail?: unknown },
): Promise<number | null> {
  const to = nextRolloutState(rollout.state, event);
  if (to === null) return null;
  const isOver = Object.keys(rolloutTransitions[to]).length === 0 || to === "completed";
  const [row] = await sql.query<{ version: number }>(
    `update rollout set state = $4::rollout_state, version = version + 1, cause = $5::jsonb,
            started_at = case when $6::text = 'start' then $7::timestamptz else started_at end,
            finished_at = case when $8::bool then $7::timestamptz else null end,
            acknowledged_failures = coalesce($9::int, acknowledged_failures)
      where id = $1 and version = $2::int and state = $3::rollout_state returning version`,
    [rollout.id, rollout.version, rollout.state, to, change.cause, event, change.cause.at, isOver, change.acknowledgedFailures ?? null],
  );
  if (row === undefined) return null;
  await recordEvent(sql, rollout.id, { actor: change.actor, kind: event, sentence: change.cause.sentence, at: change.cause.at, detail: change.detail ?? change.cause });
  await recordChange(sql, "rollout", rollout.id);
  return row.version;
}

/** Moves waves by compare-and-set on their state. Answers the positions that moved. */
export async function moveWaves(
  sql: Sql, rolloutId: string, event: WaveTransition, at: string, change: { position?: number; soakUntil?: Date } = {},
): Promise<number[]> {
  const { from, to } = moveOf(waveTransitions, event);
  const rows = await sql.query<{ position: number }>(
    `update wave set state = $4::wave_state,
            opened_at = case when $5::text in ('open', 'reopen') then $6::timestamptz else opened_at end,
            soak_until = case when $5::text = 'soak' then $7::timestamptz when $5::text = 'reopen' then null else soak_until end,
            finished_at = case when $5::text in ('pass', 'fail', 'end') then $6::timestamptz else null end
      where rollout_id = $1 and ($2::int is null or position = $2::int) and state = any($3::wave_state[]) returning position`,
    [rolloutId, change.position ?? null, from, to, event, at, change.soakUntil ?? null],
  );
  return rows.map((row) => row.position);
}

/** Adds a line to the rollout's history. */
export async function recordEvent(
  sql: Sql, rolloutId: string, event: { actor: Actor; kind: string; sentence: string; at: string; detail?: unknown },
): Promise<void> {
  await sql.query(
    "insert into rollout_event (rollout_id, at, actor_kind, actor_name, kind, sentence, detail) values ($1, $2::timestamptz, $3, $4, $5, $6, $7::jsonb)",
    [rolloutId, event.at, event.actor.kind, event.actor.name, event.kind, event.sentence, event.detail === undefined ? null : event.detail],
  );
}

/** Every device that matches and changed up to this registry version has a deployment. */
export async function setMembersThrough(sql: Sql, rolloutId: string, registryVersion: bigint): Promise<void> {
  await sql.query("update rollout set members_through = $2::bigint where id = $1", [rolloutId, registryVersion]);
}

/** Sets how many failures a person has accepted. */
export async function setAcknowledged(sql: Sql, rolloutId: string, failures: number): Promise<void> {
  await sql.query("update rollout set acknowledged_failures = $2::int where id = $1", [rolloutId, failures]);
}

/** The plain SQL door of either kind of transaction. */
export function sqlFrom(tx: Tx | Sql): Sql {
  return "query" in tx && typeof tx.query === "function" ? (tx as Sql) : sqlOf(tx as Tx);
}

/**
 * Rollouts that a tick may have something to do for: those under way, and completed ones with devices still queued. Reads
 * counts as they were added up last.
 */
export async function evaluableRolloutIds(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `select id from rollout where state in ('running', 'paused', 'halted', 'rolling_back')
      union
     select c.rollout_id from deployment_count c join rollout r on r.id = c.rollout_id and r.state = 'completed' where c.state = 'queued' and c.direction = 'forward' and c.n > 0
      order by id`,
  );
  return rows.map((row) => row.id);
}
