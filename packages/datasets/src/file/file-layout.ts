import { crc32 } from "node:zlib";
import { DatasetRefusal } from "../dataset-refusal.ts";

// The layout of a dataset file; the README has the picture. All numbers are little-endian.

/** As in PNG: a high byte, a name, and line ends that a text transfer would break. */
const MAGIC = Buffer.from("89464c44530d0a1a", "hex");
const VERSION = 1;
export const PREAMBLE_BYTES = 128;
export const ENTRY_BYTES = 40;
const CHECKED_BYTES = PREAMBLE_BYTES - 4;
/** A header holds class names, feature names and counts; ten thousand of each stay far below. */
const MOST_HEADER_BYTES = 64 * 1024 * 1024;

type Preamble = {
  readonly tableOffset: number;
  readonly examples: number;
  readonly headerBytes: number;
  /** SHA-256 of table and header, in this order. */
  readonly indexDigest: Buffer;
};

export type Encoding = "raw" | "image";
const ENCODINGS: readonly Encoding[] = ["raw", "image"];

/** One example in the table. Its record is the payload, then the id as UTF-8; `checksum` is the CRC-32 of both. */
export type TableEntry = {
  readonly offset: number;
  readonly payloadBytes: number;
  readonly idBytes: number;
  readonly checksum: number;
  /** NaN: none. */
  readonly label: number;
  /** Images only, else 0. */
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly encoding: Encoding;
};

export function encodePreamble(preamble: Preamble): Buffer {
  const bytes = Buffer.alloc(PREAMBLE_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(ENTRY_BYTES, 12);
  bytes.writeBigUInt64LE(BigInt(preamble.tableOffset), 16);
  bytes.writeBigUInt64LE(BigInt(preamble.examples), 24);
  bytes.writeUInt32LE(preamble.headerBytes, 32);
  preamble.indexDigest.copy(bytes, 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CHECKED_BYTES)), CHECKED_BYTES);
  return bytes;
}

/** Throws DatasetRefusal when the bytes are not the beginning of a dataset file of `fileBytes`. */
export function decodePreamble(bytes: Buffer, fileBytes: number): Preamble {
  if (bytes.byteLength < PREAMBLE_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) throw new DatasetRefusal("dataset_file_damaged", "This is not a dataset file of this platform.");
  if (crc32(bytes.subarray(0, CHECKED_BYTES)) !== bytes.readUInt32LE(CHECKED_BYTES)) throw fileDamaged("its first bytes have changed");
  if (bytes.readUInt32LE(8) !== VERSION || bytes.readUInt32LE(12) !== ENTRY_BYTES) {
    throw new DatasetRefusal("dataset_file_version", `The dataset file has version ${bytes.readUInt32LE(8)}; version ${VERSION} is read. Upload the original data again.`);
  }
  const preamble: Preamble = {
    tableOffset: Number(bytes.readBigUInt64LE(16)),
    examples: Number(bytes.readBigUInt64LE(24)),
    headerBytes: bytes.readUInt32LE(32),
    indexDigest: bytes.subarray(40, 72),
  };
  const end = preamble.tableOffset + preamble.examples * ENTRY_BYTES + preamble.headerBytes;
  if (preamble.tableOffset < PREAMBLE_BYTES || end !== fileBytes || preamble.headerBytes > MOST_HEADER_BYTES) throw fileDamaged("it is cut off or has grown");
  return preamble;
}

export function encodeEntry(entry: TableEntry, into: Buffer, at: number): void {
  into.writeBigUInt64LE(BigInt(entry.offset), at);
  into.writeUInt32LE(entry.payloadBytes, at + 8);
  into.writeUInt32LE(entry.checksum, at + 12);
  into.writeDoubleLE(entry.label, at + 16);
  into.writeUInt32LE(entry.width, at + 24);
  into.writeUInt32LE(entry.height, at + 28);
  into.writeUInt16LE(entry.idBytes, at + 32);
  into.writeUInt8(entry.channels, at + 34);
  into.writeUInt8(ENCODINGS.indexOf(entry.encoding), at + 35);
}

export function decodeEntry(from: Buffer, at: number): TableEntry {
  const encoding = ENCODINGS[from.readUInt8(at + 35)];
  if (encoding === undefined) throw fileDamaged("an example is stored in an unknown way");
  return {
    offset: Number(from.readBigUInt64LE(at)),
    payloadBytes: from.readUInt32LE(at + 8),
    checksum: from.readUInt32LE(at + 12),
    label: from.readDoubleLE(at + 16),
    width: from.readUInt32LE(at + 24),
    height: from.readUInt32LE(at + 28),
    idBytes: from.readUInt16LE(at + 32),
    channels: from.readUInt8(at + 34),
    encoding,
  };
}

export function fileDamaged(what: string, cause?: unknown): DatasetRefusal {
  return new DatasetRefusal("dataset_file_damaged", `The dataset file is damaged: ${what}. Upload the original data again.`, { cause });
}
