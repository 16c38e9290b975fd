import { randomBytes } from "node:crypto";
import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { requireRole, type Principal } from "../principal.ts";
import { actionRules, allowedActions } from "./action-rules.ts";
import { cancelUnbegun, withholdOffers } from "./offers-store.ts";
import { badDeployments } from "./counts-store.ts";
import { hasEligible } from "./members-store.ts";
import { checkedPolicy, checkedWaves, type StoredPolicy } from "./policy.ts";
import { previewFor } from "./preview.ts";
import { closeForward, offerRollbacksAgain } from "./rollbacks-store.ts";
import { operatorCause } from "./sentences.ts";
import { buildRow, moveRollout, moveWaves, recordEvent, rolloutRow, type RolloutRow } from "./store.ts";
import { getRollout } from "./views.ts";
import type { RolloutAction, RolloutView, WaveInput } from "./types.ts";

/** What every action on a rollout takes. `expectedVersion`: refuse with `version_mismatch` when somebody acted in between. */
export type RolloutActionInput = { id: string; reason?: string | undefined; expectedVersion?: number | undefined };

export type CreateRolloutInput = {
  name?: string | undefined; buildId: string; fleetId: string; waves: readonly WaveInput[]; policy?: Partial<StoredPolicy> | undefined;
};

const MAX_NAME_LENGTH = 128;
const MAX_REASON_LENGTH = 1_000;

/**
 * Plans a rollout of a ready build to a fleet; nothing is offered before it is started.
 * Errors: bad_request (waves, policy, name), not_found (build, fleet), build_not_ready.
 */
export async function createRollout(tx: Tx, principal: Principal, input: CreateRolloutInput): Promise<RolloutView> {
  requireRole(principal, "rollouts", "operator");
  const waves = checkedWaves(input.waves);
  const policy = checkedPolicy(input.policy);
  const build = await readyBuild(tx, input.buildId);
  const fleet = await tx.fleet.findUnique({ where: { id: input.fleetId } });
  if (fleet === null) throw new FleetError("not_found", { public: "There is no fleet with this id." });
  const name = input.name?.trim() || `${build.name} to ${fleet.name}`;
  if (name.length > MAX_NAME_LENGTH) throw new FleetError("bad_request", { public: `A rollout's name has at most ${MAX_NAME_LENGTH} characters.` });
  const id = newId("rol");
  const salt = randomBytes(8).toString("hex");
  await tx.rollout.create({
    data: {
      id, name, buildId: build.id, fleetId: fleet.id, query: fleet.query, salt, policy, createdById: principal.id,
      waves: { create: waves.map((wave, position) => ({ position, ...wave })) },
    },
  });
  const sentence = `Planned by ${principal.name}: ${build.name} to ${fleet.name} in ${waves.length} ${waves.length === 1 ? "wave" : "waves"}.`;
  await recordEvent(sqlOf(tx), id, { actor: principal, kind: "create", sentence, at: new Date().toISOString(), detail: { waves, policy } });
  await recordAudit(tx, principal, { action: "rollout.create", objectKind: "rollout", objectId: id, objectName: name, detail: { buildId: build.id, fleetId: fleet.id, waves, policy } });
  await recordChange(tx, "rollout", id);
  return getRollout(tx, principal, { id });
}

/** Starts a planned rollout. Errors: illegal_transition, version_mismatch, build_not_ready, no_devices (with the reasons). */
export async function startRollout(tx: Tx, principal: Principal, input: RolloutActionInput): Promise<RolloutView> {
  return act(tx, principal, "start", input, async (sql, rollout) => {
    const build = await readyBuild(tx, rollout.build_id);
    const scope = { rolloutId: rollout.id, query: rollout.query, createdAt: rollout.created_at, policy: rollout.policy };
    if (await hasEligible(sql, scope, build)) return;
    throw new FleetError("no_devices", { public: (await previewFor(sql, scope, build, [])).sentence });
  });
}

/** Stops spreading: what no device has begun is taken back, devices that have begun finish. */
export async function pauseRollout(tx: Tx, principal: Principal, input: RolloutActionInput): Promise<RolloutView> {
  return act(tx, principal, "pause", input, async (sql, rollout, at) => {
    await withholdOffers(sql, rollout.id, at);
  });
}

/** Goes on. After a halt a reason is needed; the failures seen so far do not count again. */
export async function resumeRollout(tx: Tx, principal: Principal, input: RolloutActionInput): Promise<RolloutView> {
  return act(tx, principal, "resume", input, async (sql, rollout, at) => {
    if (rollout.state !== "halted") return undefined;
    if (input.reason === undefined || input.reason.trim() === "") {
      throw new FleetError("bad_request", { public: "A halted rollout goes on only with a reason: say why the failures do not matter." });
    }
    await moveWaves(sql, rollout.id, "reopen", at.toISOString());
    return { acknowledgedFailures: await badDeployments(sql, rollout, at) };
  });
}

/** Ends the rollout; devices keep what they have, those that have begun finish. */
export async function cancelRollout(tx: Tx, principal: Principal, input: RolloutActionInput): Promise<RolloutView> {
  return act(tx, principal, "cancel", input, async (sql, rollout, at) => {
    await cancelUnbegun(sql, rollout.id, at);
    await moveWaves(sql, rollout.id, "end", at.toISOString());
  });
}

/** Takes every touched device back to what it ran before; a second call tries those again that could not go back. */
export async function rollbackRollout(tx: Tx, principal: Principal, input: RolloutActionInput): Promise<RolloutView> {
  return act(tx, principal, "rollback", input, async (sql, rollout, at) => {
    if (rollout.state === "rolling_back") {
      const again = await offerRollbacksAgain(sql, rollout.id, at);
      if (again === 0) throw new FleetError("illegal_transition", { public: "The rollout is rolling back already, and no device has failed on its way back." });
      return;
    }
    await closeForward(sql, rollout.id, at);
    await moveWaves(sql, rollout.id, "end", at.toISOString());
  });
}

/** Rollouts need no approval yet: always refused with `illegal_transition`. */
export async function approveRollout(tx: Tx, principal: Principal, input: RolloutActionInput): Promise<RolloutView> {
  requireRole(principal, "rollouts", "operator");
  const rollout = await lockedRollout(sqlOf(tx), input);
  throw refusal("approve", rollout);
}

type Effect = (sql: Sql, rollout: RolloutRow, at: Date) => Promise<{ acknowledgedFailures: number } | undefined | void>;

/** One action in the caller's transaction: lock, check, effect, state, event, audit, change. */
async function act(tx: Tx, principal: Principal, action: Exclude<RolloutAction, "approve">, input: RolloutActionInput, effect: Effect): Promise<RolloutView> {
  requireRole(principal, "rollouts", "operator");
  if ((input.reason?.length ?? 0) > MAX_REASON_LENGTH) throw new FleetError("bad_request", { public: `A reason has at most ${MAX_REASON_LENGTH} characters.` });
  const sql = sqlOf(tx);
  const rollout = await lockedRollout(sql, input);
  // The same click twice: the second one finds what it wants and changes nothing.
  if (actionRules[action].isDoneIn.includes(rollout.state)) return getRollout(tx, principal, { id: rollout.id });
  if (!allowedActions(rollout.state).includes(action)) throw refusal(action, rollout);
  const at = new Date();
  const change = await effect(sql, rollout, at);
  const cause = operatorCause(actionRules[action].done, principal.name, at.toISOString(), input.reason);
  const version = await moveRollout(sql, rollout, action, { cause, actor: principal, ...change });
  if (version === null) throw refusal(action, rollout);
  await recordAudit(tx, principal, { action: `rollout.${action}`, objectKind: "rollout", objectId: rollout.id, objectName: rollout.name, reason: input.reason });
  return getRollout(tx, principal, { id: rollout.id });
}

async function lockedRollout(sql: Sql, input: RolloutActionInput): Promise<RolloutRow> {
  const rollout = await rolloutRow(sql, input.id, true);
  if (rollout === undefined) throw new FleetError("not_found", { public: "There is no rollout with this id." });
  if (input.expectedVersion !== undefined && input.expectedVersion !== rollout.version) {
    throw new FleetError("version_mismatch", {
      public: `Somebody else changed the rollout: it is ${rollout.state} now. Look again before you act.`,
      extra: { currentVersion: rollout.version, state: rollout.state },
    });
  }
  return rollout;
}

function refusal(action: RolloutAction, rollout: RolloutRow): FleetError {
  const allowed = allowedActions(rollout.state);
  return new FleetError("illegal_transition", {
    public: `${actionRules[action].reason(rollout.state)} Possible now: ${allowed.length === 0 ? "nothing" : allowed.join(", ")}.`,
    extra: { state: rollout.state, allowed },
  });
}

async function readyBuild(tx: Tx, id: string): Promise<NonNullable<Awaited<ReturnType<typeof buildRow>>>> {
  const build = await buildRow(sqlOf(tx), id);
  if (build !== undefined) return build;
  const known = await tx.build.findUnique({ where: { id }, select: { name: true, state: true } });
  if (known === null) throw new FleetError("not_found", { public: "There is no build with this id." });
  throw new FleetError("build_not_ready", { public: `The build ${known.name} is ${known.state}; only a ready one can be rolled out.` });
}
