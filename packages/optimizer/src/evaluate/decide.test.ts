import { describe, expect, test } from "vitest";
import type { Comparison } from "./decide.ts";
import { decideVerdict } from "./decide.ts";
import { pairedDifference } from "./paired-difference.ts";

const EQUAL = pairedDifference({ bothRight: 9_850, lost: 20, gained: 21, bothWrong: 109 });

function comparison(changes: Partial<Comparison>): Comparison {
  return {
    technique: "int8",
    parent: { sizeBytes: 4_950_000, latencyMsP50: 7.5, latencyMsP95: 8 },
    variant: { sizeBytes: 1_340_000, latencyMsP50: 2.7, latencyMsP95: 3 },
    latencyRatio: { median: 0.36, low: 0.355, high: 0.37, pairs: 400 },
    accuracy: EQUAL,
    agreement: 0.95,
    ...changes,
  };
}

const SLOWER: Partial<Comparison> = {
  parent: { sizeBytes: 88_419, latencyMsP50: 0.027, latencyMsP95: 0.03 },
  variant: { sizeBytes: 27_000, latencyMsP50: 0.045, latencyMsP95: 0.05 },
  latencyRatio: { median: 1.8, low: 1.7, high: 1.9, pairs: 400 },
};

describe("the verdict on a variant", () => {
  test("smaller and faster without a loss helps, and the numbers are in the sentence", () => {
    const verdict = decideVerdict(comparison({}), { accuracyDropPpMax: 0.5, latencyMsP95Max: 8, sizeBytesMax: 2_000_000 });
    expect(verdict).toMatchObject({ kind: "helps", meetsGoal: true });
    expect(verdict.sentence).toContain("int8 is 2.8 × faster: 2.7 ms against 7.5 ms");
    expect(verdict.sentence).toContain("no difference in accuracy beyond noise on 10000 examples");
    expect(verdict.criteria.every(({ isCertain }) => isCertain)).toBe(true);
  });

  test("int8 that is slower does not help where speed is wanted, and helps where size is", () => {
    const verdict = decideVerdict(comparison(SLOWER), { wanted: "speed" });
    expect(verdict.kind).toBe("no_help");
    expect(verdict.sentence).toMatch(/^int8 is 1\.8 × slower on this model: 45 µs against 27 µs/);
    const forSize = decideVerdict(comparison(SLOWER), { wanted: "size" });
    expect(forSize.kind).toBe("helps");
    expect(forSize.sentence).toContain("slower");
  });

  test("a ratio whose interval holds 1 is noise, neither faster nor slower", () => {
    const noisy = comparison({ latencyRatio: { median: 0.93, low: 0.8, high: 1.05, pairs: 50 } });
    const verdict = decideVerdict(noisy, { wanted: "speed" });
    expect(verdict.kind).toBe("no_help");
    expect(verdict.sentence).toContain("within the noise");
  });

  test("a missed limit is said first and outweighs every gain", () => {
    const lost = pairedDifference({ bothRight: 8_000, lost: 500, gained: 100, bothWrong: 1_400 });
    const verdict = decideVerdict(comparison({ accuracy: lost }), { accuracyDropPpMax: 0.5 });
    expect(verdict).toMatchObject({ kind: "no_help", meetsGoal: false, criteria: [{ state: "missed", isCertain: true }] });
    expect(verdict.sentence).toMatch(/^accuracy changed by −4 pp/);
  });

  test("a limit that the interval crosses is met or missed, but not certainly", () => {
    const few = pairedDifference({ bothRight: 540, lost: 9, gained: 6, bothWrong: 345 });
    const [met] = decideVerdict(comparison({ accuracy: few }), { accuracyDropPpMax: 0.5 }).criteria;
    expect(met).toMatchObject({ state: "met", isCertain: false });
    const [missed] = decideVerdict(comparison({ accuracy: few }), { accuracyDropPpMax: 0.1 }).criteria;
    expect(missed).toMatchObject({ state: "missed", isCertain: false });
    expect(missed?.sentence).toContain("too few examples to be sure");
  });

  test("what was not measured is neither met nor hidden", () => {
    const blind = comparison({ accuracy: null, latencyRatio: null, variant: { sizeBytes: 1_340_000, latencyMsP50: null, latencyMsP95: null } });
    const verdict = decideVerdict(blind, { accuracyDropPpMax: 0.5, latencyMsP95Max: 8 });
    expect(verdict.meetsGoal).toBe(false);
    expect(verdict.criteria.map(({ state }) => state)).toEqual(["not_measured", "not_measured"]);
    expect(verdict.sentence).toContain("the same class as its parent for 95 %");
  });

  test("without limits there is no goal to meet", () => {
    expect(decideVerdict(comparison({})).meetsGoal).toBeNull();
  });
});
