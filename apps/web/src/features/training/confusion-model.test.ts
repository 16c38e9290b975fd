import { expect, test } from "vitest";
import { cellSentence, classQuality, confusionFinding, mistakes, shownClasses, type Confusion } from "./confusion-model.ts";

const digits: Confusion = { classes: ["0", "4", "9"], counts: [[10, 0, 0], [1, 6, 3], [0, 1, 9]] };

test("mistakes come by how often they were made", () => {
  expect(mistakes(digits).map(({ actual, answered, count }) => [actual, answered, count])).toEqual([[1, 2, 3], [1, 0, 1], [2, 1, 1]]);
});

test("a class without examples or answers has no quality rather than 0", () => {
  expect(classQuality(digits, 1)).toEqual({ recall: 0.6, precision: 6 / 7 });
  expect(classQuality({ classes: ["a", "b"], counts: [[3, 0], [0, 0]] }, 1)).toEqual({ recall: null, precision: null });
});

test("of many classes both sides of the commonest mistakes are shown, in the order of the classes", () => {
  expect(shownClasses(digits, 2)).toEqual([1, 2]);
  expect(shownClasses(digits, 3)).toEqual([0, 1, 2]);
  expect(shownClasses({ classes: ["a", "b", "c", "d"], counts: [[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0], [0, 5, 0, 9]] }, 3)).toEqual([0, 1, 3]);
});

test("the finding names the commonest mistake, and says so when there is none", () => {
  expect(confusionFinding(digits)).toBe("83.33 % right: 25 of 30; most often 4 was taken for 9 (3 times).");
  expect(confusionFinding({ classes: ["a"], counts: [[5]] })).toBe("100.00 % right: 5 of 5, no mistake.");
  expect(confusionFinding({ classes: ["a"], counts: [[0]] })).toBe("No example was asked.");
});

test("a cell is told as a sentence", () => {
  expect(cellSentence(digits, 1, 2)).toBe("3 of 10 “4” taken for “9”, 30.0 %");
  expect(cellSentence(digits, 0, 0)).toBe("10 of 10 “0” found, 100.0 %");
});
