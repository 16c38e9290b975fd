import { expect, test } from "vitest";
import { wavFile, type WavForm } from "../testing/sample-files.ts";
import { allExamples, numbersOf, TestFolder } from "../testing/test-folder.ts";
import { zipFile } from "../testing/zip-file.ts";

const folder = new TestFolder();
const SAMPLES = [0, 0.5, -0.5, 0.25, -1, 0.75];

const FORMS: readonly (WavForm & { readonly name: string })[] = [
  { name: "8-bit", bits: 8 },
  { name: "16-bit", bits: 16 },
  { name: "24-bit", bits: 24 },
  { name: "32-bit", bits: 32 },
  { name: "32-bit float", bits: 32, isFloat: true },
  { name: "64-bit float", bits: 64, isFloat: true },
  { name: "24-bit extensible", bits: 24, isExtensible: true },
];

test.each(FORMS)("$name WAV comes back as its samples", async ({ name, ...form }) => {
  const { header, dataset } = await folder.convert({ "d.zip": zipFile([{ name: `${name.startsWith("8") ? "train/" : ""}yes/1.wav`, bytes: wavFile(SAMPLES, form) }]) });
  expect(header).toMatchObject({ kind: "audio", sampleRateHz: 8_000, shape: [6], elementType: form.bits <= 16 ? "int16" : "float32", classes: ["yes"] });
  expect((await allExamples(dataset)).map(numbersOf)).toEqual([SAMPLES]);
});

test("channels are averaged", async () => {
  const { dataset } = await folder.convert({ "d.zip": zipFile([{ name: "a/1.wav", bytes: wavFile([1 / 2, -1 / 2, 1 / 4, 3 / 4], { bits: 16, channels: 2 }) }]) });
  expect((await allExamples(dataset)).map(numbersOf)).toEqual([[0, 0.5]]);
});

test("all get one length: longer ones cut, shorter ones padded with silence, and both are told", async () => {
  const sounds = zipFile([
    { name: "a/long.wav", bytes: wavFile([0.5, 0.25, 0.125, 0.5], { bits: 16 }) },
    { name: "a/short.wav", bytes: wavFile([0.5], { bits: 16 }) },
  ]);
  const { header, dataset } = await folder.convert({ "d.zip": sounds }, { lengthSamples: 2, fractions: { train: 1, calibration: 0, validation: 0, test: 0 } });
  expect((await allExamples(dataset)).map(numbersOf)).toEqual([[0.5, 0.25], [0.5, 0]]);
  expect(header.warnings.map(({ code, places }) => [code, ...places])).toEqual([["sound_cut", "a/long.wav"], ["sound_padded", "a/short.wav"]]);
});

test("without a wish the length is what 95 % fit into", async () => {
  const entries = Array.from({ length: 40 }, (_, at) => ({ name: `a/${at}.wav`, bytes: wavFile(Array.from({ length: at === 7 ? 500 : 20 + (at % 3) }, (_unused, step) => (step * at) / 100_000), { bits: 16 }) }));
  expect((await folder.convert({ "d.zip": zipFile(entries) })).header.shape).toEqual([22]);
});
