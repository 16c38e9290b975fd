import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { float32Bytes, greyPng, npyFile, pngFile, wavFile } from "../testing/sample-files.ts";
import { TestFolder } from "../testing/test-folder.ts";
import { zipFile } from "../testing/zip-file.ts";
import type { Picture } from "./picture.ts";
import { previewGrid, waveformPicture } from "./preview-grid.ts";
import { summarizeDataset } from "./summarize-dataset.ts";

const folder = new TestFolder();
const ALL_TRAIN = { fractions: { train: 1, calibration: 0, validation: 0, test: 0 } };

async function pixelsOf(picture: Picture): Promise<(x: number, y: number) => number[]> {
  const { data, info } = await sharp(picture.bytes, { limitInputPixels: 1e7 }).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, picture.mediaType]).toEqual([picture.width, picture.height, picture.mediaType]);
  return (x, y) => [...data.subarray((y * info.width + x) * 4, (y * info.width + x) * 4 + 4)];
}

const even = (red: number, green: number, blue: number, side: number): Buffer => pngFile(side, side, 3, Uint8Array.from({ length: side * side * 3 }, (_, at) => [red, green, blue][at % 3] ?? 0));

describe("a contact sheet", () => {
  test("has a row per class, each image in its cell, small ones magnified, gaps left open", async () => {
    const zip = zipFile([
      { name: "blue/1.png", bytes: even(0, 0, 255, 4) },
      { name: "red/1.png", bytes: even(255, 0, 0, 40) },
      { name: "red/2.png", bytes: even(200, 0, 0, 10) },
    ]);
    const { dataset } = await folder.convert({ "d.zip": zip }, ALL_TRAIN);
    const grid = await previewGrid(dataset, { perRow: 3, cellSide: 20, gap: 2, format: "png" });
    expect(grid).toMatchObject({ width: 64, height: 42, rows: [{ className: "blue", cells: [{ id: "blue/1.png" }] }, { className: "red", cells: [{ id: "red/1.png" }, { id: "red/2.png" }] }] });
    const at = await pixelsOf(grid);
    expect([at(10, 10), at(0, 0), at(10, 32), at(32, 32), at(21, 10), at(54, 10)]).toEqual([[0, 0, 255, 255], [0, 0, 255, 255], [255, 0, 0, 255], [200, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 0]]);
  });

  test("names the examples it shows by their place in the split", async () => {
    const { dataset } = await folder.convert({ "d.zip": zipFile(Array.from({ length: 30 }, (_, at) => ({ name: `c${at % 3}/${at}.png`, bytes: greyPng(at) }))) }, ALL_TRAIN);
    const grid = await previewGrid(dataset, { perRow: 4, format: "webp" });
    for (const { className, cells } of grid.rows) {
      expect(cells).toHaveLength(4);
      for (const { index, id } of cells) {
        expect((await dataset.read("train", index)).id).toBe(id);
        expect(id.startsWith(`${className}/`)).toBe(true);
      }
    }
    await pixelsOf(grid);
  });

  test("is made of sounds, planes and rows as well, and of an empty split", async () => {
    const sounds = await folder.convert({ "d.zip": zipFile([{ name: "a/1.wav", bytes: wavFile([0, 0.9, -0.9, 0], { bits: 16 }) }]) }, ALL_TRAIN);
    const planes = await folder.convert({ "x.npy": npyFile("<f4", [2, 3, 3], float32Bytes(Array.from({ length: 18 }, (_, at) => at))) }, ALL_TRAIN);
    for (const { dataset } of [sounds, planes]) expect((await previewGrid(dataset, { cellSide: 16 })).rows[0]?.cells.length).toBeGreaterThan(0);
    expect((await previewGrid(sounds.dataset, { split: "test" })).rows).toMatchObject([{ cells: [] }]);
  });

  test("too large for a picture is refused", async () => {
    const { dataset } = await folder.convert({ "d.zip": zipFile([{ name: "a/1.png", bytes: greyPng(1) }]) }, ALL_TRAIN);
    await expect(previewGrid(dataset, { perRow: 1_000, cellSide: 100 })).rejects.toMatchObject({ code: "options_invalid" });
  });
});

test("a wave is drawn where the sound is loud and a line where it is silent", async () => {
  const at = await pixelsOf(await waveformPicture([...Array.from({ length: 100 }, () => 0), ...Array.from({ length: 100 }, (_, step) => (step % 2 ? 1 : -1))], { width: 20, height: 21, format: "png" }));
  expect([at(2, 0)[3], at(2, 10)[3], at(17, 0)[3], at(17, 10)[3], at(17, 20)[3]]).toEqual([0, 255, 255, 255, 255]);
});

test("a summary counts every value of a feature once", async () => {
  const rows = Array.from({ length: 48 }, (_, at) => `${at},5,x`);
  const { dataset } = await folder.convert({ "t.csv": `ramp,even,label\n${rows.join("\n")}\n` }, ALL_TRAIN);
  const summary = await summarizeDataset(dataset);
  expect(summary).toMatchObject({ examples: 48, values: [{ name: "ramp", min: 0, max: 47, mean: 23.5 }, { name: "even", min: 5, max: 5, mean: 5, std: 0 }] });
  expect(summary.values[0]?.histogram).toEqual(Array.from({ length: 24 }, () => 2));
  expect(summary.values[1]?.histogram[0]).toBe(48);
});
