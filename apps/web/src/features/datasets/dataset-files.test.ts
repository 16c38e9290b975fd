import { expect, test } from "vitest";
import { datasetFilesProblem, datasetNameFor } from "./dataset-files.ts";

const files = (...names: string[]): { filename: string }[] => names.map((filename) => ({ filename }));

test("a single archive or table, and pairs of IDX or NPY, may become a version", () => {
  for (const set of [["flowers.zip"], ["digits.npz"], ["iris.csv"], ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"], ["train-images.idx3-ubyte", "train-labels.idx1-ubyte"], ["x.npy", "y.npy"]]) {
    expect(datasetFilesProblem(files(...set)), set.join()).toBeNull();
  }
});

test("what the import would refuse anyway is said before anything is sent", () => {
  expect(datasetFilesProblem(files("cat.png"))).toContain("cat.png");
  expect(datasetFilesProblem(files("a.zip", "b.zip"))).toContain("Only IDX and NPY");
  expect(datasetFilesProblem(files("x.npy", "X.NPY"))).toContain("Two files");
});

test("the suggested name is that of the first file without its endings", () => {
  expect(datasetNameFor(files("Flowers 2026 (1).zip"))).toBe("flowers-2026");
  expect(datasetNameFor(files("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"))).toBe("train");
  expect(datasetNameFor([])).toBe("");
});
