import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { crc32, inflateRaw, inflateRawSync, type ZlibOptions } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";
import { fromFdPromise } from "yauzl";
import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import type { SourceFile } from "./source-file.ts";
import { refuseWhole } from "./source-file.ts";
import { checkArchive, checkEntry, safeName } from "./zip-checks.ts";

/** An archive whose whole directory has been checked. Its files are in the order of their names, so that the same content gives the same dataset. */
type ZipArchive = {
  readonly files: readonly SourceFile[];
  close(): Promise<void>;
};

const inflateInPool = promisify<Buffer, ZlibOptions, Buffer>(inflateRaw);

const END_RECORD_BYTES = 22;
/** The end record of ZIP64 and its locator, with room for the extension nobody uses. */
const ZIP64_TAIL_BYTES = 56 + 20 + 1024;
const DIRECTORY_ENTRY_BYTES = 46;

/** Opens a ZIP file nobody vouches for. Throws DatasetRefusal; holds the directory in memory, no content. */
export async function openZip(path: string, limits: DatasetLimits): Promise<ZipArchive> {
  const handle = await open(path, "r");
  try {
    const zip = await readable(fromFdPromise(handle.fd, { lazyEntries: true, autoClose: false, decodeStrings: false }));
    // Listened to for as long as the archive is open: an error nobody hears would end the process.
    zip.on("error", () => undefined);
    const entries = await readDirectory(zip, limits);
    checkArchive([...entries.values()], limits);
    const files = [...entries].map(([name, entry]) => entryFile(zip, handle, name, entry, limits));
    files.sort((one, other) => (one.name < other.name ? -1 : 1));
    return { files, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readDirectory(zip: ZipFile, limits: DatasetLimits): Promise<Map<string, Entry>> {
  if (zip.entryCount > limits.archiveEntries) {
    throw new DatasetRefusal("zip_too_many_entries", `The archive says it holds ${zip.entryCount.toLocaleString("en-US")} entries; ${limits.archiveEntries.toLocaleString("en-US")} are read at most. Split it.`);
  }
  if (zip.entryCount * DIRECTORY_ENTRY_BYTES > zip.fileSize) throw damaged("its directory claims more entries than the file has room for");
  const entries = new Map<string, Entry>();
  const names = new Set<string>();
  const iterator = zip.eachEntry();
  for (;;) {
    const step = await readable(iterator.next());
    if (step.done === true) break;
    const entry = step.value;
    const name = safeName(entry, limits);
    if (names.has(name)) throw new DatasetRefusal("zip_duplicate_name", `The archive holds ${quoted(name)} twice. Pack it again, each name once.`);
    names.add(name);
    checkEntry(entry, name, limits);
    if (!entry.fileNameRaw.toString("latin1").endsWith("/") && name !== "") entries.set(name, entry);
  }
  refuseHiddenEntries(zip);
  return entries;
}

/** A directory that goes on behind the declared number of entries would be read differently by other programs. */
function refuseHiddenEntries(zip: ZipFile): void {
  // The published types call the cursor a boolean; it is the offset behind the last entry read.
  const reached = Number(zip.readEntryCursor);
  const endRecord = zip.fileSize - END_RECORD_BYTES - zip.comment.length;
  if (reached !== endRecord && (reached > endRecord || endRecord - reached > ZIP64_TAIL_BYTES || reached + 76 > endRecord)) throw damaged("its directory and its end record contradict each other");
}

function entryFile(zip: ZipFile, handle: FileHandle, name: string, entry: Entry, limits: DatasetLimits): SourceFile {
  return {
    name,
    sizeBytes: entry.uncompressedSize,
    path: null,
    bytes: async () => {
      refuseWhole(name, Math.max(entry.uncompressedSize, entry.compressedSize), limits);
      return readWhole(zip, handle, name, entry);
    },
    stream: () => checkedStream(zip, name, entry),
  };
}

async function readWhole(zip: ZipFile, handle: FileHandle, name: string, entry: Entry): Promise<Uint8Array> {
  const { fileDataStart } = await readable(zip.readLocalFileHeaderPromise(entry, { minimal: true }));
  const packed = Buffer.allocUnsafe(entry.compressedSize);
  const { bytesRead } = await handle.read(packed, 0, packed.byteLength, fileDataStart);
  if (bytesRead !== packed.byteLength) throw damaged(`it ends in the middle of ${quoted(name)}`);
  const bytes = entry.compressionMethod === 0 ? packed : await inflateWhole(packed, name, entry.uncompressedSize);
  if (bytes.byteLength !== entry.uncompressedSize) throw damaged(`${quoted(name)} has another size than its directory says`);
  if (crc32(bytes) !== entry.crc32) throw wrongChecksum(name);
  return bytes;
}

/** Small entries inflate faster than a thread of the pool is asked. */
const AT_ONCE_BYTES = 128 * 1024;

async function inflateWhole(packed: Buffer, name: string, expectedBytes: number): Promise<Buffer> {
  // One byte of room, so that "more than declared" is told from "exactly".
  const options = { maxOutputLength: expectedBytes + 1 };
  try {
    return expectedBytes <= AT_ONCE_BYTES && packed.byteLength <= AT_ONCE_BYTES ? inflateRawSync(packed, options) : await inflateInPool(packed, options);
  } catch (error) {
    throw damaged(`${quoted(name)} does not inflate to what its directory says`, error);
  }
}

async function* checkedStream(zip: ZipFile, name: string, entry: Entry): AsyncIterable<Uint8Array> {
  const stream = await readable(zip.openReadStreamPromise(entry));
  let checksum = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof DatasetRefusal) throw error;
    throw damaged(`${quoted(name)} does not inflate to what its directory says`, error);
  } finally {
    stream.destroy();
  }
  if (checksum !== entry.crc32) throw wrongChecksum(name);
}

function wrongChecksum(name: string): DatasetRefusal {
  return new DatasetRefusal("zip_checksum", `The checksum of ${quoted(name)} in the archive is wrong: its bytes have changed since it was packed. Pack it again and repeat the upload.`);
}

function damaged(what: string, cause?: unknown): DatasetRefusal {
  return new DatasetRefusal("zip_damaged", `The archive is damaged: ${what}. Pack it again and repeat the upload.`, { cause });
}

/** Turns the ZIP reader's own errors into refusals. */
async function readable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    if (message.startsWith("End of central directory") || message.startsWith("Invalid comment length")) {
      throw new DatasetRefusal("zip_truncated", "The ZIP archive has no proper end: the upload is cut off, or something is appended to it. Pack it again and repeat the upload.", { cause: error });
    }
    if (message.startsWith("strong encryption")) throw new DatasetRefusal("zip_encrypted", "The archive is encrypted. Pack it without a password.", { cause: error });
    throw damaged("its directory cannot be read", error);
  }
}
