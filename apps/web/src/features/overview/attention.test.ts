import { describe, expect, test } from "vitest";
import type { DeviceSummary, JobView, RolloutCounts, RolloutView } from "@flotilla/fleet";
import { attentionItems, heldOrder } from "./attention.ts";

const zero: RolloutCounts = {
  total: 0, queued: 0, offered: 0, downloading: 0, installing: 0, verifying: 0, succeeded: 0, failed: 0, rolledBack: 0, timedOut: 0, cancelled: 0, skipped: 0, superseded: 0, unreachable: 0, resolved: 0,
};
const rollout = (id: string, state: RolloutView["state"], counts: Partial<RolloutCounts>): RolloutView => ({
  id, name: id, state, cause: null, version: 1, build: { id: "b", name: "b" }, fleet: { id: "f", name: "f" }, query: "",
  policy: { inProgressTimeoutMs: 1, verifyTimeoutMs: 1, maxAttempts: 1, offlineAfterMs: 1, minSample: 1, waveTimeoutMs: 1, maxInFlight: null }, waves: [], counts: { ...zero, ...counts }, rollbackCounts: null,
  actions: [], verdict: "verdict", offeredLastMinute: 0, createdAt: "2026-11-24T03:00:00Z", createdByName: "Ana", startedAt: "2026-11-24T03:00:00Z", finishedAt: null,
});
const job = (id: string, kind: string, state: JobView["state"]): JobView => ({
  id, kind, state, cause: null, causeCode: null, progress: null, progressText: null, attempt: 1, maxAttempts: 3, subjectKind: null, subjectId: null, subjectName: "x", createdByName: "Ana",
  createdAt: "2026-11-24T03:00:00Z", startedAt: null, finishedAt: "2026-11-24T03:00:00Z", workerId: null, cancelRequested: false, payload: null, result: null, queuedBefore: null,
});
const summary = (silent: number): DeviceSummary => ({ total: 10, byPresence: { reporting: 10 - silent, late: 0, silent, never: 0 }, drift: 0, byClass: [], byBuild: [] });
const none = { rollouts: [], jobs: [], rejected: [], keyChanges: [], summary: summary(0) };

describe("what needs attention", () => {
  test("nothing wrong is an empty list", () => {
    expect(attentionItems({ ...none, rollouts: [rollout("r", "running", { succeeded: 5 })], jobs: [job("j", "build", "succeeded")] })).toEqual([]);
  });
  test("halted rollouts lead, then the widest blast radius", () => {
    const items = attentionItems({
      ...none, rollouts: [rollout("paused-wide", "paused", { succeeded: 500 }), rollout("halted-small", "halted", { failed: 2 }), rollout("halted-wide", "halted", { succeeded: 40, failed: 9 })],
      jobs: [job("j", "build", "failed")], summary: summary(30),
    });
    expect(items.map((item) => item.key)).toEqual(["rollout:halted-wide", "rollout:halted-small", "rollout:paused-wide", "silent", "job:j"]);
  });
  test("a refused model is told once, not as job and as version", () => {
    const items = attentionItems({ ...none, jobs: [job("j", "import", "failed")], rejected: [{ id: "v", modelId: "m", modelName: "digits", number: 2, rejectReason: "uses custom operator X", decidedAt: null }] });
    expect(items.map((item) => item.kind)).toEqual(["version_rejected"]);
    expect(items[0]?.sentence).toBe("uses custom operator X");
  });
  test("a key change names its device and leads to it", () => {
    const [item] = attentionItems({ ...none, keyChanges: [{ deviceId: "dev_1", deviceName: "cam-7", createdAt: "2026-11-24T03:00:00Z" }] });
    expect(item).toMatchObject({ kind: "key_change", href: "/devices/dev_1", devices: 1 });
  });
  test("while somebody works in the list nothing jumps; new items are counted", () => {
    const fresh = [{ key: "new" }, { key: "b" }, { key: "a" }];
    expect(heldOrder(["a", "b", "gone"], fresh)).toEqual({ items: [{ key: "a" }, { key: "b" }], added: 1 });
  });
});
