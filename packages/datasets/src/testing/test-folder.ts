import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { convertDataset } from "../convert-dataset.ts";
import { openDataset } from "../open-dataset.ts";
import type { ConvertContext, Dataset, DatasetHeader, DatasetSource, Example, NamedFile, Split } from "../types.ts";

export type Upload = Readonly<Record<string, Uint8Array | string>>;
type Converted = { readonly header: DatasetHeader; readonly path: string; readonly dataset: Dataset };

/** A folder for the tests of one file, removed after them, and ways to put uploads through it. */
export class TestFolder {
  #path = "";
  #placed = 0;
  readonly #open: Dataset[] = [];

  constructor() {
    beforeAll(() => {
      this.#path = mkdtempSync(join(tmpdir(), "flotilla-datasets-test-"));
    });
    afterAll(async () => {
      await Promise.all(this.#open.map((dataset) => dataset.close()));
      rmSync(this.#path, { recursive: true, force: true });
    });
  }

  newPath(): string {
    this.#placed += 1;
    return join(this.#path, `file-${this.#placed}`);
  }

  place(name: string, content: Uint8Array | string): NamedFile {
    const path = this.newPath();
    writeFileSync(path, content);
    return { path, name };
  }

  /** Converts files given by name; the first is the main one. */
  async convert(upload: Upload, options?: DatasetSource["options"], context?: ConvertContext): Promise<Converted> {
    const [main, ...companions] = Object.entries(upload).map(([name, content]) => this.place(name, content));
    if (!main) throw new Error("an upload has a file");
    const path = this.newPath();
    const header = await convertDataset({ ...main, companions, ...(options ? { options } : {}) }, path, context);
    return { header, path, dataset: await this.open(path) };
  }

  async open(path: string): Promise<Dataset> {
    const dataset = await openDataset(path);
    this.#open.push(dataset);
    return dataset;
  }
}

const SPLITS: readonly Split[] = ["train", "calibration", "validation", "test"];

/** All examples, of one split or of all in their order. */
export async function allExamples(dataset: Dataset, splits: readonly Split[] = SPLITS): Promise<Example[]> {
  const reads = splits.flatMap((split) => Array.from({ length: dataset.count(split) }, (_, index) => dataset.read(split, index)));
  return Promise.all(reads);
}

/** The numbers of an example, whatever it is. */
export function numbersOf(example: Example): number[] {
  return [...(example.kind === "image" ? example.pixels : example.values)];
}
