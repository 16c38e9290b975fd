import { withAdvisoryLock, withSql, withTx, sqlOf, type Db, type Sql, type Tx } from "@flotilla/db";
import { assertNever, type Cause, invariant } from "@flotilla/protocol";
import { recordAudit } from "../access/index.ts";
import { recordChange, recordChanges } from "../changes/index.ts";
import { systemPrincipal } from "../principal.ts";
import { planCounts, type PlanInputs } from "./counts-store.ts";
import { addUpCounts } from "./deployment-counts-store.ts";
import { failureGroupsOf } from "./failures-store.ts";
import { CHUNK, insertMembers, loadMembers, placesOf, registryVersion, type PlannedMember } from "./members-store.ts";
import { expireDeadlines, offerChunk, skipRevoked, takeBackStaleOffers, withholdOffers } from "./offers-store.ts";
import { plan, type PlanRollout, type PlanWave, type Step } from "./plan.ts";
import { attestRollbacks, createRollbackChunk } from "./rollbacks-store.ts";
import { clock, devices, haltCause } from "./sentences.ts";
import { buildRow, evaluableRolloutIds, moveRollout, moveWaves, recordEvent, rolloutRow, setAcknowledged, setMembersThrough, waveRows, type RolloutRow, type WaveRow } from "./store.ts";
import type { RolloutTransition } from "./transitions.ts";

// The one evaluator. All it knows it reads from rows; each step is one transaction that first takes the rollout's row and
// checks that nobody moved it. So a crash between two steps, or a second evaluator, changes nothing but the time.

/** What an evaluation did. A rollout that could not be evaluated does not stop the others. */
export type Evaluation =
  /** Another process evaluates at this moment. */
  | { kind: "busy" }
  | { kind: "evaluated"; rollouts: number; steps: number; offered: number; failures: { rolloutId: string; error: unknown }[] };

/** Name of the advisory lock that the one evaluator at work holds. */
export const EVALUATOR_LOCK = "rollout-evaluator";
const evaluator = systemPrincipal("rollout evaluator");
const actor = { kind: evaluator.kind, name: evaluator.name };
/** Far above what a rollout of 100,000 devices takes in one go; stops a plan that would never come to rest. */
const MAX_ROUNDS = 500;
const STEP_TIMEOUT_MS = 60_000;
/** Offers to one rollout in one evaluation: the others must not wait for a large wave. The next evaluation goes on. */
const MOST_OFFERS = 20_000;

/**
 * Brings every rollout as far as it can go at `now`: ends what is overdue, halts, opens and passes waves, offers builds,
 * takes devices back. Called every second or so by a worker; any number may call it at the same time. A clock is asked once the lock is held: whoever
 * waited for its connection while another one evaluated must not date what it does before what is there.
 */
export async function evaluateRollouts(db: Db, now: Date | (() => Date), options: { chunk?: number } = {}): Promise<Evaluation> {
  const result = await withAdvisoryLock(db, EVALUATOR_LOCK, (signal) => evaluateAll(db, now instanceof Date ? now : now(), options.chunk ?? CHUNK, signal));
  return result.kind === "busy" ? result : result.value;
}

async function evaluateAll(db: Db, now: Date, chunk: number, signal: AbortSignal): Promise<Evaluation> {
  const ids = await withSql(db, async (sql) => {
    await addUpCounts(sql);
    const changed = [...(await skipRevoked(sql, now)), ...(await expireDeadlines(sql, now)), ...(await attestRollbacks(sql, now))];
    await recordChanges(sql, "rollout", [...new Set(changed)].toSorted());
    return evaluableRolloutIds(sql);
  });
  const total = { rollouts: ids.length, steps: 0, offered: 0, failures: [] as { rolloutId: string; error: unknown }[] };
  for (const rolloutId of ids) {
    try {
      const done = await evaluateOne(db, rolloutId, now, chunk, signal);
      total.steps += done.steps;
      total.offered += done.offered;
    } catch (error) {
      if (signal.aborted) throw error;
      total.failures.push({ rolloutId, error });
    }
  }
  return { kind: "evaluated", ...total };
}

async function evaluateOne(db: Db, rolloutId: string, now: Date, chunk: number, signal: AbortSignal): Promise<{ steps: number; offered: number }> {
  const done = { steps: 0, offered: 0 };
  let options: Parameters<typeof planCounts>[4] = {};
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    signal.throwIfAborted();
    const loaded = await withSql(db, async (sql) => {
      const rollout = await rolloutRow(sql, rolloutId, false);
      if (rollout === undefined) return undefined;
      const waves = await waveRows(sql, [rolloutId]);
      const inputs: PlanInputs = await planCounts(sql, rollout, waves, now, options);
      return { rollout, inputs, steps: plan(planRollout(rollout), waves.map(planWave), inputs.counts, inputs.health, now.getTime()) };
    });
    if (loaded === undefined || loaded.steps.length === 0) return done;
    const onlyOffers = loaded.steps.every((step) => step.kind === "offer");
    if (loaded.inputs.isOld && !onlyOffers) {
      options = { isFresh: true };
      continue;
    }
    // Who is reachable as of `now` stays the same while chunk after chunk is offered; any other step may concern other devices.
    options = onlyOffers ? { known: loaded.inputs.reachability } : { isFresh: true };
    for (const step of loaded.steps) {
      const outcome = await applyStep(db, loaded.rollout, step, now, chunk);
      // Somebody moved the rollout since it was read: what was planned may be wrong by now.
      if (outcome === null) return done;
      done.steps += 1;
      done.offered += outcome;
    }
    if (done.offered >= MOST_OFFERS) return done;
  }
  return done;
}

function planRollout(row: RolloutRow): PlanRollout {
  return { state: row.state, policy: row.policy, acknowledgedFailures: row.acknowledged_failures };
}

function planWave(row: WaveRow): PlanWave {
  return {
    position: row.position, state: row.state, soakSeconds: row.soak_seconds, maxFailurePercent: row.max_failure_percent,
    openedAtMs: row.opened_at?.getTime() ?? null, soakUntilMs: row.soak_until?.getTime() ?? null,
  };
}

/** Does one step; answers how many devices were offered a build, or null when the rollout is not any more what it was. */
async function applyStep(db: Db, rollout: RolloutRow, step: Step, now: Date, chunk: number): Promise<number | null> {
  const at = now.toISOString();
  switch (step.kind) {
    case "plan_members":
      return planMembers(db, rollout, now, chunk);
    case "offer":
      return holding(db, rollout, async (sql) => {
        const build = await buildRow(sql, rollout.build_id);
        invariant(build !== undefined, `build ${rollout.build_id} is gone`);
        const { offered } = await offerChunk(sql, rollout, build, now, chunk);
        await recordChange(sql, "rollout", rollout.id);
        return offered;
      });
    case "take_back_stale":
      return holding(db, rollout, async (sql) => {
        await takeBackStaleOffers(sql, rollout, now);
        await recordChange(sql, "rollout", rollout.id);
        return 0;
      });
    case "create_rollbacks":
      return holding(db, rollout, async (sql) => {
        const created = await createRollbackChunk(sql, rollout, now, chunk);
        await recordChange(sql, "rollout", rollout.id);
        return created;
      });
    case "open_wave":
      return waveStep(db, rollout, "wave.opened", `Wave ${step.wave + 1} opened.`, at, (sql) => moveWaves(sql, rollout.id, "open", at, { position: step.wave }));
    case "soak_wave": {
      const until = new Date(step.untilMs);
      const sentence = `Wave ${step.wave + 1} is done; it soaks until ${clock(until.toISOString())}.`;
      return waveStep(db, rollout, "wave.soaking", sentence, at, (sql) => moveWaves(sql, rollout.id, "soak", at, { position: step.wave, soakUntil: until }));
    }
    case "pass_wave":
      return waveStep(db, rollout, "wave.passed", `Wave ${step.wave + 1} passed.`, at, (sql) => moveWaves(sql, rollout.id, "pass", at, { position: step.wave }));
    case "lower_acknowledged":
      return holding(db, rollout, async (sql) => {
        await setAcknowledged(sql, rollout.id, step.failures);
        return 0;
      });
    case "halt":
      return stateStep(db, rollout, "halt", haltCause(step.why, step.wave, evaluator.name, at), async (sql) => {
        await moveWaves(sql, rollout.id, "fail", at, { position: step.wave });
        await withholdOffers(sql, rollout.id, now);
        return { rule: step.why, failures: (await failureGroupsOf(sql, rollout.id)).slice(0, 5) };
      });
    case "complete":
      return stateStep(db, rollout, "complete", cause("completed", "Every wave passed.", at));
    case "supersede":
      return stateStep(db, rollout, "supersede", cause("superseded", `A newer rollout took its devices at ${clock(at)}.`, at), async (sql) => {
        await moveWaves(sql, rollout.id, "end", at);
        return undefined;
      });
    case "all_back":
      return stateStep(db, rollout, "all_back", cause("all_back", `All reachable devices were back at ${clock(at)}.`, at));
    default:
      return assertNever(step);
  }
}

function cause(code: string, sentence: string, at: string): Cause {
  return { code, sentence, actor: evaluator.name, at };
}

/** Runs `fn` while holding the rollout's row, if it is still in the state and version that were planned for. */
async function holding<T>(db: Db, planned: RolloutRow, fn: (sql: Sql) => Promise<T>): Promise<T | null> {
  return withSql(db, async (sql) => ((await isStill(sql, planned)) ? fn(sql) : null));
}

async function isStill(sql: Sql, planned: RolloutRow): Promise<boolean> {
  const row = await rolloutRow(sql, planned.id, true);
  return row !== undefined && row.version === planned.version && row.state === planned.state;
}

async function waveStep(db: Db, rollout: RolloutRow, kind: string, sentence: string, at: string, move: (sql: Sql) => Promise<number[]>): Promise<number | null> {
  return holding(db, rollout, async (sql) => {
    if ((await move(sql)).length === 0) return null;
    await recordEvent(sql, rollout.id, { actor, kind, sentence, at });
    await recordChange(sql, "rollout", rollout.id);
    return 0;
  });
}

async function stateStep(db: Db, rollout: RolloutRow, event: RolloutTransition, why: Cause, effect?: (sql: Sql) => Promise<unknown>): Promise<number | null> {
  return withTx(db, async (tx: Tx) => {
    const sql = sqlOf(tx);
    if (!(await isStill(sql, rollout))) return null;
    const detail = await effect?.(sql);
    if ((await moveRollout(sql, rollout, event, { cause: why, actor, detail })) === null) return null;
    await recordAudit(tx, evaluator, { action: `rollout.${event}`, objectKind: "rollout", objectId: rollout.id, objectName: rollout.name, reason: why.sentence });
    return 0;
  }, { timeoutMs: STEP_TIMEOUT_MS });
}

async function planMembers(db: Db, rollout: RolloutRow, now: Date, chunk: number): Promise<number | null> {
  const { places, through } = await withSql(db, async (sql): Promise<{ places: PlannedMember[]; through: bigint }> => {
    const build = await buildRow(sql, rollout.build_id);
    invariant(build !== undefined, `build ${rollout.build_id} is gone`);
    const version = await registryVersion(sql);
    const waves = await waveRows(sql, [rollout.id]);
    const hasBegun = waves[0]?.state !== "pending";
    // Cohorts are cut over everybody; those who join later have their place whatever the others do.
    const members = await loadMembers(sql, { rolloutId: rollout.id, query: rollout.query, createdAt: rollout.created_at }, build, hasBegun ? rollout.members_through : null);
    return { through: version, places: placesOf(members, { salt: rollout.salt, percents: waves.map((w) => w.percent), hasBegun }) };
  });
  for (let from = 0; from < places.length; from += chunk) {
    const part = places.slice(from, from + chunk);
    const inserted = await holding(db, rollout, async (sql) => {
      await insertMembers(sql, rollout, part, now);
      await recordChange(sql, "rollout", rollout.id);
      return 0;
    });
    if (inserted === null) return null;
  }
  const joining = places.filter((place) => place.verdict.kind === "eligible").length;
  await withSql(db, async (sql) => {
    await setMembersThrough(sql, rollout.id, through);
    await recordEvent(sql, rollout.id, {
      actor, kind: "members.planned", at: now.toISOString(),
      sentence: `${devices(joining)} got a wave, ${places.length - joining} ${places.length - joining === 1 ? "is" : "are"} left out.`,
    });
    // A plan made for the table as it was before would read all of it for each device.
    if (places.length >= chunk) await sql.query("analyze deployment");
  });
  return 0;
}
