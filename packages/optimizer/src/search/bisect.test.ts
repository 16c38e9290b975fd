import fc from "fast-check";
import { expect, test } from "vitest";
import { leastEnough } from "./bisect.ts";

test("the least number that is enough is found with few questions", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(200), fc.nat(220), async (most, threshold) => {
      const asked: number[] = [];
      const result = await leastEnough(most, (count) => {
        asked.push(count);
        return Promise.resolve(count >= threshold);
      });
      expect(result).toEqual({ count: threshold <= most ? threshold : null, isCut: false });
      expect(asked.length).toBeLessThanOrEqual(2 + Math.log2(most + 1));
      expect(new Set(asked).size).toBe(asked.length);
    }),
  );
});

test("when time is over the least that was enough so far counts", async () => {
  let questions = 0;
  const result = await leastEnough(100, (count) => Promise.resolve(++questions > 3 ? null : count >= 20));
  expect(result).toEqual({ count: 25, isCut: true });
});
