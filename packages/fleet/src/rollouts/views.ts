import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/index.ts";
import { bigintCursor, pageOf, pageSize } from "../page-query.ts";
import type { Page, PageInput } from "../page.ts";
import { requireRole, type Principal } from "../principal.ts";
import { actionViews } from "./action-rules.ts";
import { offeredLastMinute, sumCounts, viewCounts, type CountsRow } from "./counts-store.ts";
import { deploymentRows } from "./deployments-store.ts";
import { failureGroupsOf } from "./failures-store.ts";
import { verdictOf } from "./sentences.ts";
import { rolloutRow, rolloutRows, waveRows, type RolloutRow, type WaveRow } from "./store.ts";
import { deploymentTransitions } from "./transitions.ts";
import type { DeploymentStateName, DeploymentView, FailureGroup, RolloutCounts, RolloutEventView, RolloutView, WaveView } from "./types.ts";

/** Rollouts, newest first. */
export async function listRollouts(
  tx: Tx, principal: Principal, input: PageInput & { fleetId?: string | undefined; state?: string | undefined },
): Promise<Page<RolloutView>> {
  requireRole(principal, "rollouts", "viewer");
  const limit = pageSize(input);
  const sql = sqlOf(tx);
  const rows = await rolloutRows(sql, { before: input.cursor || null, limit: limit + 1, fleetId: input.fleetId ?? null, state: input.state ?? null });
  const views = new Map((await viewsOf(tx, sql, rows.slice(0, limit))).map((view) => [view.id, view]));
  return pageOf(rows, limit, (row) => row.id, (row) => views.get(row.id) as RolloutView);
}

/** One rollout with its waves, counts and verdict. Errors: not_found. */
export async function getRollout(tx: Tx, principal: Principal, input: { id: string }): Promise<RolloutView> {
  requireRole(principal, "rollouts", "viewer");
  const sql = sqlOf(tx);
  const row = await existing(sql, input.id);
  const [view] = await viewsOf(tx, sql, [row]);
  return view as RolloutView;
}

/** Deployments of a rollout in both directions, newest first. */
export async function listDeployments(
  tx: Tx, principal: Principal,
  input: PageInput & { rolloutId: string; state?: string | undefined; wave?: number | undefined; direction?: "forward" | "rollback" | undefined },
): Promise<Page<DeploymentView>> {
  requireRole(principal, "rollouts", "viewer");
  const limit = pageSize(input);
  if (input.state !== undefined && !Object.hasOwn(deploymentTransitions, input.state)) {
    throw new FleetError("bad_request", { public: `"${input.state}" is not a state of a deployment: ${Object.keys(deploymentTransitions).join(", ")}.` });
  }
  const sql = sqlOf(tx);
  const rollout = await existing(sql, input.rolloutId);
  const reachableSince = new Date(Date.now() - rollout.policy.offlineAfterMs);
  const rows = await deploymentRows(sql, {
    rolloutId: rollout.id, state: (input.state as DeploymentStateName | undefined) ?? null, wave: input.wave ?? null, direction: input.direction ?? null,
    before: input.cursor || null, limit: limit + 1, reachableSince,
  });
  return pageOf(rows, limit, (row) => row.id, (row) => row);
}

/** The failures of a rollout, grouped by what they have in common. */
export async function failureGroups(tx: Tx, principal: Principal, input: { rolloutId: string }): Promise<FailureGroup[]> {
  requireRole(principal, "rollouts", "viewer");
  const sql = sqlOf(tx);
  await existing(sql, input.rolloutId);
  return failureGroupsOf(sql, input.rolloutId);
}

/** What happened to a rollout, newest first. */
export async function rolloutEvents(tx: Tx, principal: Principal, input: PageInput & { rolloutId: string }): Promise<Page<RolloutEventView>> {
  requireRole(principal, "rollouts", "viewer");
  const limit = pageSize(input);
  const before = bigintCursor(input.cursor);
  await existing(sqlOf(tx), input.rolloutId);
  const rows = await tx.rolloutEvent.findMany({
    where: { rolloutId: input.rolloutId, ...(before === null ? {} : { id: { lt: before } }) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return pageOf(rows, limit, (row) => String(row.id), (row) => ({
    id: String(row.id), at: row.at.toISOString(), actorKind: row.actorKind, actorName: row.actorName, kind: row.kind, sentence: row.sentence, detail: row.detail,
  }));
}

async function existing(sql: Sql, id: string): Promise<RolloutRow> {
  const row = await rolloutRow(sql, id, false);
  if (row === undefined) throw new FleetError("not_found", { public: "There is no rollout with this id." });
  return row;
}

/** Views of any number of rollouts with a fixed number of queries. */
async function viewsOf(tx: Tx, sql: Sql, rows: readonly RolloutRow[]): Promise<RolloutView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const now = new Date();
  const counts = await viewCounts(sql, rows, now);
  const offered = await offeredLastMinute(sql, ids, now);
  const waves = await waveRows(sql, ids);
  const builds = new Map((await tx.build.findMany({ where: { id: { in: rows.map((r) => r.build_id) } }, select: { id: true, name: true } })).map((b) => [b.id, b]));
  const fleets = new Map((await tx.fleet.findMany({ where: { id: { in: rows.map((r) => r.fleet_id) } }, select: { id: true, name: true } })).map((f) => [f.id, f]));
  const names = await actorNames(tx, rows.map((row) => row.created_by_id));
  return rows.map((row) =>
    viewOf(row, waves.filter((w) => w.rollout_id === row.id), counts.filter((c) => c.rolloutId === row.id), {
      build: builds.get(row.build_id) ?? { id: row.build_id, name: row.build_id },
      // A fleet may be deleted once no rollout is under way on it.
      fleet: fleets.get(row.fleet_id) ?? { id: row.fleet_id, name: "deleted fleet" },
      createdByName: names.get(row.created_by_id) ?? row.created_by_id,
      offeredLastMinute: offered.get(row.id) ?? 0,
    }),
  );
}

function viewOf(row: RolloutRow, waves: readonly WaveRow[], counts: readonly CountsRow[], more: Pick<RolloutView, "build" | "fleet" | "createdByName" | "offeredLastMinute">): RolloutView {
  const forward = counts.filter((c) => c.direction === "forward");
  const back = counts.filter((c) => c.direction === "rollback");
  const rollbackCounts: RolloutCounts | null = back.length === 0 ? null : sumCounts(back);
  const facts = {
    state: row.state, cause: row.cause, counts: sumCounts(forward), rollbackCounts,
    waves: waves.map((wave) => waveView(wave, forward.filter((c) => c.wave === wave.position))),
  };
  const rollbackFailures = rollbackCounts === null ? 0 : rollbackCounts.failed + rollbackCounts.rolledBack + rollbackCounts.timedOut;
  return {
    id: row.id, name: row.name, version: row.version, ...facts, ...more, query: row.query, policy: row.policy,
    actions: actionViews(row.state, rollbackFailures),
    verdict: verdictOf(facts),
    createdAt: row.created_at.toISOString(), startedAt: row.started_at?.toISOString() ?? null, finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

function waveView(wave: WaveRow, counts: readonly CountsRow[]): WaveView {
  return {
    position: wave.position, percent: wave.percent, soakSeconds: wave.soak_seconds, maxFailurePercent: wave.max_failure_percent, state: wave.state,
    openedAt: wave.opened_at?.toISOString() ?? null, soakUntil: wave.soak_until?.toISOString() ?? null, finishedAt: wave.finished_at?.toISOString() ?? null,
    counts: sumCounts(counts),
  };
}
