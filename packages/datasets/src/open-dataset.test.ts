import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DatasetRefusal } from "./dataset-refusal.ts";
import { openDataset } from "./open-dataset.ts";
import { greyPng } from "./testing/sample-files.ts";
import { allExamples, numbersOf, TestFolder } from "./testing/test-folder.ts";
import { zipFile } from "./testing/zip-file.ts";

const folder = new TestFolder();

test("no byte of a dataset file can change unnoticed", async () => {
  const { path } = await folder.convert({ "t.csv": "a,b,label\n1,2,x\n3,4,y\n5,6,x\n" });
  const sound = readFileSync(path);
  const altered = folder.newPath();
  const unnoticed: number[] = [];
  for (let at = 0; at < sound.byteLength; at += 1) {
    const bytes = Buffer.from(sound);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    writeFileSync(altered, bytes);
    const failure: unknown = await readAll(altered).then(
      () => null,
      (error: unknown) => error,
    );
    if (!(failure instanceof DatasetRefusal)) unnoticed.push(at);
  }
  expect(unnoticed).toEqual([]);
});

async function readAll(path: string): Promise<void> {
  const dataset = await openDataset(path);
  try {
    await allExamples(dataset);
  } finally {
    await dataset.close();
  }
}

test("a file that is cut off or has grown is refused when opened", async () => {
  const { path } = await folder.convert({ "t.csv": "a,label\n1,x\n2,y\n" });
  const sound = readFileSync(path);
  for (const size of [0, 7, 100, 128, sound.byteLength - 1]) {
    truncateSync(path, 0);
    writeFileSync(path, sound.subarray(0, size));
    await expect(openDataset(path)).rejects.toMatchObject({ code: "dataset_file_damaged" });
  }
  writeFileSync(path, Buffer.concat([sound, Buffer.from("more")]));
  await expect(openDataset(path)).rejects.toMatchObject({ code: "dataset_file_damaged" });
});

test("thousands of reads at once give each its own example", async () => {
  const rows = Array.from({ length: 5_000 }, (_, at) => `${at},${at * 2}`);
  const { dataset } = await folder.convert({ "t.csv": `a,y\n${rows.join("\n")}\n` }, { task: "regression", fractions: { train: 1, calibration: 0, validation: 0, test: 0 } });
  const indices = Array.from({ length: 5_000 }, (_, at) => (at * 1_237) % 5_000);
  const examples = await Promise.all(indices.map((index) => dataset.read("train", index)));
  expect(examples.map((example) => [numbersOf(example)[0], example.label])).toEqual(indices.map((index) => [index, index * 2]));
  expect([...(await dataset.labels("train"))]).toEqual(Array.from({ length: 5_000 }, (_, at) => at * 2));
});

test("large images read at once are decoded a few at a time and all arrive", async () => {
  const entries = Array.from({ length: 12 }, (_, at) => ({ name: `a/${String(at).padStart(2, "0")}.png`, bytes: greyPng(at, 700) }));
  const { dataset } = await folder.convert({ "d.zip": zipFile(entries) }, { fractions: { train: 1, calibration: 0, validation: 0, test: 0 } });
  const examples = await Promise.all(Array.from({ length: 48 }, (_, at) => dataset.read("train", at % 12)));
  expect(examples.map((example) => (example.kind === "image" ? [example.pixels[0], example.pixels.length] : []))).toEqual(Array.from({ length: 48 }, (_, at) => [at % 12, 490_000]));
});

test("an index outside of a split is a mistake of the caller", async () => {
  const { dataset } = await folder.convert({ "t.csv": "a,label\n1,x\n2,y\n" });
  await expect(dataset.read("train", dataset.count("train"))).rejects.toThrow(RangeError);
  await expect(dataset.read("train", -1)).rejects.toThrow(RangeError);
  await expect(dataset.read("train", 0.5)).rejects.toThrow(RangeError);
});
