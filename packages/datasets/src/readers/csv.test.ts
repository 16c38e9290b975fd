import { describe, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import { allExamples, numbersOf, TestFolder } from "../testing/test-folder.ts";
import { zipFile } from "../testing/zip-file.ts";

const folder = new TestFolder();
const ALL_TRAIN = { fractions: { train: 1, calibration: 0, validation: 0, test: 0 } };

test("a header, numbers and names of classes make a labelled table", async () => {
  const { header, dataset } = await folder.convert({ "iris.csv": "width,length,species\n1.5,2,setosa\n-3e-1,.5,virginica\n" }, ALL_TRAIN);
  expect(header).toMatchObject({ kind: "table", features: ["width", "length"], classes: ["setosa", "virginica"], task: "classification", shape: [2] });
  const examples = await allExamples(dataset);
  expect(examples.map((example) => [numbersOf(example), example.label, example.id])).toEqual([
    [[1.5, 2], 0, "line 2"],
    [[Math.fround(-0.3), 0.5], 1, "line 3"],
  ]);
});

test("byte order mark, Windows line ends, quotes, blank lines, other delimiters, gzip and ZIP change nothing", async () => {
  const expected = [[[1, 2], 0], [[3, 4], 1]];
  const uploads = [
    { "t.csv": "\uFEFFa,b,label\r\n1,2,x\r\n\r\n3,4,y\r\n" },
    { "t.csv": '"a";"b";"label"\n"1";"2";"x"\n3;4;y' },
    { "t.tsv": "a\tb\tlabel\n1\t 2 \tx\n3\t4\ty\n" },
    { "t.csv.gz": gzipSync("a|b|label\n1|2|x\n3|4|y\n") },
    { "t.zip": zipFile([{ name: "data/t.csv", bytes: Buffer.from("a,b,label\n1,2,x\n3,4,y\n") }]) },
  ];
  for (const upload of uploads) {
    const { header, dataset } = await folder.convert(upload, ALL_TRAIN);
    expect(header.features).toEqual(["a", "b"]);
    expect((await allExamples(dataset)).map((example) => [numbersOf(example), example.label])).toEqual(expected);
  }
});

describe("what is predicted", () => {
  const table = (labels: readonly (string | number)[]): string => `a,y\n${labels.map((label, at) => `${at},${label}`).join("\n")}\n`;

  test("whole numbers that recur are classes, others are numbers, unless said otherwise", async () => {
    const recurring = table(Array.from({ length: 20 }, (_, at) => at % 3));
    expect((await folder.convert({ "t.csv": recurring })).header).toMatchObject({ task: "classification", classes: ["0", "1", "2"] });
    expect((await folder.convert({ "t.csv": recurring }, { task: "regression" })).header).toMatchObject({ task: "regression", classes: [] });
    expect((await folder.convert({ "t.csv": table([0.5, 1.25, 3]) })).header.task).toBe("regression");
    expect((await folder.convert({ "t.csv": table([10, 20, 30, 40]) })).header.task).toBe("regression");
    expect((await folder.convert({ "t.csv": table([10, 20, 10, 30]) }, { task: "classification" })).header.classes).toEqual(["10", "20", "30"]);
  });

  test("numbers and names together are classes by name", async () => {
    expect((await folder.convert({ "t.csv": table([1, "none", 2]) })).header.classes).toEqual(["1", "2", "none"]);
  });

  test("columns can be chosen, left out, or there is no label", async () => {
    const content = "id,kind,size\n7,x,1\n8,y,2\n";
    const chosen = await folder.convert({ "t.csv": content }, { ...ALL_TRAIN, labelColumn: "kind", ignoreColumns: ["id"] });
    expect(chosen.header).toMatchObject({ features: ["size"], classes: ["x", "y"] });
    const none = await folder.convert({ "t.csv": content }, { labelColumn: null, ignoreColumns: ["kind"] });
    expect(none.header).toMatchObject({ features: ["id", "size"], task: "unlabelled" });
  });

  test("a point's y is no label beside a column of that name", async () => {
    const { header } = await folder.convert({ "t.csv": "x,y,class\n1,2,near\n3,4,far\n" }, ALL_TRAIN);
    expect(header).toMatchObject({ features: ["x", "y"], classes: ["far", "near"] });
  });
});

test("rows with cells that are no numbers are left out with their lines, up to the tolerated share", async () => {
  const rows = Array.from({ length: 200 }, (_, at) => `${at === 20 ? "" : at},${at === 40 ? "nan" : at},${at % 2 ? "x" : "y"}`);
  const { header } = await folder.convert({ "t.csv": `a,b,label\n${rows.join("\n")}\n` });
  expect(header.warnings.map(({ code, places }) => [code, ...places])).toEqual([
    ["csv_cell_missing", 'line 22, column "a"'],
    ["csv_cell_not_finite", 'line 42, column "b"'],
  ]);
  expect(Object.values(header.counts).reduce((sum, count) => sum + count, 0)).toBe(198);
});

test("rows of one group stay together", async () => {
  const rows = Array.from({ length: 100 }, (_, at) => `${at},site${at % 10},${at % 2}`);
  const { header, dataset } = await folder.convert({ "t.csv": `a,site,label\n${rows.join("\n")}\n` }, { groupColumn: "site" });
  const sites = await Promise.all((["train", "calibration", "validation", "test"] as const).map(async (split) => new Set((await allExamples(dataset, [split])).map((example) => (numbersOf(example)[0] ?? 0) % 10))));
  expect(sites.reduce((sum, set) => sum + set.size, 0)).toBe(10);
  expect(header.features).toEqual(["a"]);
});

test("a split column is obeyed", async () => {
  const { header, dataset } = await folder.convert({ "t.csv": "a,split,label\n1,train,x\n2,test,y\n3,train,y\n" }, ALL_TRAIN);
  expect(header.counts).toEqual({ train: 2, calibration: 0, validation: 0, test: 1 });
  expect(numbersOf((await allExamples(dataset, ["test"]))[0] ?? (await dataset.read("train", 0)))).toEqual([2]);
});

test("statistics are those of the training split", async () => {
  const { header } = await folder.convert({ "t.csv": "a,b,label\n1,5,x\n3,5,y\n" }, ALL_TRAIN);
  expect(header.statistics).toEqual({ examples: 2, min: [1, 5], max: [3, 5], mean: [2, 5], std: [1, 0] });
});
