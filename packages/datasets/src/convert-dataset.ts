import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { checkOptions } from "./check-options.ts";
import { DatasetRefusal, quoted } from "./dataset-refusal.ts";
import { DefectLog } from "./defect-log.ts";
import { belongsTo, formatOfArchive, formatOfFile, type ReadableFormat } from "./detect-format.ts";
import { DatasetWriter } from "./file/dataset-writer.ts";
import { DATASET_LIMITS } from "./limits.ts";
import type { RawDataset } from "./raw-example.ts";
import { readArrays } from "./readers/arrays.ts";
import { readCsv } from "./readers/csv.ts";
import { readImageFolder } from "./readers/image-folder.ts";
import type { ReaderContext } from "./readers/reader-context.ts";
import { readWavFolder } from "./readers/wav-folder.ts";
import { ByteReader } from "./source/byte-reader.ts";
import { gunzipped, plainFile, type SourceFile } from "./source/source-file.ts";
import { openZip } from "./source/zip-archive.ts";
import type { ConvertContext, DatasetHeader, DatasetSource, NamedFile } from "./types.ts";

const DEFAULT_TOLERATED = 0.02;
const SNIFFED_BYTES = 512;
const PROGRESS_EVERY = 500;

/**
 * Reads an uploaded file and writes it as one dataset file at `outPath`, which appears only when it is whole. Streams: memory does not grow with the
 * size of the upload, only by about 400 bytes an example. The same bytes and options give the same file.
 *
 * Throws DatasetRefusal for what cannot be used, the signal's reason when aborted. Open uploads in a child process with limits all the same:
 * image decoders are native code.
 */
export async function convertDataset(source: DatasetSource, outPath: string, context: ConvertContext = {}): Promise<DatasetHeader> {
  const limits = { ...DATASET_LIMITS, ...context.limits };
  const options = source.options ?? {};
  checkOptions(options);
  const uploads: readonly NamedFile[] = [{ path: source.path, name: source.name }, ...(source.companions ?? [])];
  const files = await Promise.all(uploads.map((file) => describeFile(file, context.signal)));
  const defects = new DefectLog(options.toleratedDefects ?? DEFAULT_TOLERATED);
  const scratch: string[] = [];
  const newScratchPath = (): string => {
    const path = `${outPath}.scratch-${scratch.length}`;
    scratch.push(path);
    return path;
  };
  const opened = await openUploads(uploads, limits);
  try {
    const writer = await DatasetWriter.create(outPath, limits);
    try {
      const format = source.format === undefined || source.format === "auto" ? await detect(opened) : source.format;
      const own = opened.isArchive && format !== "image-folder" && format !== "wav-folder" ? opened.files.filter((file) => belongsTo(format, file.name)) : opened.files;
      const raw = await read(format, { files: own.map((file) => (/\.gz$/i.test(file.name) ? gunzipped(file, limits) : file)), options, limits, defects, newScratchPath });
      await addAll(raw, writer, context);
      return await writer.finish({ ...raw, source: { format: raw.format, files }, options, defects });
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await opened.close();
    for (const path of scratch) await rm(path, { force: true });
  }
}

async function addAll(raw: RawDataset, writer: DatasetWriter, { signal, onProgress }: ConvertContext): Promise<void> {
  for await (const example of raw.examples) {
    signal?.throwIfAborted();
    await writer.add(example);
    if (writer.columns.count % PROGRESS_EVERY === 0) onProgress?.({ examples: writer.columns.count });
  }
  onProgress?.({ examples: writer.columns.count });
}

type Uploads = { readonly isArchive: boolean; readonly files: readonly SourceFile[]; close(): Promise<void> };

async function openUploads(uploads: readonly NamedFile[], limits: typeof DATASET_LIMITS): Promise<Uploads> {
  const [main] = uploads;
  const kinds = await Promise.all(uploads.map(async (file) => ({ file, magic: await firstBytes(file.path) })));
  const archives = kinds.filter(({ magic }) => isZip(magic));
  if (archives.length > 0 && uploads.length > 1) throw new DatasetRefusal("format_unsupported", `${quoted(archives[0]?.file.name ?? "")} is an archive; upload it alone.`);
  if (main && archives.length === 1) {
    const archive = await openZip(main.path, limits);
    return { isArchive: true, ...archive };
  }
  const files = kinds.map(async ({ file, magic }) => {
    const plain = await plainFile(file, limits);
    return magic[0] === 0x1f && magic[1] === 0x8b ? gunzipped(plain, limits) : plain;
  });
  return { isArchive: false, files: await Promise.all(files), close: async () => undefined };
}

/** "PK" and the signature of a file, of an empty archive, or of a spanned one. */
function isZip(magic: Uint8Array): boolean {
  return magic[0] === 0x50 && magic[1] === 0x4b && ((magic[2] === 3 && magic[3] === 4) || (magic[2] === 5 && magic[3] === 6) || (magic[2] === 7 && magic[3] === 8));
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function detect(uploads: Uploads): Promise<ReadableFormat> {
  if (uploads.isArchive) return formatOfArchive(uploads.files.map((file) => file.name));
  const formats = await Promise.all(uploads.files.map(async (file) => formatOfFile(file.name, await startOf(file))));
  const [first] = formats;
  if (first === undefined || formats.some((format) => format !== first)) throw new DatasetRefusal("format_unsupported", "The files are of different kinds. Upload files of one kind, or a ZIP.");
  return first;
}

async function startOf(file: SourceFile): Promise<Uint8Array> {
  const reader = new ByteReader(file.stream());
  try {
    return await reader.takeUpTo(SNIFFED_BYTES);
  } finally {
    await reader.close();
  }
}

function read(format: ReadableFormat, context: ReaderContext): Promise<RawDataset> | RawDataset {
  switch (format) {
    case "image-folder":
      return readImageFolder(context);
    case "wav-folder":
      return readWavFolder(context);
    case "csv": {
      const [file, second] = context.files;
      if (!file || second) throw new DatasetRefusal("format_unsupported", "One CSV file makes a dataset. Join the tables first.");
      return readCsv(file, context);
    }
    case "idx":
    case "npy":
    case "npz":
      return readArrays(format, context);
  }
}

async function describeFile(file: NamedFile, signal: AbortSignal | undefined): Promise<DatasetHeader["source"]["files"][number]> {
  const digest = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file.path, { highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) }) as AsyncIterable<Buffer>) {
    digest.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { name: file.name, sizeBytes, sha256: digest.digest("hex") };
}
