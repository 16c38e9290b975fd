import { expect, test } from "vitest";
import { plan, type GroupCounts, type PlanCounts, type PlanRollout, type PlanWave, type Step } from "./plan.ts";
import { defaultPolicy } from "./policy.ts";

const NOW = 10_000_000;
const running: PlanRollout = { state: "running", policy: defaultPolicy, acknowledgedFailures: 0 };

function wave(position: number, state: PlanWave["state"], more: Partial<PlanWave> = {}): PlanWave {
  return { position, state, soakSeconds: 60, maxFailurePercent: 10, openedAtMs: state === "pending" ? null : NOW - 1000, soakUntilMs: null, ...more };
}

function group(more: Partial<GroupCounts>): GroupCounts {
  return { wave: 0, className: "pi4", queued: 0, offered: 0, begun: 0, succeeded: 0, failed: 0, superseded: 0, awaited: 0, lost: 0, ...more };
}

function counts(groups: GroupCounts[], more: Partial<PlanCounts> = {}): PlanCounts {
  return {
    groups, missingMembers: false, offerable: false, isHeldByLimit: false, staleOffers: false, missingRollbacks: false, rollback: { begun: 0, awaited: 0, failed: 0 }, ...more,
  };
}

function steps(waves: PlanWave[], given: PlanCounts, rollout: PlanRollout = running, lastOfferAtMs: number | null = null, now = NOW, lastHeardAtMs = now): Step[] {
  return plan(rollout, waves, given, { waves: waves.map((w) => ({ position: w.position, lastOfferAtMs, lastHeardAtMs })) }, now);
}

function halt(given: Step[]): { rule: string; failed?: number; outOf?: number; scope?: string } | null {
  const step = given[0];
  if (step?.kind !== "halt") return null;
  return step.why.rule === "failure_rate" ? { rule: step.why.rule, failed: step.why.breach.failed, outOf: step.why.breach.outOf, scope: step.why.breach.scope } : step.why;
}

test("the first wave waits until every member has its place", () => {
  expect(steps([wave(0, "pending"), wave(1, "pending")], counts([], { missingMembers: true }))).toEqual([{ kind: "plan_members" }]);
  expect(steps([wave(0, "pending"), wave(1, "pending")], counts([group({ queued: 3, awaited: 3 })]))).toEqual([{ kind: "open_wave", wave: 0 }]);
});

test("a limit is strict: exactly 10 % of ten may fail, two may not", () => {
  expect(steps([wave(1, "active")], counts([group({ wave: 1, succeeded: 9, failed: 1 })]))).toEqual([{ kind: "soak_wave", wave: 1, untilMs: NOW + 60_000 }]);
  expect(halt(steps([wave(1, "active")], counts([group({ wave: 1, succeeded: 8, failed: 2 })])))).toMatchObject({ rule: "failure_rate", failed: 2, outOf: 10 });
});

test("a rate over few ended devices is not judged while the limit can still be kept", () => {
  expect(steps([wave(1, "active")], counts([group({ wave: 1, failed: 1, offered: 20, awaited: 20 })]))).toEqual([]);
  expect(halt(steps([wave(1, "active")], counts([group({ wave: 1, failed: 3, offered: 20, awaited: 20 })])))).toMatchObject({ failed: 3, outOf: 23 });
});

test("one failure in a small first wave halts at once, before the others have answered", () => {
  expect(halt(steps([wave(0, "active")], counts([group({ failed: 1, begun: 2 })])))).toMatchObject({ failed: 1, outOf: 3, scope: "wave" });
});

test("in the first wave each device class is judged by itself, later only the whole", () => {
  const mixed = [group({ succeeded: 48 }), group({ className: "nano", failed: 2 })];
  expect(halt(steps([wave(0, "active"), wave(1, "pending")], counts(mixed)))).toMatchObject({ scope: "class", failed: 2, outOf: 2 });
  expect(halt(steps([wave(0, "passed"), wave(1, "active")], counts(mixed.map((g) => ({ ...g, wave: 1 })))))).toBeNull();
});

test("failures that trickle in from earlier waves break the limit over all opened waves", () => {
  const groups = [group({ succeeded: 80, failed: 15 }), group({ wave: 1, succeeded: 2, begun: 3 })];
  expect(halt(steps([wave(0, "passed"), wave(1, "active")], counts(groups)))).toMatchObject({ scope: "rollout", failed: 15, outOf: 97 });
});

test("acknowledged failures do not count again, new ones do", () => {
  const resumed = { ...running, acknowledgedFailures: 2 };
  expect(steps([wave(0, "active")], counts([group({ succeeded: 6, failed: 2 })]), resumed)).toEqual([{ kind: "soak_wave", wave: 0, untilMs: NOW + 60_000 }]);
  expect(halt(steps([wave(0, "active")], counts([group({ succeeded: 6, failed: 3 })]), resumed))).toMatchObject({ failed: 1, outOf: 7 });
  expect(steps([wave(0, "active")], counts([group({ succeeded: 7, failed: 1 })]), resumed)).toEqual([{ kind: "lower_acknowledged", failures: 1 }]);
});

test("a hard stop goes before success: a wave that is complete but broken halts", () => {
  expect(halt(steps([wave(0, "active")], counts([group({ succeeded: 4, failed: 4 })])))).toMatchObject({ rule: "failure_rate" });
  expect(halt(steps([wave(0, "soaking", { soakUntilMs: NOW - 1 })], counts([group({ succeeded: 4, failed: 4 })])))).toMatchObject({ rule: "failure_rate" });
});

test("a wave in which all failed does not pass, whatever its limit", () => {
  expect(halt(steps([wave(0, "active", { maxFailurePercent: 100 })], counts([group({ failed: 3 })])))).toMatchObject({ rule: "no_success", failed: 3 });
});

test("devices that are away do not hold a wave up; devices that have begun do, even when they fell silent", () => {
  expect(steps([wave(0, "active")], counts([group({ succeeded: 3, offered: 2, awaited: 0 })]))[0]?.kind).toBe("soak_wave");
  expect(steps([wave(0, "active")], counts([group({ succeeded: 3, begun: 1 })]))).toEqual([]);
});

test("a wave with nobody in it passes; one with only absent devices does not, unless it is the last and others have succeeded", () => {
  expect(steps([wave(0, "active"), wave(1, "pending")], counts([]))).toEqual([{ kind: "pass_wave", wave: 0 }]);
  expect(steps([wave(0, "active"), wave(1, "pending")], counts([group({ offered: 4 })]))).toEqual([]);
  expect(steps([wave(0, "passed"), wave(1, "active")], counts([group({ succeeded: 1 }), group({ wave: 1, offered: 4 })]))[0]?.kind).toBe("soak_wave");
  expect(steps([wave(0, "active")], counts([group({ offered: 4 })]))).toEqual([]);
});

test("silence halts an hour after the last offer, naming who is silent and who is away", () => {
  const given = counts([group({ succeeded: 5, offered: 4, awaited: 3 })]);
  const opened = [wave(0, "active", { openedAtMs: NOW - 3_600_000 })];
  expect(steps(opened, given, running, NOW - 60_000)).toEqual([]);
  expect(halt(steps(opened, given, running, NOW - 3_600_000))).toEqual({ rule: "silence", silent: 3, outOf: 8, unreachable: 1, timeoutMs: 3_600_000 });
  expect(steps(opened, { ...given, offerable: true }, running, null), "who is about to be asked again is not silent").toEqual([{ kind: "offer" }]);
});

test("a soaking wave passes when its time is over, not before", () => {
  const given = counts([group({ succeeded: 3 })]);
  expect(steps([wave(0, "soaking", { soakUntilMs: NOW + 1 })], given)).toEqual([]);
  expect(steps([wave(0, "soaking", { soakUntilMs: NOW })], given)).toEqual([{ kind: "pass_wave", wave: 0 }]);
  expect(steps([wave(0, "passed"), wave(1, "pending")], given)).toEqual([{ kind: "open_wave", wave: 1 }]);
  expect(steps([wave(0, "passed")], given)).toEqual([{ kind: "complete" }]);
});

test("nothing is offered while paused, halted, cancelled, superseded or rolled back", () => {
  for (const state of ["draft", "paused", "halted", "cancelled", "superseded", "rolled_back"] as const) {
    expect(steps([wave(0, "active")], counts([group({ queued: 5, awaited: 5 })], { offerable: true, missingMembers: true }), { ...running, state }), state).toEqual([]);
  }
  expect(steps([wave(0, "passed")], counts([group({ queued: 1 })], { offerable: true }), { ...running, state: "completed" })).toEqual([{ kind: "offer" }]);
});

test("a rollout whose devices were all taken is superseded, one that still waits for some goes on", () => {
  const taken = counts([group({ succeeded: 3 }), group({ wave: 1, superseded: 9 })]);
  expect(steps([wave(0, "passed"), wave(1, "pending")], taken)).toEqual([{ kind: "supersede" }]);
  expect(steps([wave(0, "passed"), wave(1, "active")], taken)).toEqual([{ kind: "supersede" }]);
  expect(steps([wave(0, "failed"), wave(1, "pending")], taken, { ...running, state: "halted" })).toEqual([{ kind: "supersede" }]);
  expect(steps([wave(0, "active"), wave(1, "pending")], counts([group({ begun: 3 }), group({ wave: 1, superseded: 9 })]))).toEqual([]);
});

test("a roll back lists the touched devices, then waits for the reachable ones, and ends only without failures", () => {
  const rolling = { ...running, state: "rolling_back" as const };
  expect(steps([], counts([], { missingRollbacks: true }), rolling)).toEqual([{ kind: "create_rollbacks" }]);
  expect(steps([], counts([], { rollback: { begun: 1, awaited: 0, failed: 0 } }), rolling)).toEqual([]);
  expect(steps([], counts([], { rollback: { begun: 0, awaited: 0, failed: 1 } }), rolling)).toEqual([]);
  expect(steps([], counts([]), rolling)).toEqual([{ kind: "all_back" }]);
});

test("devices that were handed the build and fell silent count as failed before their deadline does it", () => {
  const half = counts([group({ begun: 6, lost: 4, succeeded: 4 })]);
  expect(halt(steps([wave(0, "active")], half))).toMatchObject({ rule: "lost", lost: 4, breach: { failed: 4, outOf: 8, percent: 50 }, silentForMs: 180_000 });
  expect(steps([wave(0, "active")], counts([group({ begun: 3, lost: 1, succeeded: 2 })])), "too few to tell: the deadline will").toEqual([]);
  expect(steps([wave(0, "active")], counts([group({ begun: 10, lost: 1, succeeded: 20 })])), "within the limit").toEqual([]);
});

test("a wave that fell silent as a whole halts, however small; a single device may just be restarting", () => {
  expect(halt(steps([wave(0, "active")], counts([group({ begun: 2, lost: 2 })])))).toMatchObject({ rule: "lost", lost: 2 });
  expect(steps([wave(0, "active")], counts([group({ begun: 1, lost: 1 })]))).toEqual([]);
  expect(steps([wave(0, "active")], counts([group({ begun: 2, lost: 2, succeeded: 1 })]))).toEqual([]);
});

test("lost devices that a person accepted do not halt again; when they come back the acceptance shrinks", () => {
  const accepted = { ...running, acknowledgedFailures: 4 };
  const lost = [group({ begun: 4, lost: 4, succeeded: 4 })];
  expect(steps([wave(0, "active")], counts(lost), accepted)).toEqual([]);
  expect(steps([wave(0, "active")], counts([group({ begun: 4, lost: 1, succeeded: 4 })]), accepted)).toEqual([{ kind: "lower_acknowledged", failures: 1 }]);
});

test("a wave does not go on while nobody who took the build can be heard, and halts when that lasts", () => {
  const taken = counts([group({ succeeded: 8, offered: 2 })]);
  const since = (quietMs: number, state: "active" | "soaking"): Step[] =>
    steps([wave(0, state, { openedAtMs: NOW - 3_600_000, soakUntilMs: state === "soaking" ? NOW - 1 : null }), wave(1, "pending")], taken, running, null, NOW, NOW - quietMs);
  for (const state of ["active", "soaking"] as const) {
    expect(since(89_000, state)[0]?.kind, state).toBe(state === "active" ? "soak_wave" : "pass_wave");
    expect(since(91_000, state), state).toEqual([]);
    expect(halt(since(180_000, state)), state).toEqual({ rule: "gone_quiet", succeeded: 8, quietForMs: 180_000 });
  }
  const resumed = [wave(0, "active", { openedAtMs: NOW - 60_000 }), wave(1, "pending")];
  expect(steps(resumed, taken, running, null, NOW, NOW - 3_600_000), "silence before a resume is accepted").toEqual([]);
});

test("with an in-flight limit, offers nobody picked up give their places away before new ones are made", () => {
  const limited = { ...running, policy: { ...defaultPolicy, maxInFlight: 2 } };
  const opened = [wave(0, "active", { openedAtMs: NOW - 7_200_000 })];
  const given = counts([group({ queued: 6, offered: 1, begun: 1, awaited: 6 })], { offerable: true, staleOffers: true });
  expect(steps(opened, given, limited)).toEqual([{ kind: "take_back_stale" }]);
  expect(steps(opened, { ...given, staleOffers: false }, limited)).toEqual([{ kind: "offer" }]);
  expect(steps(opened, counts([group({ queued: 6, begun: 2, awaited: 6 })], { isHeldByLimit: true }), limited), "begun devices end by their deadlines").toEqual([]);
  expect(halt(steps(opened, counts([group({ queued: 6, offered: 2, awaited: 8 })], { isHeldByLimit: true }), limited)), "offers that nobody answers are silence").toMatchObject({ rule: "silence", silent: 2 });
});
