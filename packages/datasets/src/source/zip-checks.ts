import type { Entry } from "yauzl";
import { getFileNameLowLevel } from "yauzl";
import { DatasetRefusal, quoted, readableBytes } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";

const UNIX = 3;
const FILE_TYPE_MASK = 0xf000;
const DIRECTORY = 0x4000;
const REGULAR = 0x8000;
/** Archives inside of archives multiply every bound below. `.gz` is one stream, bounded where it is read. */
const NESTED = /\.(zip|jar|npz|7z|rar|tar|tgz|tbz2?|txz|tar\.\w+)$/i;
const LOCAL_HEADER_BYTES = 30;

/** The entry's name with "/" between folders. Throws for what could ever mean a place outside of the archive. */
export function safeName(entry: Entry, limits: DatasetLimits): string {
  const name = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
  const folders = name.split("/");
  const what =
    name === "" || name.includes("\uFFFD") ? "is not readable text"
    : /\p{Cc}/u.test(name) ? "holds control characters"
    : name.startsWith("/") || /^[A-Za-z]:/.test(name) ? "is absolute"
    : folders.includes("..") ? 'leads out of the archive ("..")'
    : name.length > limits.nameCharacters ? `is longer than ${limits.nameCharacters} characters`
    : folders.length > limits.folderDepth ? `is nested more than ${limits.folderDepth} folders deep`
    : null;
  if (what === null) return folders.filter((folder) => folder !== "" && folder !== ".").join("/");
  throw new DatasetRefusal("zip_name_unsafe", `The archive holds a name that ${what}: ${quoted(name)}. Pack the folder itself, with plain relative names.`);
}

/** What one entry may be: a file, neither link nor device, not encrypted, packed in a known way, no archive itself. */
export function checkEntry(entry: Entry, name: string, limits: DatasetLimits): void {
  const mode = entry.versionMadeBy >>> 8 === UNIX ? (entry.externalFileAttributes >>> 16) & FILE_TYPE_MASK : 0;
  if (mode !== 0 && mode !== REGULAR && mode !== DIRECTORY) {
    throw new DatasetRefusal("zip_link", `${quoted(name)} in the archive is a link or a device. Pack the files themselves.`);
  }
  if (entry.isEncrypted()) throw new DatasetRefusal("zip_encrypted", `${quoted(name)} in the archive is encrypted. Pack it without a password.`);
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw new DatasetRefusal("zip_compression", `${quoted(name)} in the archive is packed by method ${entry.compressionMethod}. Pack it again as an ordinary ZIP (deflate or stored).`);
  }
  if (NESTED.test(name)) throw new DatasetRefusal("zip_nested", `${quoted(name)} is an archive inside of the archive. Unpack it first, or upload it alone.`);
  if (!Number.isSafeInteger(entry.compressedSize) || !Number.isSafeInteger(entry.uncompressedSize) || !Number.isSafeInteger(entry.relativeOffsetOfLocalHeader)) {
    throw new DatasetRefusal("zip_damaged", `The archive's directory gives impossible sizes for ${quoted(name)}. Pack it again.`);
  }
  const { ratioFromBytes, inflateRatio } = limits;
  if (entry.uncompressedSize > ratioFromBytes && entry.uncompressedSize > inflateRatio * entry.compressedSize) bomb(`${quoted(name)} would inflate`, entry.compressedSize, entry.uncompressedSize);
}

/** What all entries may be together. */
export function checkArchive(entries: readonly Entry[], limits: DatasetLimits): void {
  let inflated = 0;
  let compressed = 0;
  for (const entry of entries) {
    inflated += entry.uncompressedSize;
    compressed += entry.compressedSize;
  }
  if (inflated > limits.inflatedBytes) {
    throw new DatasetRefusal("zip_bomb", `The archive inflates to ${readableBytes(inflated)}; ${readableBytes(limits.inflatedBytes)} are read at most. Upload a part of the data.`);
  }
  if (inflated > limits.ratioFromBytes && inflated > limits.inflateRatio * compressed) bomb("The archive would inflate", compressed, inflated);
  refuseOverlap(entries);
}

function bomb(what: string, compressed: number, inflated: number): never {
  throw new DatasetRefusal("zip_bomb", `${what} from ${readableBytes(compressed)} to ${readableBytes(inflated)}, which no real data does. Pack it again; store constant data uncompressed.`);
}

/** Entries that share bytes let a small file inflate to any size (D. Fifield, "A better zip bomb", 2019). */
function refuseOverlap(entries: readonly Entry[]): void {
  const ordered = entries.toSorted((one, other) => one.relativeOffsetOfLocalHeader - other.relativeOffsetOfLocalHeader);
  let free = 0;
  for (const entry of ordered) {
    if (entry.relativeOffsetOfLocalHeader < free) throw new DatasetRefusal("zip_overlap", "Entries of the archive share the same bytes, as only made-up archives do. Pack it again.");
    free = entry.relativeOffsetOfLocalHeader + LOCAL_HEADER_BYTES + entry.fileNameLength + entry.compressedSize;
  }
}
