import type { HostileDataset } from "./hostile-datasets.ts";
import { greyPng } from "./sample-files.ts";
import { type ZipClaims, type ZipEntry, zipFile } from "./zip-file.ts";

const PICTURE = greyPng(1);
const SOUND_ENTRY: ZipEntry = { name: "cat/1.png", bytes: PICTURE };
const SYMLINK = 0o120_777 * 65_536;
const DEVICE = 0o020_666 * 65_536;

type Case = Omit<HostileDataset, "fileName" | "bytes"> & { readonly entries: readonly ZipEntry[]; readonly claims?: ZipClaims; readonly change?: (bytes: Buffer) => Buffer };

function named(name: string | Buffer): readonly ZipEntry[] {
  return [SOUND_ENTRY, { name, bytes: greyPng(2) }];
}

function zip64Sizes(size: bigint): Buffer {
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  extra.writeBigUInt64LE(size, 4);
  extra.writeBigUInt64LE(size, 12);
  return extra;
}

/** Archives that lie, reach outside or inflate without end. */
export function hostileArchives(): HostileDataset[] {
  const cases: readonly Case[] = [
    { name: "name leads out", entries: named("../evil.png"), refusal: "zip_name_unsafe", says: "leads out of the archive" },
    { name: "name leads out further in", entries: named("cat/../../evil.png"), refusal: "zip_name_unsafe", says: "leads out of the archive" },
    { name: "name leads out with backslashes", entries: named("..\\..\\evil.png"), refusal: "zip_name_unsafe", says: "leads out of the archive" },
    { name: "absolute name", entries: named("/etc/passwd.png"), refusal: "zip_name_unsafe", says: "is absolute" },
    { name: "name with a drive", entries: named("C:\\windows\\evil.png"), refusal: "zip_name_unsafe", says: "is absolute" },
    { name: "NUL in a name", entries: named("cat/evil.png\0.txt"), refusal: "zip_name_unsafe", says: "control characters" },
    { name: "name that is no UTF-8", entries: named(Buffer.from("6361742fff2e706e67", "hex")), refusal: "zip_name_unsafe", says: "not readable text" },
    { name: "endless name", entries: named(`cat/${"a".repeat(5_000)}.png`), refusal: "zip_name_unsafe", says: "longer than 512" },
    { name: "endless folders", entries: named(`${"a/".repeat(40)}x.png`), refusal: "zip_name_unsafe", says: "16 folders deep" },
    { name: "symbolic link", entries: [SOUND_ENTRY, { name: "cat/2.png", bytes: Buffer.from("/etc/passwd"), attributes: SYMLINK }], refusal: "zip_link", says: "link or a device" },
    { name: "device", entries: [SOUND_ENTRY, { name: "cat/2.png", bytes: Buffer.alloc(0), attributes: DEVICE }], refusal: "zip_link", says: "link or a device" },
    { name: "archive in the archive", entries: [SOUND_ENTRY, { name: "cat/more.zip", bytes: zipFile([SOUND_ENTRY]) }], refusal: "zip_nested", says: "Unpack it first" },
    { name: "same name twice", entries: [SOUND_ENTRY, { ...SOUND_ENTRY, bytes: greyPng(2) }], refusal: "zip_duplicate_name", says: "twice" },
    { name: "same name twice, written differently", entries: [SOUND_ENTRY, { name: "cat//./1.png", bytes: greyPng(2) }], refusal: "zip_duplicate_name", says: "twice" },
    { name: "encrypted entry", entries: [{ ...SOUND_ENTRY, flags: 1 }], refusal: "zip_encrypted", says: "without a password" },
    { name: "strong encryption", entries: [{ ...SOUND_ENTRY, flags: 0x41 }], refusal: "zip_encrypted", says: "without a password" },
    { name: "packed by LZMA", entries: [{ ...SOUND_ENTRY, method: 14 }], refusal: "zip_compression", says: "method 14" },
    { name: "wrong checksum", entries: [{ ...SOUND_ENTRY, checksum: 7 }], refusal: "zip_checksum", says: "checksum" },
    { name: "bit flipped inside of an entry", entries: [{ ...SOUND_ENTRY, method: 0 }], change: (bytes) => flipped(bytes, 100), refusal: "zip_checksum", says: "checksum" },
    { name: "entry larger than declared", entries: [{ ...SOUND_ENTRY, sizeBytes: 40 }], refusal: "zip_damaged", says: "does not inflate" },
    { name: "entry smaller than declared", entries: [{ ...SOUND_ENTRY, sizeBytes: 4_000 }], refusal: "zip_damaged", says: "another size" },
    { name: "entry that ends behind the file", entries: [{ ...SOUND_ENTRY, packedBytes: 100_000 }], refusal: "zip_damaged", says: "damaged" },
    { name: "zip64 sizes of an exabyte", entries: [{ ...SOUND_ENTRY, sizeBytes: 0xffffffff, packedBytes: 0xffffffff, extra: zip64Sizes(2n ** 60n) }], refusal: "zip_damaged", says: "damaged" },
    { name: "zip64 end that names a trillion entries", entries: [SOUND_ENTRY], claims: { zip64EntryCount: 10n ** 12n }, refusal: "zip_too_many_entries", says: "1,000,000,000,000 entries" },
    { name: "more entries than the file has room for", entries: [SOUND_ENTRY], claims: { entryCount: 60_000 }, refusal: "zip_damaged", says: "room for" },
    { name: "entries behind the declared number", entries: named("cat/2.png"), claims: { entryCount: 1 }, refusal: "zip_damaged", says: "contradict" },
    { name: "more entries than are read", entries: named("cat/2.png"), limits: { archiveEntries: 1 }, refusal: "zip_too_many_entries", says: "2 entries; 1 are read" },
    { name: "entries that share their bytes", entries: [SOUND_ENTRY, { name: "cat/2.png", bytes: PICTURE, sharesBytesOf: 0 }], refusal: "zip_overlap", says: "share the same bytes" },
    { name: "20 MiB of zeros", entries: [SOUND_ENTRY, { name: "cat/2.png", bytes: Buffer.alloc(20 * 1024 * 1024) }], refusal: "zip_bomb", says: /would inflate from .* to 20 MiB/ },
    { name: "many entries that inflate to too much together", entries: named("cat/2.png"), limits: { inflatedBytes: 300 }, refusal: "zip_bomb", says: "300 bytes are read at most" },
    { name: "declared size of 4 GiB", entries: [{ ...SOUND_ENTRY, sizeBytes: 0xfffffff0 }], refusal: "zip_bomb", says: "to 4 GiB" },
    { name: "cut in half", entries: named("cat/2.png"), change: (bytes) => bytes.subarray(0, bytes.byteLength / 2), refusal: "zip_truncated", says: "cut off" },
    { name: "bytes behind the end", entries: [SOUND_ENTRY], change: (bytes) => Buffer.concat([bytes, Buffer.alloc(64, 1)]), refusal: "zip_truncated", says: "appended" },
    { name: "directory overwritten", entries: [SOUND_ENTRY], change: (bytes) => flipped(bytes, bytes.lastIndexOf(Buffer.from("504b0102", "hex"))), refusal: "zip_damaged", says: "directory cannot be read" },
    { name: "nothing inside", entries: [], refusal: "format_unknown", says: "Pack a folder per class" },
    { name: "nothing of use inside", entries: [{ name: "readme.txt", bytes: Buffer.from("hello") }], refusal: "format_unknown", says: "Pack a folder per class" },
    { name: "too large a file inside", entries: [SOUND_ENTRY], limits: { wholeFileBytes: 100 }, refusal: "example_too_large", says: "Shrink or split" },
    { name: "more examples than are read", entries: named("cat/2.png"), limits: { examples: 1 }, refusal: "too_many_examples", says: "may hold 1 examples" },
    { name: "more class folders than are read", entries: named("dog/2.png"), limits: { classes: 1 }, refusal: "too_many_classes", says: "More than 1 different labels" },
  ];
  return cases.map(({ entries, claims, change = (bytes) => bytes, ...rest }) => ({ ...rest, name: `zip: ${rest.name}`, fileName: "data.zip", bytes: change(zipFile(entries, claims)) }));
}

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}
