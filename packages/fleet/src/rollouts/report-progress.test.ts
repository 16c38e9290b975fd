import type { DeploymentReport } from "@flotilla/protocol";
import { expect, test } from "vitest";
import { progressAfter, type Progress, type WantedDigests } from "./report-progress.ts";

const wanted: WantedDigests = { buildId: "bld_2", manifestSha256: "c".repeat(64), modelSha256s: ["d".repeat(64), "e".repeat(64)] };
const attested = { buildId: "bld_2", manifestSha256: "c".repeat(64), versionId: "ver", modelSha256: "e".repeat(64), runningForMs: 5 };
const previous = { ...attested, buildId: "bld_1", manifestSha256: "a".repeat(64) };
const probe = { passed: true, loadMs: 12, maxAbsError: 0 };

const at = (state: Progress["state"], attempt = 1): Progress => ({ state, attempt, failureCode: null, failureDetail: null, recovery: null, runningSha256: null });
const says = (phase: DeploymentReport["phase"], more: Partial<DeploymentReport> = {}): DeploymentReport => ({ deploymentId: "dep_1", targetVersion: 5, attempt: 1, phase, ...more });
const stateAfter = (...args: Parameters<typeof progressAfter>): string | null => progressAfter(...args)?.progress.state ?? null;

test("success needs the attested digests and a passed probe; a bare claim is on verification", () => {
  expect(stateAfter(at("verifying"), says("succeeded", { probe }), attested, wanted)).toBe("succeeded");
  const claims: [DeploymentReport, typeof attested | null][] = [
    [says("succeeded"), attested],
    [says("succeeded", { probe: { ...probe, passed: false } }), attested],
    [says("succeeded", { probe }), null],
    [says("succeeded", { probe }), previous],
    [says("succeeded", { probe }), { ...attested, manifestSha256: "f".repeat(64) }],
    [says("succeeded", { probe }), { ...attested, modelSha256: "f".repeat(64) }],
    [says("succeeded", { probe }), { ...attested, buildId: "bld_3" }],
  ];
  for (const [report, running] of claims) expect(stateAfter(at("installing"), report, running, wanted)).toBe("verifying");
  for (const [report, running] of claims) expect(stateAfter(at("timed_out"), report, running, wanted)).toBeNull();
});

test("going back to no model succeeds when the device attests to run none", () => {
  expect(stateAfter(at("downloading"), says("succeeded"), null, null)).toBe("succeeded");
  expect(stateAfter(at("downloading"), says("succeeded"), attested, null)).toBe("verifying");
});

test("within an attempt phases only rise, and repeating a report changes nothing", () => {
  const phases = ["downloading", "installing", "verifying"] as const;
  for (const [i, state] of phases.entries()) {
    for (const [j, phase] of phases.entries()) expect(stateAfter(at(state), says(phase), previous, wanted), `${phase} after ${state}`).toBe(j > i ? phase : null);
  }
  expect(stateAfter(at("succeeded"), says("succeeded", { probe }), attested, wanted)).toBeNull();
});

test("a new attempt starts again and moves the deadline; an older attempt's report is late news", () => {
  expect(progressAfter(at("verifying"), says("downloading", { attempt: 2 }), previous, wanted)).toMatchObject({ progress: { state: "downloading", attempt: 2 }, isPickUp: true });
  expect(progressAfter(at("offered", 0), says("downloading"), previous, wanted)).toMatchObject({ isPickUp: true });
  expect(progressAfter(at("downloading"), says("installing"), previous, wanted)).toMatchObject({ isPickUp: false });
  expect(stateAfter(at("downloading", 2), says("failed", { failure: { code: "download", detail: "", recovery: "no_state_change" } }), previous, wanted)).toBeNull();
});

test("a failure keeps code, detail and what the device runs now; one that went back is rolled back", () => {
  const failure = { code: "load_failed" as const, detail: "cannot open", recovery: "no_state_change" as const };
  expect(progressAfter(at("verifying"), says("failed", { failure }), previous, wanted)?.progress).toEqual({
    state: "failed", attempt: 1, failureCode: "load_failed", failureDetail: "cannot open", recovery: "no_state_change", runningSha256: "a".repeat(64),
  });
  expect(stateAfter(at("verifying"), says("failed", { failure: { ...failure, recovery: "rollback_complete" } }), previous, wanted)).toBe("rolled_back");
  expect(stateAfter(at("offered"), says("failed", { failure: { ...failure, recovery: "unable_to_roll_back" } }), null, wanted)).toBe("failed");
});

test("a late answer corrects a time-out and clears its text", () => {
  const late = { ...at("timed_out"), failureCode: "timeout", failureDetail: "too late" };
  expect(progressAfter(late, says("succeeded", { probe }), attested, wanted)?.progress).toMatchObject({ state: "succeeded", failureCode: null, failureDetail: null });
  expect(stateAfter(late, says("failed", { failure: { code: "load_failed", detail: "", recovery: "no_state_change" } }), previous, wanted)).toBe("failed");
  expect(stateAfter(late, says("verifying", { attempt: 2 }), previous, wanted)).toBeNull();
});

test("what is queued, ended, cancelled or superseded is not moved by reports", () => {
  for (const state of ["queued", "succeeded", "failed", "rolled_back", "cancelled", "skipped", "superseded"] as const) {
    for (const phase of ["downloading", "installing", "verifying", "succeeded", "failed"] as const) {
      expect(stateAfter(at(state), says(phase, { probe, attempt: 9 }), attested, wanted), `${phase} after ${state}`).toBeNull();
    }
  }
});
