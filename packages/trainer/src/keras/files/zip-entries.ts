import { crc32, inflateRawSync } from "node:zlib";
import { GROWTH_ALLOWANCE_BYTES, type KerasLimits } from "../keras-limits.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";

// Own code and not the ZIP library of packages/datasets: three known entries are read out of bytes in memory, which takes no
// streams, no file handles and no second dependency with a guard of its own.

const END_RECORD_BYTES = 22;
const COMMENT_BYTES_MAX = 65_535;
const DIRECTORY_ENTRY_BYTES = 46;
const LOCAL_HEADER_BYTES = 30;
const [END_SIGNATURE, DIRECTORY_SIGNATURE, LOCAL_SIGNATURE] = [0x06054b50, 0x02014b50, 0x04034b50];
const ENCRYPTED_FLAG = 1;
const [STORED, DEFLATED] = [0, 8];
const ENTRIES_MAX = 10_000;
/** Both mean "see the ZIP64 record", which archives of this size do not need. */
const [SEE_ZIP64_16, SEE_ZIP64_32] = [0xffff, 0xffffffff];

type Entry = { readonly flags: number; readonly method: number; readonly checksum: number; readonly packedBytes: number; readonly sizeBytes: number; readonly offset: number };

/**
 * The wanted entries of a ZIP file nobody vouches for (PKWARE APPNOTE 6.3.10, stored and deflated entries); a wanted entry that is not
 * there is absent from the answer. Nothing is inflated beyond what its directory declares, nor declared beyond the limits.
 */
export function readZipEntries(bytes: Uint8Array, wanted: readonly string[], limits: KerasLimits): Map<string, Uint8Array> {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = readDirectory(archive, new Set(wanted));
  const spans: { start: number; end: number }[] = [];
  const contents = new Map<string, Uint8Array>();
  for (const [name, entry] of entries) {
    refuseBomb(name, entry, limits);
    const start = contentStart(archive, name, entry);
    const end = start + entry.packedBytes;
    if (end > archive.byteLength) throw damaged(`${quoted(name)} ends behind the file`);
    if (spans.some((span) => start < span.end && span.start < end)) throw damaged(`${quoted(name)} shares its bytes with another entry`);
    spans.push({ start, end });
    contents.set(name, unpack(archive.subarray(start, end), name, entry));
  }
  return contents;
}

function readDirectory(archive: Buffer, wanted: ReadonlySet<string>): Map<string, Entry> {
  const end = endRecord(archive);
  const count = archive.readUInt16LE(end + 10);
  let position = archive.readUInt32LE(end + 16);
  if (count === SEE_ZIP64_16 || position === SEE_ZIP64_32) throw damaged("it is in the ZIP64 form, which a model of this size does not need");
  if (count > ENTRIES_MAX) throw new KerasRefusal("keras_archive_bomb", `the archive holds ${count} entries; a Keras model has a few`);
  const entries = new Map<string, Entry>();
  const names = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    if (position + DIRECTORY_ENTRY_BYTES > end || archive.readUInt32LE(position) !== DIRECTORY_SIGNATURE) throw damaged("its directory is cut off");
    const nameEnd = position + DIRECTORY_ENTRY_BYTES + archive.readUInt16LE(position + 28);
    const name = archive.toString("utf8", position + DIRECTORY_ENTRY_BYTES, Math.min(nameEnd, end));
    if (names.has(name)) throw damaged(`it holds ${quoted(name)} twice`);
    names.add(name);
    if (wanted.has(name)) entries.set(name, entryAt(archive, position));
    position = nameEnd + archive.readUInt16LE(position + 30) + archive.readUInt16LE(position + 32);
  }
  if (position !== end) throw damaged("its directory and its end record contradict each other");
  return entries;
}

function endRecord(archive: Buffer): number {
  for (let at = archive.byteLength - END_RECORD_BYTES; at >= Math.max(0, archive.byteLength - END_RECORD_BYTES - COMMENT_BYTES_MAX); at -= 1) {
    if (archive.readUInt32LE(at) === END_SIGNATURE && at + END_RECORD_BYTES + archive.readUInt16LE(at + 20) === archive.byteLength) return at;
  }
  throw damaged("it has no proper end, so the upload is cut off or something is appended to it");
}

function entryAt(archive: Buffer, at: number): Entry {
  return {
    flags: archive.readUInt16LE(at + 8), method: archive.readUInt16LE(at + 10), checksum: archive.readUInt32LE(at + 16),
    packedBytes: archive.readUInt32LE(at + 20), sizeBytes: archive.readUInt32LE(at + 24), offset: archive.readUInt32LE(at + 42),
  };
}

function refuseBomb(name: string, { flags, packedBytes, sizeBytes }: Entry, limits: KerasLimits): void {
  if ((flags & ENCRYPTED_FLAG) !== 0) throw new KerasRefusal("keras_archive_encrypted", `${quoted(name)} in the archive is encrypted; save the model without a password`);
  if (sizeBytes <= Math.min(limits.fileBytes, packedBytes * limits.growth + GROWTH_ALLOWANCE_BYTES)) return;
  throw new KerasRefusal("keras_archive_bomb", `${quoted(name)} would inflate from ${packedBytes} to ${sizeBytes} bytes`);
}

function contentStart(archive: Buffer, name: string, { offset }: Entry): number {
  if (offset + LOCAL_HEADER_BYTES > archive.byteLength || archive.readUInt32LE(offset) !== LOCAL_SIGNATURE) throw damaged(`${quoted(name)} is not where its directory says`);
  return offset + LOCAL_HEADER_BYTES + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
}

function unpack(packed: Buffer, name: string, { method, sizeBytes, checksum }: Entry): Uint8Array {
  if (method !== STORED && method !== DEFLATED) throw damaged(`${quoted(name)} is packed by method ${method}; stored and deflated entries are read`);
  const content = method === STORED ? packed : inflate(packed, name, sizeBytes);
  if (content.byteLength !== sizeBytes) throw damaged(`${quoted(name)} has another size than its directory says`);
  if (crc32(content) !== checksum) throw damaged(`the checksum of ${quoted(name)} is wrong, so its bytes have changed since it was saved`);
  return content;
}

function inflate(packed: Buffer, name: string, sizeBytes: number): Buffer {
  try {
    // One byte of room, so that "more than declared" is told from "exactly".
    return inflateRawSync(packed, { maxOutputLength: sizeBytes + 1 });
  } catch (error) {
    throw damaged(`${quoted(name)} does not inflate to what its directory says`, error);
  }
}

function damaged(what: string, cause?: unknown): KerasRefusal {
  return new KerasRefusal("keras_archive_damaged", `the .keras archive is damaged: ${what}`, { cause });
}
