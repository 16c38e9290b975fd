import { findBreach, findLoss, type Breach } from "./failure-limit.ts";
import { lostAfterMs } from "./policy.ts";
import type { RolloutPolicy, RolloutStateName, WaveStateName } from "./types.ts";

// What to do next with one rollout. Pure: the evaluator loads, asks, does, and asks again until nothing is left to do.
// Order: hard stops, loss, silence, completion of the wave, the next wave; offers come last, so nothing is offered by an
// evaluation that should have stopped. Gates will stand between "complete" and "soaking over": see `planWave`.

export type PlanRollout = { state: RolloutStateName; policy: RolloutPolicy; acknowledgedFailures: number };
export type PlanWave = { position: number; state: WaveStateName; soakSeconds: number; maxFailurePercent: number; openedAtMs: number | null; soakUntilMs: number | null };

/**
 * Forward deployments of one device class in one wave. Of opened waves also: `awaited`, queued or offered, and the device is
 * reachable; `lost`, begun, and the device has been silent for `lostAfterMs`.
 */
export type GroupCounts = {
  wave: number; className: string;
  queued: number; offered: number; begun: number; succeeded: number; failed: number; superseded: number; awaited: number; lost: number;
};

export type PlanCounts = {
  groups: readonly GroupCounts[];
  /** There are devices that match the rollout's query and have no deployment in it. */
  missingMembers: boolean;
  /** There are queued devices of opened waves that nothing holds back. */
  offerable: boolean;
  /** There are such devices, but as many as the in-flight limit allows are on their way. */
  isHeldByLimit: boolean;
  /** With an in-flight limit: offered devices that went away before they picked the offer up. They give their places to others. */
  staleOffers: boolean;
  /** There are touched devices that have no deployment back yet; and how those that have one stand. */
  missingRollbacks: boolean;
  rollback: { begun: number; awaited: number; failed: number };
};

/**
 * What is known beside counts; gates will answer here. `lastOfferAtMs`: newest offer to a device of the wave. `lastHeardAtMs`:
 * newest sync of a device of the wave that has taken the build; `now` while such a device is reachable, or where nothing depends on it.
 */
export type PlanHealth = { waves: readonly { position: number; lastOfferAtMs: number | null; lastHeardAtMs: number }[] };

export type HaltRule =
  | { rule: "failure_rate"; breach: Breach }
  | { rule: "lost"; breach: Breach; lost: number; silentForMs: number }
  | { rule: "gone_quiet"; succeeded: number; quietForMs: number }
  | { rule: "no_success"; failed: number }
  | { rule: "silence"; silent: number; outOf: number; unreachable: number; timeoutMs: number };

export type Step =
  /** Give every matching device that has none a deployment, with its wave or the reason why it is left out. */
  | { kind: "plan_members" }
  | { kind: "open_wave"; wave: number }
  /** Offer the build to a bounded number of queued devices of opened waves. */
  | { kind: "offer" }
  /** Take the offer back from devices that are away and have not picked it up. */
  | { kind: "take_back_stale" }
  | { kind: "soak_wave"; wave: number; untilMs: number }
  | { kind: "pass_wave"; wave: number }
  | { kind: "halt"; wave: number; why: HaltRule }
  | { kind: "complete" }
  | { kind: "supersede" }
  /** Fewer failures than were acknowledged: a late success corrected one. */
  | { kind: "lower_acknowledged"; failures: number }
  | { kind: "create_rollbacks" }
  | { kind: "all_back" };

/** The next steps, in order; none when there is nothing to do until something is reported or time passes. */
export function plan(rollout: PlanRollout, waves: readonly PlanWave[], counts: PlanCounts, health: PlanHealth, nowMs: number): Step[] {
  switch (rollout.state) {
    case "running":
      return planRunning(rollout, waves, counts, health, nowMs);
    case "paused":
    case "halted":
      return isTaken(counts.groups) ? [{ kind: "supersede" }] : [];
    case "rolling_back":
      return planRollback(counts);
    case "completed":
      // Devices that were busy with another rollout when their wave opened.
      return planOffers(counts);
    case "draft":
    case "rolled_back":
    case "cancelled":
    case "superseded":
      return [];
  }
}

function planRunning(rollout: PlanRollout, waves: readonly PlanWave[], counts: PlanCounts, health: PlanHealth, nowMs: number): Step[] {
  const bad = total(counts.groups, (g) => g.failed + g.lost);
  if (bad < rollout.acknowledgedFailures) return [{ kind: "lower_acknowledged", failures: bad }];
  const current = waves.find((wave) => wave.state === "active" || wave.state === "soaking");
  if (current === undefined) return planNextWave(waves, counts);
  const openedWaves = new Set(waves.filter((wave) => wave.state !== "pending").map((wave) => wave.position));
  const rules = { minSample: rollout.policy.minSample, acknowledgedFailures: rollout.acknowledgedFailures };
  const breach = findBreach(counts.groups, current, openedWaves, rules);
  if (breach !== null) return [{ kind: "halt", wave: current.position, why: { rule: "failure_rate", breach } }];
  const loss = findLoss(counts.groups, current, openedWaves, rules);
  if (loss !== null) return [{ kind: "halt", wave: current.position, why: { rule: "lost", ...loss, silentForMs: lostAfterMs(rollout.policy) } }];
  if (isTakenFrom(counts.groups, current.position)) return [{ kind: "supersede" }];
  const steps = planWave(rollout, current, current.position === waves.length - 1, counts, health, nowMs);
  if (steps.length > 0) return steps;
  if (counts.missingMembers) return [{ kind: "plan_members" }];
  return planOffers(counts);
}

function planOffers(counts: PlanCounts): Step[] {
  if (counts.staleOffers) return [{ kind: "take_back_stale" }];
  return counts.offerable ? [{ kind: "offer" }] : [];
}

function planNextWave(waves: readonly PlanWave[], counts: PlanCounts): Step[] {
  const next = waves.find((wave) => wave.state === "pending");
  if (next === undefined) return [{ kind: "complete" }];
  // Cohorts are cut over all members: the first wave waits until everyone has a place.
  if (next.position === 0 && counts.missingMembers) return [{ kind: "plan_members" }];
  if (isTakenFrom(counts.groups, next.position)) return [{ kind: "supersede" }];
  return [{ kind: "open_wave", wave: next.position }];
}

function planWave(rollout: PlanRollout, wave: PlanWave, isLast: boolean, counts: PlanCounts, health: PlanHealth, nowMs: number): Step[] {
  const groups = counts.groups.filter((group) => group.wave === wave.position);
  const quiet = planQuiet(rollout, wave, groups, health, nowMs);
  if (wave.state === "soaking") {
    return nowMs >= (wave.soakUntilMs ?? 0) ? (quiet ?? [{ kind: "pass_wave", wave: wave.position }]) : quiet ?? [];
  }
  const sums = {
    waiting: total(groups, (g) => g.queued + g.offered), offered: total(groups, (g) => g.offered), awaited: total(groups, (g) => g.awaited), begun: total(groups, (g) => g.begun),
    succeeded: total(groups, (g) => g.succeeded), failed: total(groups, (g) => g.failed),
  };
  if (sums.waiting + sums.begun + sums.succeeded + sums.failed === 0) return [{ kind: "pass_wave", wave: wave.position }];
  const soak: Step[] = [{ kind: "soak_wave", wave: wave.position, untilMs: nowMs + wave.soakSeconds * 1000 }];
  const isResolved = sums.awaited === 0 && sums.begun === 0;
  if (isResolved && sums.succeeded > 0) return quiet ?? soak;
  if (isResolved && sums.failed > 0) {
    const isAcknowledged = total(counts.groups, (g) => g.failed + g.lost) <= rollout.acknowledgedFailures;
    return isAcknowledged ? soak : [{ kind: "halt", wave: wave.position, why: { rule: "no_success", failed: sums.failed } }];
  }
  // Only devices that are away. Nothing lies behind the last wave that it would guard, once others have succeeded.
  if (isResolved && isLast && total(counts.groups, (g) => g.succeeded) > 0) return soak;
  // Who was not asked yet (or is asked again after a stop) is not silent, nor who waits for devices that have begun to end.
  if (counts.offerable || counts.staleOffers || (counts.isHeldByLimit && sums.offered === 0)) return [];
  return planSilence(rollout, wave, { ...sums, awaited: sums.offered > 0 ? Math.min(sums.awaited, sums.offered) : sums.awaited }, health, nowMs);
}

/**
 * Null while a device of the wave that took the build can be heard. Else the wave does not go on: nothing says that its
 * devices live. Silence for `lostAfterMs` halts; after a person resumed, silence since then.
 */
function planQuiet(rollout: PlanRollout, wave: PlanWave, groups: readonly GroupCounts[], health: PlanHealth, nowMs: number): Step[] | null {
  const succeeded = total(groups, (g) => g.succeeded);
  const lastHeardAtMs = health.waves.find((h) => h.position === wave.position)?.lastHeardAtMs ?? nowMs;
  if (succeeded === 0 || nowMs - lastHeardAtMs < rollout.policy.offlineAfterMs) return null;
  const quietForMs = nowMs - Math.max(lastHeardAtMs, wave.openedAtMs ?? 0);
  return quietForMs < lostAfterMs(rollout.policy) ? [] : [{ kind: "halt", wave: wave.position, why: { rule: "gone_quiet", succeeded, quietForMs } }];
}

function planSilence(
  rollout: PlanRollout, wave: PlanWave, sums: { waiting: number; awaited: number; begun: number; succeeded: number; failed: number }, health: PlanHealth, nowMs: number,
): Step[] {
  const lastOfferAtMs = health.waves.find((h) => h.position === wave.position)?.lastOfferAtMs ?? 0;
  const sinceMs = Math.max(wave.openedAtMs ?? nowMs, lastOfferAtMs);
  // Devices that have begun end by their own deadline; silence is about those that never answered.
  if (nowMs - sinceMs < rollout.policy.waveTimeoutMs || (sums.awaited === 0 && sums.begun > 0)) return [];
  const outOf = sums.awaited + sums.begun + sums.succeeded + sums.failed;
  const why: HaltRule = { rule: "silence", silent: sums.awaited, outOf, unreachable: sums.waiting - sums.awaited, timeoutMs: rollout.policy.waveTimeoutMs };
  return [{ kind: "halt", wave: wave.position, why }];
}

function planRollback(counts: PlanCounts): Step[] {
  if (counts.missingRollbacks) return [{ kind: "create_rollbacks" }];
  const { begun, awaited, failed } = counts.rollback;
  return begun + awaited + failed === 0 ? [{ kind: "all_back" }] : [];
}

/** A newer rollout has taken devices, and none is left that this one waits for. */
function isTaken(groups: readonly GroupCounts[]): boolean {
  return total(groups, (g) => g.superseded) > 0 && total(groups, (g) => g.queued + g.offered + g.begun) === 0;
}

/** The same, and this wave and all after it have nothing of their own to show. */
function isTakenFrom(groups: readonly GroupCounts[], position: number): boolean {
  const ahead = groups.filter((group) => group.wave >= position);
  return isTaken(groups) && total(ahead, (g) => g.superseded) > 0 && total(ahead, (g) => g.succeeded + g.failed) === 0;
}

function total(groups: readonly GroupCounts[], of: (group: GroupCounts) => number): number {
  return groups.reduce((sum, group) => sum + of(group), 0);
}
