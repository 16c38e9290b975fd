import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, rename, rm } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { DatasetRefusal } from "../dataset-refusal.ts";
import type { DefectLog } from "../defect-log.ts";
import type { DatasetLimits } from "../limits.ts";
import type { RawDataset, RawExample } from "../raw-example.ts";
import { assignSplits, DROPPED, type SplitAssignment } from "../splits/assign-splits.ts";
import type { DatasetHeader, DatasetOptions, DatasetStatistics, Split, SplitFractions } from "../types.ts";
import { ExampleColumns, SPLITS } from "./example-columns.ts";
import { encodeEntry, encodePreamble, ENTRY_BYTES, PREAMBLE_BYTES } from "./file-layout.ts";
import { decodeRecord, readRecord, type RecordFacts } from "./records.ts";
import { resolveLabels, type ResolvedLabels } from "./resolve-labels.ts";
import { STATISTICS_EXAMPLES, StatisticsCollector } from "./statistics.ts";

/** Small records are gathered until so many bytes are worth a write. */
const GATHERED_BYTES = 1024 * 1024;
const MOST_ID_BYTES = 2_048;
/** Decoding image files again is the slow way to statistics. */
const STATISTICS_IMAGE_FILES = 500;

export const DEFAULT_FRACTIONS: SplitFractions = { train: 0.7, calibration: 0.05, validation: 0.1, test: 0.15 };

/** All that the header says beside what the examples say. */
type WrittenFacts = Pick<RawDataset, "kind" | "elementType" | "shape" | "features" | "sampleRateHz" | "areWholeLabelsClasses"> & {
  readonly source: DatasetHeader["source"];
  readonly options: DatasetOptions;
  readonly defects: DefectLog;
};

/**
 * Writes a dataset file: records as they come, then the table ordered by split, then the header, and last the preamble that makes it whole. Until then
 * it is `<path>.partial`. The same examples and options give the same bytes.
 */
export class DatasetWriter {
  readonly columns: ExampleColumns;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #limits: DatasetLimits;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #written = PREAMBLE_BYTES;

  private constructor(path: string, handle: FileHandle, limits: DatasetLimits) {
    this.#path = path;
    this.#handle = handle;
    this.#limits = limits;
    this.columns = new ExampleColumns(limits);
  }

  static async create(path: string, limits: DatasetLimits): Promise<DatasetWriter> {
    return new DatasetWriter(path, await open(`${path}.partial`, "w+"), limits);
  }

  async add(example: RawExample): Promise<void> {
    if (example.payload.byteLength > this.#limits.exampleBytes) {
      throw new DatasetRefusal("example_too_large", `One example may take ${this.#limits.exampleBytes / 1024 / 1024} MiB. Shrink or cut the examples before the upload.`);
    }
    const id = Buffer.from(example.id).subarray(0, MOST_ID_BYTES);
    const record = Buffer.concat([example.payload, id]);
    this.columns.add(example, { offset: this.#written + this.#gatheredBytes, idBytes: id.byteLength, checksum: crc32(record) });
    await this.#append(record);
  }

  /** Throws DatasetRefusal when what came makes no dataset. */
  async finish(facts: WrittenFacts): Promise<DatasetHeader> {
    const { columns } = this;
    facts.defects.settle(columns.count);
    if (columns.count === 0) throw new DatasetRefusal("no_examples", "No example was found. The package's guide says how each kind of file is laid out.");
    const labels = resolveLabels(columns, facts.options, this.#limits, facts.areWholeLabelsClasses);
    const wish = { seed: facts.options.seed ?? 0, fractions: facts.options.fractions ?? DEFAULT_FRACTIONS };
    const classOf = labels.task === "classification" ? labels.values : new Float64Array(columns.count).fill(Number.NaN);
    const assignment = assignSplits(columns, classOf, labels.classes.length, wish);
    await this.#flush();
    const tableOffset = this.#written;
    const order = tableOrder(assignment.split);
    const shape = facts.kind === "image" ? imageShape(columns) : facts.shape;
    const { kind, elementType } = facts;
    const statistics = await this.#statistics(order, assignment.split, { kind, elementType, shape });
    const header = makeHeader(facts, shape, columns, labels, assignment, statistics, wish);
    const headerBytes = Buffer.from(JSON.stringify(header));
    const digest = createHash("sha256");
    for (let start = 0; start < order.length; start += 4_096) {
      const part = order.subarray(start, start + 4_096);
      const table = Buffer.alloc(part.length * ENTRY_BYTES);
      for (const [at, example] of part.entries()) encodeEntry(columns.entry(example, labels.values[example] ?? Number.NaN), table, at * ENTRY_BYTES);
      digest.update(table);
      await this.#append(table);
    }
    digest.update(headerBytes);
    await this.#append(headerBytes);
    await this.#flush();
    const preamble = encodePreamble({ tableOffset, examples: order.length, headerBytes: headerBytes.byteLength, indexDigest: digest.digest() });
    await this.#handle.write(preamble, 0, preamble.byteLength, 0);
    await this.#handle.sync();
    await this.#handle.close();
    await rename(`${this.#path}.partial`, this.#path);
    return header;
  }

  /** Lets go of everything; for every path on which `finish` did not return. */
  async abort(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(`${this.#path}.partial`, { force: true });
  }

  async #append(bytes: Buffer): Promise<void> {
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.byteLength;
    if (this.#gatheredBytes >= GATHERED_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#gatheredBytes === 0) return;
    const bytes = Buffer.concat(this.#gathered, this.#gatheredBytes);
    let done = 0;
    while (done < bytes.byteLength) done += (await this.#handle.write(bytes, done, bytes.byteLength - done, this.#written + done)).bytesWritten;
    this.#written += bytes.byteLength;
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  async #statistics(order: Uint32Array, split: Uint8Array, facts: RecordFacts): Promise<DatasetStatistics | null> {
    const train = order.filter((example) => split[example] === 0);
    const most = this.columns.isImageFile.includes(1) ? STATISTICS_IMAGE_FILES : STATISTICS_EXAMPLES;
    const step = Math.max(1, train.length / most);
    const lanes = facts.kind === "image" ? (facts.shape[2] ?? 1) : facts.kind === "table" ? (facts.shape[0] ?? 1) : 1;
    const collector = new StatisticsCollector(lanes);
    for (let at = 0; at < train.length; at += step) {
      const entry = this.columns.entry(train[Math.floor(at)] ?? 0, Number.NaN);
      collector.add(await decodeRecord(await readRecord(this.#handle, entry), entry, facts));
    }
    return collector.result();
  }
}

/** By split, then as they came; without those left out. */
function tableOrder(split: Uint8Array): Uint32Array {
  const order = Uint32Array.from({ length: split.length }, (_, at) => at).filter((at) => split[at] !== DROPPED);
  return order.sort((one, other) => (split[one] ?? 0) - (split[other] ?? 0) || one - other);
}

function imageShape(columns: ExampleColumns): (number | null)[] {
  const shared = (values: Uint32Array): number | null => (values.subarray(0, columns.count).every((value) => value === values[0]) ? (values[0] ?? null) : null);
  return [shared(columns.height), shared(columns.width), columns.channels.subarray(0, columns.count).includes(3) ? 3 : 1];
}

function makeHeader(
  facts: WrittenFacts,
  shape: readonly (number | null)[],
  columns: ExampleColumns,
  labels: ResolvedLabels,
  { split, method, duplicates }: SplitAssignment,
  statistics: DatasetStatistics | null,
  wish: { readonly seed: number; readonly fractions: SplitFractions },
): DatasetHeader {
  const counts = perSplit(() => 0);
  const classCounts = perSplit(() => labels.classes.map(() => 0));
  for (let at = 0; at < columns.count; at += 1) {
    const name = SPLITS[split[at] ?? DROPPED];
    if (name === undefined) continue;
    counts[name] += 1;
    const label = labels.values[at] ?? Number.NaN;
    if (labels.task === "classification" && !Number.isNaN(label)) classCounts[name][label] = (classCounts[name][label] ?? 0) + 1;
  }
  return {
    kind: facts.kind,
    elementType: facts.elementType,
    shape,
    task: labels.task,
    classes: labels.classes,
    features: facts.features,
    sampleRateHz: facts.sampleRateHz,
    counts,
    classCounts,
    duplicates,
    splitting: { method, seed: wish.seed, fractions: wish.fractions, groupedBy: facts.options.groupColumn ?? facts.options.groupPrefix ?? null },
    source: facts.source,
    warnings: facts.defects.warnings,
    statistics,
  };
}

function perSplit<T>(make: () => T): Record<Split, T> {
  return { train: make(), calibration: make(), validation: make(), test: make() };
}
