import { expect, test } from "vitest";
import type { Preprocessing } from "@flotilla/fleet";
import { draftOf, preprocessingOf } from "./preprocessing-draft.ts";

const image: Preprocessing = {
  kind: "image", resize: { width: 224, height: 200, fit: "cover" }, centreCrop: { width: 64, height: 32 }, channels: "bgr", layout: "nhwc", invert: true, scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.2, 0.3, 0.4], elementType: "float16",
};

test("what was saved comes back unchanged from the form", () => {
  const others: Preprocessing[] = [
    { kind: "values", input: "x", output: "scores", scale: 1, mean: [], std: [], elementType: "float32" },
    { kind: "audio", lengthSamples: 16_000, channelAxis: true, scale: 0.5, elementType: "float32" },
  ];
  for (const said of [image, ...others]) expect(preprocessingOf(draftOf(said)).value).toEqual(said);
  expect(draftOf(image).scale).toBe("1/255");
});

test("what is wrong is named before it is sent", () => {
  const draft = draftOf(image);
  expect(preprocessingOf({ ...draft, scale: "0" }).problem).toContain("scale");
  expect(preprocessingOf({ ...draft, scale: "1/0" }).problem).toContain("scale");
  expect(preprocessingOf({ ...draft, mean: "0.5, x" }).problem).toContain("mean");
  expect(preprocessingOf({ ...draft, std: "0" }).problem).toContain("deviation");
  expect(preprocessingOf({ ...draft, width: "2.5" }).problem).toContain("whole numbers");
});
