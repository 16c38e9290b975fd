import { describe, expect, test } from "vitest";
import type { RolloutCounts, RolloutView, WaveView } from "@flotilla/fleet";
import { blastRadius, blastSentence, ifNothingIsDone, rollbackSize, spreading } from "./blast-radius.ts";
import { planInShort, presetOf, wavePresets, waveProblems, withWaveAdded, withWaveRemoved } from "./wave-plan.ts";
import { deploymentOrder, deploymentParts, deploymentWords, waveProgress, waveSteps } from "./words.ts";

const zero: RolloutCounts = {
  total: 0, queued: 0, offered: 0, downloading: 0, installing: 0, verifying: 0, succeeded: 0, failed: 0, rolledBack: 0, timedOut: 0, cancelled: 0, skipped: 0, superseded: 0, unreachable: 0, resolved: 0,
};
const counts = (some: Partial<RolloutCounts>): RolloutCounts => ({ ...zero, ...some });
const wave = (position: number, state: WaveView["state"], some: Partial<RolloutCounts> = {}): WaveView => ({
  position, percent: 50 * (position + 1), soakSeconds: 60, maxFailurePercent: 5, state, openedAt: null, soakUntil: null, finishedAt: null, counts: counts(some),
});
const rollout = (some: Partial<RolloutView>): RolloutView => ({
  id: "rol_1", name: "r", state: "running", cause: null, version: 1, build: { id: "b", name: "b" }, fleet: { id: "f", name: "f" }, query: "",
  policy: { inProgressTimeoutMs: 1, verifyTimeoutMs: 1, maxAttempts: 1, offlineAfterMs: 1, minSample: 1, waveTimeoutMs: 1, maxInFlight: null }, waves: [], counts: zero, rollbackCounts: null, actions: [], verdict: "",
  offeredLastMinute: 0, createdAt: "2026-11-24T03:00:00Z", createdByName: "Ana", startedAt: null, finishedAt: null, ...some,
});

describe("what a rollout has touched", () => {
  test("every deployment state has a word and is drawn exactly once", () => {
    expect([...deploymentOrder].sort()).toEqual(Object.keys(deploymentWords).sort());
    const all = counts({ total: 78, queued: 1, offered: 2, downloading: 3, installing: 4, verifying: 5, succeeded: 6, failed: 7, rolledBack: 8, timedOut: 9, cancelled: 10, skipped: 11, superseded: 12 });
    expect(deploymentParts(all).reduce((sum, part) => sum + part.count, 0)).toBe(78);
  });
  test("untouched devices are never counted as touched", () => {
    expect(blastRadius(counts({ total: 24, succeeded: 14, failed: 1, rolledBack: 1, queued: 8, unreachable: 1 }))).toEqual({ touched: 16, healthy: 14, failing: 2, notReached: 8, unreachable: 1 });
    expect(blastSentence(counts({ total: 24, succeeded: 14, failed: 2, queued: 8, unreachable: 1 }))).toBe("16 devices touched: 14 healthy, 2 failing. 8 not reached, 1 cannot be reached now.");
    expect(blastSentence(counts({ total: 24, queued: 24 }))).toBe("No device touched yet. 24 devices not reached.");
  });
  test("a roll back counts only devices that have or may have the build, not those that failed to take it", () => {
    expect(rollbackSize(counts({ succeeded: 12, verifying: 2, offered: 1, timedOut: 1, failed: 5, rolledBack: 3, queued: 8 }))).toBe(16);
  });
  test("only a running rollout that offers is spreading", () => {
    expect(spreading({ state: "running", offeredLastMinute: 14 })).toEqual({ spreads: true, sentence: "Spreading: 14 devices in the last minute" });
    expect(spreading({ state: "halted", offeredLastMinute: 3 }).sentence).toBe("Not spreading");
  });
  test("doing nothing is told for every state", () => {
    expect(ifNothingIsDone(rollout({ state: "halted", counts: counts({ total: 24, succeeded: 12, queued: 12 }) }))).toBe("It stays halted. No other device is offered the build. 12 devices keep the new build until you roll back. It does not roll back by itself.");
    expect(ifNothingIsDone(rollout({ waves: [wave(0, "active"), wave(1, "pending")] }))).toBe("Wave 2 opens by itself when this one has passed. It halts by itself when more than 5 % of the devices that answered fail.");
    expect(ifNothingIsDone(rollout({ waves: [wave(0, "passed"), wave(1, "soaking")] }))).toContain("last wave");
  });
  test("waves are told with their bad devices, and k of n counts opened ones", () => {
    const waves = [wave(0, "passed", { total: 10, succeeded: 9, failed: 1 }), { ...wave(1, "soaking", { total: 12, succeeded: 12, skipped: 2 }), soakUntil: "2026-11-24T03:02:00Z" }, wave(2, "pending")];
    expect(waveProgress(waves)).toEqual({ at: 2, of: 3 });
    const steps = waveSteps(waves, Date.parse("2026-11-24T03:01:00Z"));
    expect(steps[0]).toMatchObject({ total: 10, succeeded: 9, failed: 1 });
    expect(steps[1]).toMatchObject({ total: 10, note: "moves on in 1 min" });
  });
});

describe("planning waves", () => {
  test("every preset may be started as it is and is recognised again", () => {
    for (const [key, preset] of Object.entries(wavePresets)) {
      expect(waveProblems(preset.waves)).toEqual([]);
      expect(presetOf(preset.waves)).toBe(key);
    }
    expect(presetOf([{ percent: 100, soakSeconds: 1, maxFailurePercent: 1 }])).toBeNull();
  });
  test("falling shares, an unfinished plan and wild numbers are refused with the row", () => {
    const wrong = waveProblems([{ percent: 50, soakSeconds: 0, maxFailurePercent: 5 }, { percent: 20, soakSeconds: -1, maxFailurePercent: 500 }]);
    expect(wrong.map((problem) => problem.row)).toEqual([1, 1, 1, 1]);
    expect(waveProblems([])).toHaveLength(1);
  });
  test("adding and removing waves keeps a valid plan valid", () => {
    for (const preset of Object.values(wavePresets)) {
      const more = withWaveAdded(preset.waves);
      expect(waveProblems(more)).toEqual([]);
      more.forEach((_, row) => expect(waveProblems(withWaveRemoved(more, row))).toEqual([]));
    }
  });
  test("a plan is told in one line", () => {
    expect(planInShort(wavePresets.standard.waves)).toBe("10 %, after 2 min 50 %, after 1 min 100 % (3 waves)");
  });
});
