import { crc32, deflateRawSync } from "node:zlib";

/** One entry; all beside name and content is what its headers shall claim instead of the truth. */
export type ZipEntry = {
  readonly name: string | Buffer;
  readonly bytes: Uint8Array;
  /** Default 8, deflated. */
  readonly method?: number;
  readonly checksum?: number;
  readonly sizeBytes?: number;
  readonly packedBytes?: number;
  readonly flags?: number;
  /** Upper half: the mode on Unix. */
  readonly attributes?: number;
  readonly extra?: Buffer;
  /** Points at the local header of the entry with this index. */
  readonly sharesBytesOf?: number;
};

export type ZipClaims = { readonly entryCount?: number; readonly zip64EntryCount?: bigint };

const UTF8 = 0x800;
const UNIX_20 = (3 << 8) | 20;

/** A ZIP file (PKWARE APPNOTE 6.3) as its entries wish it. */
export function zipFile(entries: readonly ZipEntry[], claims: ZipClaims = {}): Buffer {
  const parts: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  const push = (part: Buffer): void => {
    parts.push(part);
    offset += part.byteLength;
  };
  const packed = entries.map((entry) => (entry.method === 0 ? Buffer.from(entry.bytes) : deflateRawSync(entry.bytes)));
  for (const [at, entry] of entries.entries()) {
    if (entry.sharesBytesOf !== undefined) {
      offsets.push(offsets[entry.sharesBytesOf] ?? 0);
      continue;
    }
    offsets.push(offset);
    push(Buffer.concat([Buffer.from("504b0304", "hex"), Buffer.from([20, 0]), fields(entry, packed[at]), u16(0), nameOf(entry), packed[at] ?? Buffer.alloc(0)]));
  }
  const directoryOffset = offset;
  for (const [at, entry] of entries.entries()) {
    const extra = entry.extra ?? Buffer.alloc(0);
    const tail = Buffer.concat([u16(extra.byteLength), u16(0), u16(0), u16(0), u32(entry.attributes ?? 0), u32(offsets[at] ?? 0), nameOf(entry), extra]);
    push(Buffer.concat([Buffer.from("504b0102", "hex"), u16(UNIX_20), u16(20), fields(entry, packed[at]), tail]));
  }
  const directoryBytes = offset - directoryOffset;
  if (claims.zip64EntryCount !== undefined) push(zip64End(offset, claims.zip64EntryCount, directoryOffset, directoryBytes));
  const count = u16(claims.entryCount ?? entries.length);
  push(Buffer.concat([Buffer.from("504b0506", "hex"), u16(0), u16(0), count, count, u32(directoryBytes), u32(directoryOffset), u16(0)]));
  return Buffer.concat(parts);
}

/** What local and central header have in common, from the flags to the length of the name. */
function fields(entry: ZipEntry, packed: Buffer | undefined): Buffer {
  const packedBytes = packed?.byteLength ?? 0;
  return Buffer.concat([
    u16((entry.flags ?? 0) | UTF8),
    u16(entry.method ?? 8),
    u32(0x58_21_00_00),
    u32(entry.checksum ?? crc32(entry.bytes)),
    u32(entry.packedBytes ?? packedBytes),
    u32(entry.sizeBytes ?? entry.bytes.byteLength),
    u16(nameOf(entry).byteLength),
  ]);
}

function zip64End(at: number, entryCount: bigint, directoryOffset: number, directoryBytes: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.write("504b0606", 0, "hex");
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(entryCount, 24);
  record.writeBigUInt64LE(entryCount, 32);
  record.writeBigUInt64LE(BigInt(directoryBytes), 40);
  record.writeBigUInt64LE(BigInt(directoryOffset), 48);
  record.write("504b0607", 56, "hex");
  record.writeBigUInt64LE(BigInt(at), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

function nameOf({ name }: ZipEntry): Buffer {
  return typeof name === "string" ? Buffer.from(name) : name;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
