import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allExamples, numbersOf, TestFolder } from "../testing/test-folder.ts";
import { renderSyntheticDigit, renderSyntheticDigits } from "./synthetic-digits.ts";
import { writeSyntheticDigits } from "./write-synthetic-digits.ts";

const folder = new TestFolder();
const AREA = 28 * 28;

test("a seed draws the same digits on every machine and for years", () => {
  const { pixels, labels } = renderSyntheticDigits({ count: 50, seed: 7 });
  expect([...labels.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
  expect(createHash("sha256").update(pixels).digest("hex")).toBe("36f3aa644331148a02aa9b93a11bd7d838c436c0cb3e031edec4cd2ee66df46b");
});

test("one digit alone is the one among many, and other seeds draw others", () => {
  const { pixels } = renderSyntheticDigits({ count: 20, seed: 3 });
  expect(renderSyntheticDigit(13, 3).pixels).toEqual(pixels.slice(13 * AREA, 14 * AREA));
  expect(renderSyntheticDigit(13, 4).pixels).not.toEqual(pixels.slice(13 * AREA, 14 * AREA));
});

test("no two digits are alike, each is in the picture and away from its edge", () => {
  const { pixels } = renderSyntheticDigits({ count: 1_000, seed: 1 });
  const digits = Array.from({ length: 1_000 }, (_, at) => pixels.subarray(at * AREA, (at + 1) * AREA));
  expect(new Set(digits.map((digit) => createHash("sha256").update(digit).digest("hex"))).size).toBe(1_000);
  const faults = digits.filter((digit) => {
    const isInk = (value: number): boolean => value > 128;
    const ink = digit.filter(isInk).length;
    const edge = digit.filter((value, at) => isInk(value) && (at % 28 === 0 || at % 28 === 27 || at < 28 || at >= AREA - 28)).length;
    return ink < 20 || ink > 350 || edge > 4;
  });
  expect(faults.length).toBeLessThan(10);
});

test("they are digits: whoever has seen 2,000 knows most of the next 500 by their nearest neighbour", () => {
  const { pixels, labels } = renderSyntheticDigits({ count: 2_500, seed: 11 });
  // Every second pixel in both directions is enough, and quick.
  const seen = Array.from({ length: 2_500 }, (_, digit) => Array.from({ length: 196 }, (_unused, at) => pixels[digit * AREA + Math.floor(at / 14) * 56 + (at % 14) * 2] ?? 0));
  let known = 0;
  for (let asked = 2_000; asked < 2_500; asked += 1) {
    let [nearest, least] = [0, Number.POSITIVE_INFINITY];
    for (let other = 0; other < 2_000; other += 1) {
      const distance = squaredDistance(seen[asked] ?? [], seen[other] ?? [], least);
      if (distance < least) [nearest, least] = [other, distance];
    }
    if (labels[nearest] === labels[asked]) known += 1;
  }
  expect(known / 500).toBeGreaterThan(0.8);
  expect(known / 500).toBeLessThan(1);
});

function squaredDistance(one: readonly number[], other: readonly number[], enough: number): number {
  let sum = 0;
  for (let at = 0; at < one.length && sum < enough; at += 1) sum += ((one[at] ?? 0) - (other[at] ?? 0)) ** 2;
  return sum;
}

test("they make a dataset file with all splits, the same bytes each time", async () => {
  const [one, other] = [folder.newPath(), folder.newPath()];
  const header = await writeSyntheticDigits({ count: 200, seed: 5 }, one);
  await writeSyntheticDigits({ count: 200, seed: 5 }, other);
  expect(readFileSync(one).equals(readFileSync(other))).toBe(true);
  expect(header).toMatchObject({ kind: "image", shape: [28, 28, 1], classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], counts: { train: 140, calibration: 10, validation: 20, test: 30 } });
  expect(header.classCounts.test).toEqual([3, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
  const examples = await allExamples(await folder.open(one));
  const example = examples.find(({ id }) => id === "digit 42");
  expect(example?.label).toBe(2);
  expect(example ? numbersOf(example) : []).toEqual([...renderSyntheticDigit(42, 5).pixels]);
});
