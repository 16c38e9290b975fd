import { expect, test } from "vitest";
import { chooseChannels } from "./choose-channels.ts";

const even = (count: number, score: number) => ({ classes: Array.from({ length: count }, (_, at) => at), scores: Array.from({ length: count }, () => score) });

test("the least valuable channels of all groups go first", () => {
  const groups = [
    { classes: [0, 1, 2, 3], scores: [2, 0.1, 1.8, 0.1] },
    { classes: [4, 5, 6, 7], scores: [1, 1, 1, 1] },
  ];
  expect(chooseChannels(groups, { ratio: 0.25, roundTo: 1 })).toEqual([[1, 3], []]);
});

test("what stays is a multiple of the block, and never less than one", () => {
  const removed = chooseChannels([even(20, 1), even(8, 0.1), even(64, 1)], { ratio: 0.9, roundTo: 8 });
  expect(removed.map(({ length }, at) => ([20, 8, 64][at] ?? 0) - length)).toEqual([8, 8, 8]);
});

test("the share is met as nearly as blocks allow", () => {
  const count = (ratio: number) => chooseChannels([even(32, 1), even(32, 1)], { ratio, roundTo: 8 }).flat().length;
  expect([0.05, 0.1, 0.25, 0.5].map(count)).toEqual([0, 8, 16, 32]);
});
