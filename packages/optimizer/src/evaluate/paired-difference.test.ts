import { seededRandom } from "@flotilla/runtime";
import { describe, expect, test } from "vitest";
import { pairedDifference, wilson } from "./paired-difference.ts";

describe("the difference of two accuracies on the same examples", () => {
  test("agrees with a worked example of Newcombe 1998: 36 and 12 against 2 and 0 of 50", () => {
    const { lowPp, highPp } = pairedDifference({ bothRight: 36, lost: 2, gained: 12, bothWrong: 0 });
    expect(lowPp).toBeCloseTo(5.69, 2);
    expect(highPp).toBeCloseTo(34.04, 2);
  });

  test("no discordant pair: difference 0, an interval around it and no evidence", () => {
    const result = pairedDifference({ bothRight: 90, lost: 0, gained: 0, bothWrong: 10 });
    expect(result).toMatchObject({ n: 100, differencePp: 0, midP: 1 });
    expect(result.lowPp).toBeLessThan(0);
    expect(result.highPp).toBeGreaterThan(0);
  });

  test("mid-p is the binomial tail, worked out by hand for small counts", () => {
    // Binomial(5, ½): P(0) = 1/32, P(1) = 5/32.
    expect(pairedDifference({ bothRight: 10, lost: 5, gained: 0, bothWrong: 0 }).midP).toBeCloseTo(1 / 32, 12);
    expect(pairedDifference({ bothRight: 10, lost: 4, gained: 1, bothWrong: 0 }).midP).toBeCloseTo(2 * (6 / 32) - 5 / 32, 12);
    expect(pairedDifference({ bothRight: 0, lost: 3_000, gained: 3_000, bothWrong: 0 }).midP).toBeGreaterThan(0.98);
  });

  test("the interval holds the true difference about 95 times in 100, also with few discordant pairs", () => {
    const next = seededRandom(11);
    let covered = 0;
    const rounds = 2_000;
    for (let round = 0; round < rounds; round += 1) {
      const counts = { bothRight: 0, lost: 0, gained: 0, bothWrong: 0 };
      for (let example = 0; example < 200; example += 1) {
        const draw = next();
        counts[draw < 0.02 ? "lost" : draw < 0.03 ? "gained" : draw < 0.93 ? "bothRight" : "bothWrong"] += 1;
      }
      const { lowPp, highPp } = pairedDifference(counts);
      if (lowPp <= -1 && -1 <= highPp) covered += 1;
    }
    expect(covered / rounds).toBeGreaterThan(0.93);
    expect(covered / rounds).toBeLessThanOrEqual(1);
  });

  test("the Wilson interval of 0 of 10 is from 0 to 0.2775", () => {
    expect(wilson(0, 10)).toMatchObject({ share: 0, low: 0 });
    expect(wilson(0, 10).high).toBeCloseTo(0.277_532, 5);
  });
});
