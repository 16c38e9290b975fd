import { expect, test } from "vitest";
import { whyNot, type WhyNotFacts } from "./why-not.ts";

const facts: WhyNotFacts = { state: "active", presence: "reporting", wantedBuildName: "b2", targetVersion: 4, knownTargetVersion: 4, phase: "idle", phaseDetail: null, deployment: null };

test("the nearest cause is named", () => {
  const failed = { state: "failed", failureCode: "load_failed", failureDetail: "opset 99", recovery: "no_state_change" };
  expect(whyNot({ ...facts, state: "revoked", presence: "silent" })).toBe("Its credential was withdrawn, so it gets no targets any more.");
  expect(whyNot({ ...facts, presence: "never" })).toBe("It has enrolled but never synced.");
  expect(whyNot({ ...facts, presence: "silent" })).toBe("It has not synced lately; it takes the build when it comes back.");
  expect(whyNot({ ...facts, presence: "silent", deployment: failed })).toBe("Its last install failed (load failed: opset 99).");
  expect(whyNot({ ...facts, deployment: { ...failed, recovery: "unable_to_roll_back" } })).toBe("Its last install failed (load failed: opset 99) and it could not go back.");
  expect(whyNot({ ...facts, deployment: { ...failed, state: "rolled_back" } })).toBe("It installed the build, found it bad (load failed: opset 99) and went back by itself.");
  expect(whyNot({ ...facts, deployment: { ...failed, state: "timed_out" } })).toBe("Its last install did not end in time.");
  expect(whyNot({ ...facts, phase: "downloading", phaseDetail: "40 %" })).toBe("It is downloading (40 %).");
  expect(whyNot({ ...facts, knownTargetVersion: 3 })).toBe("It has not picked up the target yet; it does so with its next sync.");
  expect(whyNot(facts)).toBe("It knows that it should run b2, and has not begun yet.");
  expect(whyNot({ ...facts, wantedBuildName: null })).toBe("It knows that it should run no model, and has not stopped yet.");
});
