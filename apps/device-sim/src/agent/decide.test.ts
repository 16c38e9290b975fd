import { deploymentReportSchema, slotReportSchema, type Target } from "@flotilla/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { deploymentReport, isInterruptible, nextStep, slotReports, transition, type AgentEvent } from "./decide.ts";
import { EMPTY_STATE, agentStateSchema, type AgentState, type Probe, type SlotContent } from "./state.ts";

const probe: Probe = { passed: true, loadMs: 5, maxAbsError: 0 };
const digest = (n: number): string => String(n).padStart(64, "0");

function content(build: number): SlotContent {
  return {
    buildId: `build-${build}`, buildName: `b${build}`, manifestSha256: digest(build), versionId: `v${build}`, modelName: "m", modelFile: "model.onnx", modelSha256: digest(build + 100),
    files: [], goldenSha256: digest(1), relativeTolerance: 1e-3, absoluteTolerance: 1e-4, requiredMemoryBytes: 0, intraOpThreads: 1, executionProviders: ["cpu"],
  };
}

function target(targetVersion: number, build: number | null, maxAttempts = 3): Target {
  const manifest = { sha256: digest(build ?? 0), sizeBytes: 10 };
  return { targetVersion, deploymentId: `d${targetVersion}`, build: build === null ? null : { buildId: `build-${build}`, name: `b${build}`, manifest }, maxAttempts, attemptTimeoutMs: 1_000 };
}

function after(events: readonly AgentEvent[], from: AgentState = EMPTY_STATE): AgentState {
  return events.reduce(transition, from);
}

/** The events of an install without trouble, up to and without the end of probation. */
function installTo(slot: "a" | "b", targetVersion: number, build: number): AgentEvent[] {
  return [
    { kind: "target", target: target(targetVersion, build) },
    { kind: "downloaded" },
    { kind: "slot_opened_for_writing", slot, content: content(build) },
    { kind: "slot_written", slot },
    { kind: "probe_passed", slot, probe },
  ];
}

const installedA = after([...installTo("a", 1, 1), { kind: "healthy" }]);

test("an install goes through download, slot, probe, switch and probation, and ends in success", () => {
  let state = transition(EMPTY_STATE, { kind: "target", target: target(1, 1) });
  expect(nextStep(state)).toMatchObject({ kind: "download" });
  state = transition(state, { kind: "downloaded" });
  expect(nextStep(state)).toMatchObject({ kind: "write_slot", slot: "a" });
  state = after([{ kind: "slot_opened_for_writing", slot: "a", content: content(1) }, { kind: "slot_written", slot: "a" }], state);
  expect(nextStep(state)).toEqual({ kind: "probe", slot: "a" });
  expect(state.active).toBeNull();
  state = transition(state, { kind: "probe_passed", slot: "a", probe });
  expect(state.active).toBe("a");
  expect(nextStep(state)).toEqual({ kind: "probation", slot: "a" });
  state = transition(state, { kind: "healthy" });
  expect(nextStep(state)).toEqual({ kind: "idle" });
  expect(deploymentReport(state, null)).toMatchObject({ phase: "succeeded", probe });
});

test("only a target with a higher version is taken", () => {
  expect(transition(installedA, { kind: "target", target: target(1, 2) })).toBe(installedA);
  expect(transition(installedA, { kind: "target", target: target(2, 2) }).target?.build?.buildId).toBe("build-2");
});

test("a model that fails on probation is left for the previous one, its slot is bad, and the report says so", () => {
  const state = after([...installTo("b", 2, 2), { kind: "unhealthy", code: "probation_failed", detail: "x" }], installedA);
  expect(state.active).toBe("a");
  expect(state.slots.b.state).toBe("bad");
  expect(nextStep(state)).toEqual({ kind: "revert", to: "a" });
  const done = transition(state, { kind: "reverted", running: true });
  expect(deploymentReport(done, null)?.failure).toMatchObject({ code: "probation_failed", recovery: "rollback_complete" });
  expect(nextStep(done)).toEqual({ kind: "idle" });
  expect(transition(state, { kind: "reverted", running: false }).deployment?.failure?.recovery).toBe("unable_to_roll_back");
});

test("a build that failed is not tried again by itself, but a new target for it is", () => {
  const failed = after([...installTo("b", 2, 2).slice(0, 4), { kind: "failed", code: "probe_failed", detail: "x" }], installedA);
  expect(failed.slots.b.state).toBe("bad");
  expect(nextStep(failed)).toEqual({ kind: "idle" });
  expect(nextStep(transition(failed, { kind: "target", target: target(2, 2) }))).toEqual({ kind: "idle" });
  expect(nextStep(transition(failed, { kind: "target", target: target(3, 2) }))).toMatchObject({ kind: "download" });
});

test("retryable failures get as many attempts as the target allows, others end at once", () => {
  let state = transition(EMPTY_STATE, { kind: "target", target: target(1, 1, 2) });
  state = transition(state, { kind: "failed", code: "download", detail: "x" });
  expect(state.deployment).toMatchObject({ attempt: 2, phase: "downloading" });
  state = transition(state, { kind: "failed", code: "timeout", detail: "x" });
  expect(state.deployment).toMatchObject({ phase: "failed", failure: { code: "timeout", recovery: "no_state_change" } });
  const digestFailure = after([{ kind: "target", target: target(1, 1) }, { kind: "failed", code: "digest_mismatch", detail: "x" }]);
  expect(digestFailure.deployment?.phase).toBe("failed");
});

test("a rollback to the build in the other slot needs no download", () => {
  const onB = after([...installTo("b", 2, 2), { kind: "healthy" }], installedA);
  const back = transition(onB, { kind: "target", target: target(3, 1) });
  expect(nextStep(back)).toEqual({ kind: "reuse_slot", slot: "a" });
  expect(nextStep(transition(back, { kind: "slot_reused", slot: "a" }))).toEqual({ kind: "probe", slot: "a" });
});

test("a target for the build that runs is confirmed, not installed again", () => {
  const again = transition(installedA, { kind: "target", target: target(2, 1) });
  expect(nextStep(again)).toEqual({ kind: "confirm", slot: "a" });
  expect(deploymentReport(transition(again, { kind: "confirmed", slot: "a" }), null)).toMatchObject({ phase: "succeeded", probe });
});

test("a target without a build runs no model", () => {
  const none = transition(installedA, { kind: "target", target: target(2, null) });
  expect(nextStep(none)).toEqual({ kind: "unload" });
  expect(transition(none, { kind: "unloaded" })).toMatchObject({ active: null, deployment: { phase: "succeeded" } });
});

test("cancel stops an install before the switch, and never after it or of another deployment", () => {
  const before = after(installTo("b", 2, 2).slice(0, 4), installedA);
  expect(transition(before, { kind: "cancel", deploymentId: "other" })).toBe(before);
  expect(transition(before, { kind: "cancel", deploymentId: "d2" })).toMatchObject({ active: "a", deployment: { phase: "failed", failure: { code: "cancelled" } } });
  const switched = after(installTo("b", 2, 2), installedA);
  expect(transition(switched, { kind: "cancel", deploymentId: "d2" })).toBe(switched);
});

test("a damaged active slot is left for the other whole one, and the wanted build is fetched again", () => {
  const onB = after([...installTo("b", 2, 2), { kind: "healthy" }], installedA);
  const state = transition(onB, { kind: "slot_damaged", slot: "b", detail: "x" });
  expect(state.active).toBe("a");
  expect(nextStep(state)).toMatchObject({ kind: "download" });
});

test("a previous model that is damaged when it is needed does not start the failed build again", () => {
  const reverting = after([...installTo("b", 2, 2), { kind: "unhealthy", code: "probation_failed", detail: "x" }], installedA);
  const state = transition(reverting, { kind: "slot_damaged", slot: "a", detail: "x" });
  expect(state.deployment).toMatchObject({ phase: "failed", failure: { code: "probation_failed", recovery: "unable_to_roll_back" } });
  expect(nextStep(state)).toEqual({ kind: "idle" });
});

test("the words of a broken model reach the report clean and short enough for the wire", () => {
  const state = after([{ kind: "target", target: target(1, 1) }, { kind: "failed", code: "load_failed", detail: `a\u0000b\ud800c\n${"😀".repeat(2_000)}` }]);
  const detail = deploymentReport(state, null)?.failure?.detail ?? "";
  expect(detail.startsWith("a b c 😀")).toBe(true);
  expect(detail.length).toBeLessThanOrEqual(1_000);
  expect(detail.isWellFormed()).toBe(true);
});

test("an active slot is never opened for writing", () => {
  expect(transition(installedA, { kind: "slot_opened_for_writing", slot: "a", content: content(9) })).toBe(installedA);
});

// ---- the whole machine under any order of luck and misfortune ---------------------------------------------------------

/** What happens to a step, and what news arrive beside it. */
const luck = fc.record({
  step: fc.constantFrom("ok", "ok", "ok", "fail_retryable", "fail_final", "damaged", "restart"),
  news: fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("target" as const), build: fc.option(fc.integer({ min: 1, max: 3 })), version: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), version: fc.integer({ min: 1, max: 12 }) }) },
  ),
});

/** The events a step gives, as `install-steps.ts` does. */
function eventsOf(state: AgentState, outcome: string): AgentEvent[] {
  const step = nextStep(state);
  const failure: AgentEvent = { kind: "failed", code: outcome === "fail_final" ? "load_failed" : "io", detail: "x" };
  const isOk = outcome === "ok";
  switch (step.kind) {
    case "idle":
      return outcome === "damaged" && state.active !== null ? [{ kind: "slot_damaged", slot: state.active, detail: "x" }] : [];
    case "unload":
      return [{ kind: "unloaded" }];
    case "confirm":
      return isOk ? [{ kind: "confirmed", slot: step.slot }] : [failure];
    case "download":
      return isOk ? [{ kind: "downloaded" }] : [failure];
    case "reuse_slot":
      return [{ kind: "slot_reused", slot: step.slot }];
    case "write_slot": {
      const opened: AgentEvent = { kind: "slot_opened_for_writing", slot: step.slot, content: content(Number(step.build.buildId.slice(6))) };
      return isOk ? [opened, { kind: "slot_written", slot: step.slot }] : [opened, failure];
    }
    case "probe":
      if (outcome === "damaged") return [{ kind: "slot_damaged", slot: step.slot, detail: "x" }, failure];
      return isOk ? [{ kind: "probe_passed", slot: step.slot, probe }] : [failure];
    case "probation":
      if (outcome === "damaged") return [{ kind: "slot_damaged", slot: step.slot, detail: "x" }];
      return isOk ? [{ kind: "probation_started" }, { kind: "healthy" }] : [{ kind: "probation_started" }, { kind: "unhealthy", code: "probation_failed", detail: "x" }];
    case "revert":
      if (outcome === "damaged" && step.to !== null) return [{ kind: "slot_damaged", slot: step.to, detail: "x" }];
      return [{ kind: "reverted", running: isOk }];
  }
}

function checkInvariants(before: AgentState, now: AgentState): void {
  expect(agentStateSchema.safeParse(now).success).toBe(true);
  // There is always something loadable behind the pointers.
  if (now.active !== null) expect(now.slots[now.active].state).not.toBe("partial");
  if (now.active !== null) expect(now.slots[now.active].state).not.toBe("empty");
  if (now.previous !== null) {
    expect(now.previous).not.toBe(now.active);
    expect(now.slots[now.previous].state).toBe("ready");
  }
  expect(now.target?.targetVersion ?? 0).toBeGreaterThanOrEqual(before.target?.targetVersion ?? 0);
  expect(now.deployment?.attempt ?? 0).toBeLessThanOrEqual(now.target?.maxAttempts ?? 0);
  if (isInterruptible(before) && now.deployment?.phase === "failed") expect(now.active).toBe(before.active);
  for (const report of slotReports(now)) expect(slotReportSchema.safeParse(report).success).toBe(true);
  const report = deploymentReport(now, { bytesDone: 5, bytesTotal: 3 });
  if (report !== null) expect(deploymentReportSchema.safeParse(report).error).toBeUndefined();
}

test("under any order of failures, damage, restarts and news a device keeps a loadable model, and reaches its target when the trouble is over", () => {
  fc.assert(
    fc.property(fc.array(luck, { maxLength: 60 }), (story) => {
      let state = EMPTY_STATE;
      const take = (event: AgentEvent): void => {
        const before = state;
        state = transition(state, event);
        checkInvariants(before, state);
      };
      for (const { step, news } of story) {
        const switching = state.deployment?.phase === "probation" || state.deployment?.phase === "reverting";
        if (news?.kind === "target" && !switching) take({ kind: "target", target: target(news.version, news.build) });
        if (news?.kind === "cancel") take({ kind: "cancel", deploymentId: `d${news.version}` });
        if (step === "restart") state = agentStateSchema.parse(JSON.parse(JSON.stringify(state)));
        else for (const event of eventsOf(state, step)) take(event);
      }
      for (let i = 0; i < 20 && nextStep(state).kind !== "idle"; i += 1) for (const event of eventsOf(state, "ok")) take(event);
      expect(nextStep(state)).toEqual({ kind: "idle" });
      take({ kind: "target", target: target(99, 2) });
      for (let i = 0; i < 20 && nextStep(state).kind !== "idle"; i += 1) for (const event of eventsOf(state, "ok")) take(event);
      expect(state.deployment?.phase).toBe("succeeded");
      expect(state.active).not.toBeNull();
      const slot = state.active === null ? null : state.slots[state.active];
      expect(slot?.state === "empty" ? null : slot?.content.buildId).toBe("build-2");
    }),
    { numRuns: 2_000 },
  );
});
