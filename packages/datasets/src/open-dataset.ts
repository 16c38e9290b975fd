import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { decodeEntry, decodePreamble, ENTRY_BYTES, fileDamaged, PREAMBLE_BYTES, type TableEntry } from "./file/file-layout.ts";
import { SPLITS } from "./file/example-columns.ts";
import { parseHeader } from "./file/parse-header.ts";
import { decodeRecord, readRecord } from "./file/records.ts";
import { TablePages } from "./file/table-pages.ts";
import { Gate } from "./images/gate.ts";
import type { Dataset, DatasetHeader, Split } from "./types.ts";

const READ_AT_ONCE_BYTES = 1024 * 1024;
/** What reads in flight may hold together: pixels of image files, bytes of the rest. */
const IN_FLIGHT = 64 * 1024 * 1024;
/** So that a million small reads asked for at once do not all hold a buffer and a place in the thread pool's queue. */
const LEAST_WEIGHT = 1024 * 1024;

/**
 * Opens a dataset file and proves table and header by their digest (a stream over them, flat memory). Examples are proved as they are read.
 * Throws DatasetRefusal `dataset_file_damaged` or `dataset_file_version`, and the system's error when there is no such file.
 */
export async function openDataset(path: string): Promise<Dataset> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const preamble = decodePreamble(await readExactly(handle, 0, Math.min(PREAMBLE_BYTES, size)), size);
    const headerOffset = preamble.tableOffset + preamble.examples * ENTRY_BYTES;
    const digest = createHash("sha256");
    for (let at = preamble.tableOffset; at < headerOffset; at += READ_AT_ONCE_BYTES) {
      digest.update(await readExactly(handle, at, Math.min(READ_AT_ONCE_BYTES, headerOffset - at)));
    }
    const headerBytes = await readExactly(handle, headerOffset, preamble.headerBytes);
    if (!digest.update(headerBytes).digest().equals(preamble.indexDigest)) throw fileDamaged("its table or header has changed");
    return new OpenedDataset(handle, preamble.tableOffset, parseHeader(headerBytes, preamble.examples));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class OpenedDataset implements Dataset {
  readonly header: DatasetHeader;
  readonly #handle: FileHandle;
  readonly #recordsEnd: number;
  readonly #pages: TablePages;
  readonly #gate = new Gate(IN_FLIGHT);

  constructor(handle: FileHandle, tableOffset: number, header: DatasetHeader) {
    this.header = header;
    this.#handle = handle;
    this.#recordsEnd = tableOffset;
    const examples = SPLITS.reduce((sum, split) => sum + header.counts[split], 0);
    this.#pages = new TablePages(examples, (first, count) => readExactly(handle, tableOffset + first * ENTRY_BYTES, count * ENTRY_BYTES));
  }

  count(split: Split): number {
    return this.header.counts[split];
  }

  async read(split: Split, index: number): ReturnType<Dataset["read"]> {
    if (!Number.isInteger(index) || index < 0 || index >= this.count(split)) throw new RangeError(`there is no example ${index} among the ${this.count(split)} of ${split}`);
    const entry = await this.#entry(this.#first(split) + index);
    const weight = entry.encoding === "image" ? entry.width * entry.height : entry.payloadBytes;
    return this.#gate.run(Math.max(LEAST_WEIGHT, weight), async () => decodeRecord(await readRecord(this.#handle, entry), entry, this.header));
  }

  async labels(split: Split): Promise<Float64Array> {
    const first = this.#first(split);
    const labels = new Float64Array(this.count(split));
    for (let at = 0; at < labels.length; at += 1) labels[at] = (await this.#entry(first + at)).label;
    return labels;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #first(split: Split): number {
    return SPLITS.slice(0, SPLITS.indexOf(split)).reduce((sum, name) => sum + this.count(name), 0);
  }

  async #entry(at: number): Promise<TableEntry> {
    const { page, start } = await this.#pages.pageOf(at);
    const entry = decodeEntry(page, (at - start) * ENTRY_BYTES);
    if (entry.offset < PREAMBLE_BYTES || entry.offset + entry.payloadBytes + entry.idBytes > this.#recordsEnd) throw fileDamaged("an example lies outside of it");
    return entry;
  }
}

async function readExactly(handle: FileHandle, position: number, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count);
  const { bytesRead } = await handle.read(bytes, 0, count, position);
  if (bytesRead !== count) throw fileDamaged("it is cut off");
  return bytes;
}
