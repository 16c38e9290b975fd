import { describe, expect, test } from "vitest";
import { float32Bytes, greyPng, npyFile, pngFile, wavFile } from "../testing/sample-files.ts";
import { TestFolder } from "../testing/test-folder.ts";
import { zipFile } from "../testing/zip-file.ts";
import { guessPreprocessing, type ModelInput } from "./guess-preprocessing.ts";
import { preprocess } from "./preprocess.ts";
import { parsePreprocessing } from "./preprocessing.ts";

const folder = new TestFolder();
const float = (...shape: (number | string)[]): ModelInput => ({ elementType: "float32", shape });
const grey = (): ReturnType<TestFolder["convert"]> => folder.convert({ "d.zip": zipFile([{ name: "a/1.png", bytes: greyPng(1, 28) }]) });
const colour = (): ReturnType<TestFolder["convert"]> => folder.convert({ "d.zip": zipFile([{ name: "a/1.png", bytes: pngFile(40, 30, 3, new Uint8Array(3_600).fill(9)) }]) });

describe("whatever is guessed makes exactly the input the model declares", () => {
  test.each<[string, ModelInput, () => ReturnType<TestFolder["convert"]>, number[]]>([
    ["grey NCHW of the same size", float("N", 1, 28, 28), grey, [1, 1, 28, 28]],
    ["grey NHWC of another size", float(1, 32, 32, 1), grey, [1, 32, 32, 1]],
    ["grey images for a colour model", float(1, 3, 28, 28), grey, [1, 3, 28, 28]],
    ["colour images for a grey model", float(1, 28, 28, 1), colour, [1, 28, 28, 1]],
    ["ImageNet size", float("batch", 3, 224, 224), colour, [1, 3, 224, 224]],
    ["open size", float("N", 3, "h", "w"), colour, [1, 3, 30, 40]],
    ["bytes", { elementType: "uint8", shape: [1, 16, 16, 3] }, colour, [1, 16, 16, 3]],
    ["halves", { elementType: "float16", shape: [1, 1, 28, 28] }, grey, [1, 1, 28, 28]],
    ["table", float("N", 2), () => folder.convert({ "t.csv": "a,b,label\n1,2,x\n3,5,y\n" }), [1, 2]],
    ["tensor", float("N", 2, 3), () => folder.convert({ "x.npy": npyFile("<f4", [2, 2, 3], float32Bytes(Array.from({ length: 12 }, (_, at) => at))) }), [1, 2, 3]],
    ["sound", float("N", 1, 5), () => folder.convert({ "d.zip": zipFile([{ name: "a/1.wav", bytes: wavFile([0.1, 0.2, 0.3], { bits: 16 }) }]) }), [1, 1, 5]],
  ])("%s", async (_, input, convert, shape) => {
    const { header, dataset } = await convert();
    const { candidates, misfit } = guessPreprocessing(input, header);
    expect(misfit).toBeNull();
    expect(candidates.length).toBeGreaterThan(0);
    for (const { preprocessing, reasons } of candidates) {
      expect(parsePreprocessing(JSON.parse(JSON.stringify(preprocessing)))).toEqual(preprocessing);
      const made = preprocess(await dataset.read("train", 0), preprocessing);
      expect([made.shape, made.elementType, made.data.length]).toEqual([shape, input.elementType, shape.reduce((product, dimension) => product * dimension, 1)]);
      expect(reasons.every((reason) => reason.length > 10)).toBe(true);
    }
  });
});

test("the first guess says why, and Caffe's order is among the others for large colour images", async () => {
  const { header } = await colour();
  const small = guessPreprocessing(float(1, 3, 32, 32), header);
  expect(small.candidates[0]).toMatchObject({ preprocessing: { scale: 1 / 255, layout: "nchw" }, reasons: expect.arrayContaining(["scaled to 0…1, the usual range", "stretched to the size of the input"]) });
  const large = guessPreprocessing(float(1, 3, 224, 224), header);
  expect(large.candidates[0]?.preprocessing).toMatchObject({ resize: { width: 256, height: 256, fit: "cover" }, centreCrop: { width: 224, height: 224 }, mean: [0.485, 0.456, 0.406] });
  expect(large.candidates.map(({ preprocessing }) => (preprocessing.kind === "image" ? preprocessing.channels : ""))).toContain("bgr");
});

test.each<[string, ModelInput, string]>([
  ["another type", { elementType: "int64", shape: [1, 1, 28, 28] }, "int64"],
  ["no shape", { elementType: "float32", shape: null }, "does not say the shape"],
  ["a flat input", float(1, 784), "2 dimensions"],
  ["five channels", float(1, 5, 28, 28), "neither grey nor colour"],
])("%s cannot be fed, and why is said", async (_, input, says) => {
  const { header } = await grey();
  expect(guessPreprocessing(input, header)).toMatchObject({ candidates: [], misfit: expect.stringContaining(says) });
});
