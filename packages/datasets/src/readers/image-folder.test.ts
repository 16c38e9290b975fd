import { readFileSync } from "node:fs";
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { DatasetRefusal } from "../dataset-refusal.ts";
import { greyPng, pngFile } from "../testing/sample-files.ts";
import { allExamples, TestFolder } from "../testing/test-folder.ts";
import { type ZipEntry, zipFile } from "../testing/zip-file.ts";

const folder = new TestFolder();

/** `count` different pictures for each class folder. */
function pictures(classes: readonly string[], count: number): ZipEntry[] {
  return classes.flatMap((name, at) => Array.from({ length: count }, (_, index) => ({ name: `${name}/${index}.png`, bytes: greyPng(at * 1_000 + index) })));
}

const RED_AND_BLUE = Uint8Array.from([255, 0, 0, 0, 0, 255]);

describe("folders", () => {
  test("split folders and class folders are what they say, whatever folder all was packed in", async () => {
    const { header, dataset } = await folder.convert({
      "data.zip": zipFile(pictures(["pets/train/cat", "pets/train/dog", "pets/val/cat", "pets/calibration/dog", "pets/test/dog"], 2).map((entry) => ({ ...entry, name: `export/${String(entry.name)}` }))),
    });
    expect(header).toMatchObject({ kind: "image", task: "classification", classes: ["cat", "dog"], shape: [12, 12, 1], splitting: { method: "folders" } });
    expect(header.counts).toEqual({ train: 4, calibration: 2, validation: 2, test: 2 });
    expect(header.classCounts).toEqual({ train: [2, 2], calibration: [0, 2], validation: [2, 0], test: [0, 2] });
    expect((await dataset.read("test", 0)).id).toBe("export/pets/test/dog/0.png");
  });

  test("without split folders each class is drawn by its share, and the same seed draws the same file", async () => {
    const zip = zipFile(pictures(["a", "b", "c"], 40));
    const first = await folder.convert({ "data.zip": zip }, { seed: 7 });
    expect(first.header.classCounts).toEqual({ train: [28, 28, 28], calibration: [2, 2, 2], validation: [4, 4, 4], test: [6, 6, 6] });
    const again = await folder.convert({ "data.zip": zip }, { seed: 7 });
    expect(readFileSync(again.path).equals(readFileSync(first.path))).toBe(true);
    const other = await folder.convert({ "data.zip": zip }, { seed: 8 });
    expect((await allExamples(other.dataset, ["test"])).map(({ id }) => id)).not.toEqual((await allExamples(first.dataset, ["test"])).map(({ id }) => id));
  });

  test("the order of entries in the archive changes nothing but the archive's digest", async () => {
    const entries = pictures(["a", "b"], 10);
    const [one, other] = [await folder.convert({ "data.zip": zipFile(entries) }), await folder.convert({ "data.zip": zipFile(entries.toReversed()) })];
    expect({ ...other.header, source: null }).toEqual({ ...one.header, source: null });
    expect(await allExamples(other.dataset)).toEqual(await allExamples(one.dataset));
  });

  test("a missing validation split is taken out of the training folder, the test folder stays whole", async () => {
    const { header } = await folder.convert({ "data.zip": zipFile(pictures(["train/a", "test/a"], 100).map((entry, at) => ({ ...entry, bytes: greyPng(at, 14) }))) });
    expect(header.counts.test).toBe(100);
    expect(header.splitting.method).toBe("folders-and-drawn");
    expect(header.counts.train + header.counts.calibration + header.counts.validation).toBe(100);
    expect(header.counts.validation).toBeGreaterThan(header.counts.calibration);
    expect(header.counts.calibration).toBeGreaterThan(0);
  });

  test("images in no folder have no label; numbered folders are in the order of their numbers", async () => {
    const flat = await folder.convert({ "data.zip": zipFile([{ name: "1.png", bytes: greyPng(1) }, { name: "2.png", bytes: greyPng(2) }]) });
    expect(flat.header).toMatchObject({ task: "unlabelled", classes: [] });
    expect((await allExamples(flat.dataset)).map(({ label }) => label)).toEqual([null, null]);
    const numbered = await folder.convert({ "data.zip": zipFile(pictures(["10", "9", "2", "1", "0"], 1)) });
    expect(numbered.header.classes).toEqual(["0", "1", "2", "9", "10"]);
  });

  test("a chosen order of classes is kept, with classes that have no image", async () => {
    const { header } = await folder.convert({ "data.zip": zipFile(pictures(["a", "b"], 4)) }, { classes: ["b", "c", "a"], fractions: { train: 1, calibration: 0, validation: 0, test: 0 } });
    expect(header.classes).toEqual(["b", "c", "a"]);
    expect(header.classCounts.train).toEqual([4, 0, 4]);
  });

  test("litter of operating systems is passed over in silence, other files with a warning", async () => {
    const litter = ["__MACOSX/a/._0.png", "a/.DS_Store", "Thumbs.db"].map((name) => ({ name, bytes: Buffer.from("x") }));
    const { header } = await folder.convert({ "data.zip": zipFile([...pictures(["a"], 2), ...litter, { name: "a/readme.md", bytes: Buffer.from("hello") }]) });
    expect(header.warnings).toEqual([{ code: "file_ignored", count: 1, sentence: "Files that are no images were passed over.", places: ["a/readme.md"] }]);
  });
});

describe("the same picture", () => {
  const whole = { train: 0.5, calibration: 0, validation: 0, test: 0.5 };

  test("is never in two splits when they are drawn, and is counted", async () => {
    const entries = Array.from({ length: 60 }, (_, at) => ({ name: `a/${at}.png`, bytes: greyPng(at % 20) }));
    const { header, dataset } = await folder.convert({ "data.zip": zipFile(entries) }, { fractions: whole });
    expect(header.duplicates).toEqual({ examples: 40, droppedAcrossSplits: 0, conflictingLabels: 0 });
    const seen = async (split: "train" | "test"): Promise<Set<number>> => new Set((await allExamples(dataset, [split])).map(({ id }) => Number(/\d+/.exec(id)?.[0]) % 20));
    const [train, tested] = [await seen("train"), await seen("test")];
    expect([...train].filter((shade) => tested.has(shade))).toEqual([]);
    expect(train.size + tested.size).toBe(20);
  });

  test("stays in the test folder and leaves the training folder", async () => {
    const entries = [0, 1, 2, 3].map((at) => ({ name: `train/a/${at}.png`, bytes: greyPng(at) }));
    const { header, dataset } = await folder.convert({ "data.zip": zipFile([...entries, { name: "test/b/x.png", bytes: greyPng(3) }]) }, { fractions: { train: 1, calibration: 0, validation: 0, test: 0 } });
    expect(header.duplicates).toEqual({ examples: 1, droppedAcrossSplits: 1, conflictingLabels: 1 });
    expect((await allExamples(dataset)).map(({ id }) => id)).toEqual(["train/a/0.png", "train/a/1.png", "train/a/2.png", "test/b/x.png"]);
  });

  test("groups by prefix are never parted", async () => {
    const entries = Array.from({ length: 80 }, (_, at) => ({ name: `a/person${at % 8}_${at}.png`, bytes: greyPng(at) }));
    const { header, dataset } = await folder.convert({ "data.zip": zipFile(entries) }, { fractions: whole, groupPrefix: "_" });
    const people = async (split: "train" | "test"): Promise<Set<string>> => new Set((await allExamples(dataset, [split])).map(({ id }) => id.split("_")[0] ?? ""));
    const [train, tested] = [await people("train"), await people("test")];
    expect([...train].filter((person) => tested.has(person))).toEqual([]);
    expect([train.size, tested.size]).toEqual([4, 4]);
    expect(header.splitting.groupedBy).toBe("_");
  });
});

describe("pixels", () => {
  test("come back as they were drawn, grey among colour as three equal channels", async () => {
    const { header, dataset } = await folder.convert({
      "data.zip": zipFile([
        { name: "a/colour.png", bytes: pngFile(2, 1, 3, RED_AND_BLUE) },
        { name: "a/grey.png", bytes: pngFile(1, 2, 1, Uint8Array.from([7, 200])) },
      ]),
    }, { fractions: { train: 1, calibration: 0, validation: 0, test: 0 } });
    expect(header.shape).toEqual([null, null, 3]);
    const [colour, grey] = await allExamples(dataset);
    expect(colour).toMatchObject({ shape: [1, 2, 3], pixels: RED_AND_BLUE });
    expect(grey).toMatchObject({ shape: [2, 1, 3], pixels: Uint8Array.from([7, 7, 7, 200, 200, 200]) });
  });

  test("of a large image are stored encoded and decoded when read", async () => {
    const pixels = Uint8Array.from({ length: 300 * 200 * 3 }, (_, at) => (at * 13) % 256);
    const png = pngFile(300, 200, 3, pixels);
    const { dataset, path } = await folder.convert({ "data.zip": zipFile([{ name: "a/large.png", bytes: png }]) });
    expect((await allExamples(dataset))[0]).toMatchObject({ shape: [200, 300, 3], pixels });
    expect(readFileSync(path).includes(png)).toBe(true);
  });

  test.each([
    ["JPEG", "jpg", 3, () => plain().jpeg({ quality: 100 })],
    ["WebP", "webp", 3, () => plain().webp({ lossless: true })],
    ["first frame of a GIF", "gif", 3, () => plain().gif()],
    ["PNG with a palette", "png", 3, () => plain().png({ palette: true })],
    ["PNG with 16 bits", "png", 3, () => plain().toColourspace("rgb16").png()],
    ["grey PNG with 16 bits", "png", 1, () => plain().toColourspace("grey16").png()],
    ["PNG with alpha", "png", 3, () => plain().ensureAlpha(0.3).png()],
    ["CMYK JPEG", "jpg", 3, () => plain().toColourspace("cmyk").jpeg({ quality: 100 })],
    ["grey JPEG", "jpg", 1, () => plain().toColourspace("b-w").jpeg()],
  ])("of a %s are 8 bits a channel, near what was meant", async (_, ending, channels, make) => {
    const { dataset } = await folder.convert({ "data.zip": zipFile([{ name: `a/x.${ending}`, bytes: await make().toBuffer() }]) });
    const [example] = await allExamples(dataset);
    if (example?.kind !== "image") throw new Error("an image was stored");
    expect(example.shape).toEqual([6, 10, channels]);
    const expected = channels === 3 ? [200, 100, 50] : [128];
    for (const [at, value] of expected.entries()) expect(Math.abs((example.pixels[at] ?? 0) - value)).toBeLessThanOrEqual(35);
  });

  test("stand upright as the camera noted", async () => {
    const sideways = await sharp(Buffer.from(RED_AND_BLUE), { raw: { width: 2, height: 1, channels: 3 } }).resize(20, 10, { kernel: "nearest" }).withMetadata({ orientation: 6 }).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer();
    const { dataset } = await folder.convert({ "data.zip": zipFile([{ name: "a/x.jpg", bytes: sideways }]) });
    const [example] = await allExamples(dataset);
    if (example?.kind !== "image") throw new Error("an image was stored");
    expect(example.shape).toEqual([20, 10, 3]);
    expect(example.pixels[0]).toBeGreaterThan(240);
    expect(example.pixels.at(-1)).toBeGreaterThan(240);
  });
});

function plain(): Sharp {
  return sharp({ create: { width: 10, height: 6, channels: 3, background: { r: 200, g: 100, b: 50 } } });
}

describe("defects", () => {
  const broken = { name: "a/broken.png", bytes: Buffer.from("no picture at all, but a file of some length") };

  test("within the tolerated share are left out and named", async () => {
    const { header } = await folder.convert({ "data.zip": zipFile([...pictures(["a"], 60), broken]) });
    expect(header.warnings).toMatchObject([{ code: "image_format", count: 1, places: ["a/broken.png"] }]);
    expect(Object.values(header.counts).reduce((sum, count) => sum + count, 0)).toBe(60);
  });

  test("beyond it refuse the whole, with the code of the most frequent one", async () => {
    const failure = folder.convert({ "data.zip": zipFile([...pictures(["a"], 20), broken]) });
    await expect(failure).rejects.toThrow(DatasetRefusal);
    await expect(failure).rejects.toMatchObject({ code: "image_format", reason: expect.stringContaining("1 of 21 examples cannot be used") });
  });

  test("an aborted conversion leaves no file and says why", async () => {
    const signal = AbortSignal.abort(new Error("the operator changed her mind"));
    await expect(folder.convert({ "data.zip": zipFile(pictures(["a"], 3)) }, {}, { signal })).rejects.toThrow(/changed her mind|aborted/);
  });
});
