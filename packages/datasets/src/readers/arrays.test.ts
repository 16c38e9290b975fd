import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { float32Bytes, idxFile, npyFile } from "../testing/sample-files.ts";
import { allExamples, numbersOf, TestFolder } from "../testing/test-folder.ts";
import { zipFile } from "../testing/zip-file.ts";

const folder = new TestFolder();
const ALL_TRAIN = { fractions: { train: 1, calibration: 0, validation: 0, test: 0 } };
const ramp = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, at) => at % 251));

describe("IDX", () => {
  const images = idxFile(0x08, [3, 8, 9], ramp(3 * 72));
  const labels = idxFile(0x08, [3], Buffer.from([2, 0, 1]));

  test("images and labels meet, as two files, gzipped, or as a pair in a ZIP", async () => {
    const uploads = [
      { "images.idx3": images, "labels.idx1": labels },
      { "labels.idx1.gz": gzipSync(labels), "images.idx3.gz": gzipSync(images) },
      { "pair.zip": zipFile([{ name: "d/x-idx3-ubyte", bytes: images }, { name: "d/y-idx1-ubyte.gz", bytes: gzipSync(labels) }]) },
    ];
    for (const upload of uploads) {
      const { header, dataset } = await folder.convert(upload, ALL_TRAIN);
      expect(header).toMatchObject({ kind: "image", shape: [8, 9, 1], classes: ["0", "1", "2"], task: "classification" });
      const examples = await allExamples(dataset);
      expect(examples.map(({ label }) => label)).toEqual([2, 0, 1]);
      expect(numbersOf(examples[1] ?? Object.assign({}, examples[0]))).toEqual([...ramp(3 * 72).subarray(72, 144)]);
    }
  });

  test("names that say train and test make two splits, and validation is drawn from train", async () => {
    const many = (seed: number): Buffer => idxFile(0x08, [40, 8, 8], Buffer.from(Uint8Array.from({ length: 2_560 }, (_, at) => (at * seed + Math.floor(at / 64)) % 256)));
    const manyLabels = idxFile(0x08, [40], Buffer.from(Array.from({ length: 40 }, (_, at) => at % 2)));
    const { header } = await folder.convert({ "train-images.idx3": many(3), "train-labels.idx1": manyLabels, "t10k-images.idx3": many(5), "t10k-labels.idx1": manyLabels });
    expect(header.counts.test).toBe(40);
    expect(header.classCounts.test).toEqual([20, 20]);
    expect(header.counts.train + header.counts.validation + header.counts.calibration).toBe(40);
    expect(header.counts.validation).toBeGreaterThan(0);
  });

  test("numbers of other types become a tensor of float32", async () => {
    const shorts = Buffer.from("0001ffff7fff8000", "hex");
    const { header, dataset } = await folder.convert({ "x.idx": idxFile(0x0b, [1, 2, 2], shorts) }, ALL_TRAIN);
    expect(header).toMatchObject({ kind: "tensor", elementType: "float32", shape: [2, 2], task: "unlabelled" });
    expect((await allExamples(dataset)).map(numbersOf)).toEqual([[1, -1, 32_767, -32_768]]);
  });
});

describe("NumPy", () => {
  const typed: readonly (readonly [descr: string, data: Buffer, expected: readonly number[]])[] = [
    ["|u1", Buffer.from([1, 255]), [1, 255]],
    ["|i1", Buffer.from([1, 255]), [1, -1]],
    ["|b1", Buffer.from([0, 1]), [0, 1]],
    ["<u2", Buffer.from("0100ffff", "hex"), [1, 65_535]],
    [">i2", Buffer.from("0001ffff", "hex"), [1, -1]],
    ["<i4", Buffer.from("01000000feffffff", "hex"), [1, -2]],
    [">u4", Buffer.from("0000000100000002", "hex"), [1, 2]],
    ["<i8", Buffer.from("0300000000000000fcffffffffffffff", "hex"), [3, -4]],
    ["<u8", Buffer.from("03000000000000000400000000000000", "hex"), [3, 4]],
    ["<f2", Buffer.from("003c00b8", "hex"), [1, -0.5]],
    ["<f4", float32Bytes([0.5, -2]), [0.5, -2]],
    [">f4", Buffer.from("3f000000c0000000", "hex"), [0.5, -2]],
    ["<f8", Buffer.from(Float64Array.of(0.25, 3).buffer), [0.25, 3]],
  ];
  test.each(typed)("%s is read as its numbers", async (descr, data, expected) => {
    const { header, dataset } = await folder.convert({ "x.npy": npyFile(descr, [1, 2], data) }, ALL_TRAIN);
    expect(header).toMatchObject({ kind: "table", shape: [2] });
    expect((await allExamples(dataset)).map(numbersOf)).toEqual([expected]);
  });

  test("columns first gives the same examples as rows first, from disk and out of an archive", async () => {
    const shape = [3, 2, 4] as const;
    const at = (row: number, middle: number, last: number): number => row * 100 + middle * 10 + last;
    const rows: number[] = [];
    const columns: number[] = [];
    for (let row = 0; row < 3; row += 1) for (let middle = 0; middle < 2; middle += 1) for (let last = 0; last < 4; last += 1) rows.push(at(row, middle, last));
    for (let last = 0; last < 4; last += 1) for (let middle = 0; middle < 2; middle += 1) for (let row = 0; row < 3; row += 1) columns.push(at(row, middle, last));
    const plain = await folder.convert({ "x.npy": npyFile("<f4", shape, float32Bytes(rows)) }, ALL_TRAIN);
    const fortran = npyFile("<f4", shape, float32Bytes(columns), true);
    const onDisk = await folder.convert({ "x.npy": fortran }, ALL_TRAIN);
    const packed = await folder.convert({ "d.npz": zipFile([{ name: "x.npy", bytes: fortran }]) }, ALL_TRAIN);
    const expected = (await allExamples(plain.dataset)).map(numbersOf);
    expect((await allExamples(onDisk.dataset)).map(numbersOf)).toEqual(expected);
    expect((await allExamples(packed.dataset)).map(numbersOf)).toEqual(expected);
  });

  test("the names Keras gives make train and test", async () => {
    const pictures = (seed: number): Buffer => npyFile("|u1", [20, 8, 8, 3], Buffer.from(Uint8Array.from({ length: 3_840 }, (_, at) => (at * seed) % 256)));
    const classes = npyFile("<i8", [20, 1], Buffer.from(BigInt64Array.from({ length: 20 }, (_, at) => BigInt(at % 2)).buffer));
    const { header } = await folder.convert({ "mnist.npz": zipFile([["x_train", pictures(3)], ["y_train", classes], ["x_test", pictures(7)], ["y_test", classes]].map(([name, bytes]) => ({ name: `${String(name)}.npy`, bytes: bytes as Buffer }))) });
    expect(header).toMatchObject({ kind: "image", shape: [8, 8, 3], classes: ["0", "1"] });
    expect(header.counts.test).toBe(20);
  });

  test("planes of colours become pixels; one-hot rows, names and numbers all serve as labels", async () => {
    const planes = npyFile("|u1", [2, 3, 8, 8], Buffer.from(Uint8Array.from({ length: 384 }, (_, at) => Math.floor(at / 64) * 10)));
    const labels = {
      oneHot: npyFile("<f4", [2, 3], float32Bytes([0, 0, 1, 1, 0, 0])),
      text: npyFile("<U3", [2], Buffer.concat(["d", "o", "g", "c", "a", "t"].map((letter) => Buffer.from([letter.charCodeAt(0), 0, 0, 0])))),
      bytes: npyFile("|S4", [2], Buffer.from("dog\0cat\0")),
      number: npyFile("<f4", [2], float32Bytes([0.5, -1.5])),
    };
    const convert = async (y: Buffer): Promise<[string, readonly string[], (number | null)[]]> => {
      const { header, dataset } = await folder.convert({ "d.npz": zipFile([{ name: "images.npy", bytes: planes }, { name: "labels.npy", bytes: y }]) }, ALL_TRAIN);
      const examples = await allExamples(dataset);
      expect(numbersOf(examples[0] ?? Object.assign({}, examples[1])).slice(0, 6)).toEqual([0, 10, 20, 0, 10, 20]);
      return [header.task, header.classes, examples.map(({ label }) => label)];
    };
    expect(await convert(labels.oneHot)).toEqual(["classification", ["0", "1", "2"], [2, 0]]);
    expect(await convert(labels.text)).toEqual(["classification", ["cat", "dog"], [1, 0]]);
    expect(await convert(labels.bytes)).toEqual(["classification", ["cat", "dog"], [1, 0]]);
    expect(await convert(labels.number)).toEqual(["regression", [], [0.5, -1.5]]);
  });

  test("keys that say nothing can be named", async () => {
    const zip = zipFile([{ name: "p.npy", bytes: npyFile("<f4", [2, 1], float32Bytes([1, 2])) }, { name: "q.npy", bytes: npyFile("|u1", [2], Buffer.from([1, 0])) }, { name: "r.npy", bytes: npyFile("|u1", [2], Buffer.from([3, 3])) }]);
    const { header, dataset } = await folder.convert({ "d.npz": zip }, { ...ALL_TRAIN, xKey: "p", yKey: "q" });
    expect(header.warnings).toMatchObject([{ code: "array_ignored", places: ["r.npy"] }]);
    expect((await allExamples(dataset)).map(({ label }) => label)).toEqual([1, 0]);
  });

  test("an example with NaN among many is left out by its index", async () => {
    const values = Array.from({ length: 100 }, (_, at) => (at === 42 ? Number.NaN : at));
    const { header } = await folder.convert({ "x.npy": npyFile("<f4", [100, 1], float32Bytes(values)) }, ALL_TRAIN);
    expect(header.warnings).toMatchObject([{ code: "value_not_finite", count: 1, places: ["x.npy[42]"] }]);
    expect(header.counts.train).toBe(99);
  });
});
