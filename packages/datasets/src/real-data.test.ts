import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { convertDataset } from "./convert-dataset.ts";
import { TestFolder } from "./testing/test-folder.ts";
import type { DatasetHeader, NamedFile } from "./types.ts";

// Data that other people made. What is expected of each was counted beforehand with other programs.

const SHARED = join(import.meta.dirname, "../../../../shared/data");
const folder = new TestFolder();

function missing(...names: readonly string[]): string | null {
  const absent = names.find((name) => !existsSync(join(SHARED, name)));
  return absent === undefined ? null : `${join(SHARED, absent)} is not here`;
}

const at = (name: string): NamedFile => ({ path: join(SHARED, name), name: basename(name) });

async function convert(source: Parameters<typeof convertDataset>[0]): Promise<{ header: DatasetHeader; path: string }> {
  const path = folder.newPath();
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const header = await convertDataset(source, path);
  const cpu = process.cpuUsage(cpuBefore);
  const examples = Object.values(header.counts).reduce((sum, count) => sum + count, 0);
  const peakMib = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(
    `${source.name}: ${examples} examples, ${header.classes.length} classes, ${Math.round(performance.now() - began)} ms (${Math.round((cpu.user + cpu.system) / 1000)} ms CPU), peak RSS of the process ${peakMib} MiB\n`,
  );
  return { header, path };
}

const MNIST = ["mnist/train-images.idx3.gz", "mnist/train-labels.idx1.gz", "mnist/test-images.idx3.gz", "mnist/test-labels.idx1.gz"] as const;
const noMnist = missing(...MNIST);
test.skipIf(noMnist !== null)(`MNIST as four gzipped IDX files${noMnist === null ? "" : ` (skipped: ${noMnist})`}`, async () => {
  const [images, ...others] = MNIST;
  const { header, path } = await convert({ ...at(images), companions: others.map(at) });
  expect(header).toMatchObject({ kind: "image", shape: [28, 28, 1], classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], warnings: [], splitting: { method: "folders-and-drawn" } });
  // The published counts of the 10,000 test digits.
  expect(header.classCounts.test).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  expect(header.counts.train + header.counts.calibration + header.counts.validation).toBe(10_000);
  expect(header.duplicates.droppedAcrossSplits).toBe(0);
  const seven = await (await folder.open(path)).read("test", 0);
  expect([seven.label, seven.kind === "image" ? seven.pixels.reduce((sum, value) => sum + value, 0) : 0]).toEqual([7, 18_454]);
});

const CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const noTrain = missing("cifar10/train.zip");
test.skipIf(noTrain !== null)(
  `3,000 JPEG images of CIFAR-10 in a training folder${noTrain === null ? "" : ` (skipped: ${noTrain})`}`,
  async () => {
    const { header } = await convert(at("cifar10/train.zip"));
    expect(header).toMatchObject({ kind: "image", shape: [32, 32, 3], classes: CLASSES, warnings: [], counts: { train: 2_100, calibration: 150, validation: 300, test: 450 } });
    expect(header.classCounts.train).toEqual(CLASSES.map(() => 210));
  },
  300_000,
);

const noTest = missing("cifar10/test.zip");
test.skipIf(noTest !== null)(`1,000 JPEG images of CIFAR-10 in a test folder${noTest === null ? "" : ` (skipped: ${noTest})`}`, async () => {
  const { header } = await convert(at("cifar10/test.zip"));
  expect(header).toMatchObject({ shape: [32, 32, 3], classes: CLASSES, splitting: { method: "folders" }, counts: { train: 0, calibration: 0, validation: 0, test: 1_000 } });
  expect(header.classCounts.test).toEqual(CLASSES.map(() => 100));
});
