import { expect, test } from "vitest";
import { augmentationPresets, augmentationWords } from "./augmentation-words.ts";
import { freshDraft } from "./training-draft.ts";

const draft = freshDraft("template");

test("the note says what the network sees", () => {
  expect(augmentationWords(draft, true)).toContain("seen as they are");
  expect(augmentationWords({ ...draft, rotate: "8" }, true)).toBe("Each time it is seen, an example is turned by up to 8°; all of it drawn from the seed. Validation and test examples stay as they are.");
  expect(augmentationWords({ ...draft, shift: "5", flip: true, noise: "1" }, true)).toContain("shifted by up to 5 % of their side, mirrored half of the time and with noise of 1 % of their range");
});

test("a crop is told with its border", () => {
  expect(augmentationWords({ ...draft, crop: "4" }, true)).toContain("is cut out of a border of 4 pixels");
  expect(augmentationWords({ ...draft, crop: "4" }, false)).toContain("seen as they are");
});

test("what only pictures can do is not promised for others", () => {
  expect(augmentationWords({ ...draft, rotate: "8", flip: true }, false)).toContain("seen as they are");
});

test("digits are never mirrored by a set", () => {
  expect(augmentationPresets.find(({ label }) => label.startsWith("Digits"))?.part.flip).toBe(false);
});
