import { DatasetRefusal, quoted, readableBytes } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import { ByteReader } from "../source/byte-reader.ts";
import { type ArraySource, rowBytes } from "./array-source.ts";
import { parseNpyHeader } from "./npy-header.ts";
import type { NumberType } from "./number-type.ts";

const NPY_MAGIC = "\u0093NUMPY";
/** IDX type codes (Y. LeCun, "The MNIST database": file formats). Numbers are big-endian. */
const IDX_TYPES: Readonly<Record<number, Pick<NumberType, "kind" | "bytes">>> = {
  0x08: { kind: "uint", bytes: 1 },
  0x09: { kind: "int", bytes: 1 },
  0x0b: { kind: "int", bytes: 2 },
  0x0c: { kind: "int", bytes: 4 },
  0x0d: { kind: "float", bytes: 4 },
  0x0e: { kind: "float", bytes: 8 },
};

export function looksLikeNpy(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, 6)).toString("latin1") === NPY_MAGIC;
}

export function looksLikeIdx(start: Uint8Array): boolean {
  return start.byteLength >= 8 && start[0] === 0 && start[1] === 0 && IDX_TYPES[start[2] ?? 0] !== undefined && (start[3] ?? 0) >= 1;
}

/** Reads the header of an NPY or IDX file. Throws DatasetRefusal for what lies about its size or asks for too much. */
export async function readArrayHeader(file: ArraySource["file"], format: "npy" | "idx", limits: DatasetLimits): Promise<ArraySource> {
  const reader = new ByteReader(file.stream());
  try {
    const array = format === "npy" ? await npyHeader(file, reader, limits) : await idxHeader(file, reader);
    checkSize(array, limits);
    return array;
  } finally {
    await reader.close();
  }
}

async function idxHeader(file: ArraySource["file"], reader: ByteReader): Promise<ArraySource> {
  const start = await reader.take(4);
  const type = start && start[0] === 0 && start[1] === 0 ? IDX_TYPES[start[2] ?? 0] : undefined;
  const rank = start?.[3] ?? 0;
  if (type === undefined || rank === 0) throw new DatasetRefusal("idx_malformed", `${quoted(file.name)} is no IDX file: its first bytes name no element type or no dimension. Export it again.`);
  const dimensions = await reader.take(rank * 4);
  if (dimensions === null) throw new DatasetRefusal("idx_malformed", `${quoted(file.name)} ends inside of its header. Repeat the upload.`);
  const view = new DataView(dimensions.buffer);
  const shape = Array.from({ length: rank }, (_, at) => view.getUint32(at * 4));
  return { file, format: "idx", type: { ...type, isLittleEndian: false }, shape, dataOffset: 4 + rank * 4, isFortran: false };
}

/** NEP 1: magic, version, length of the header (2 bytes in version 1, 4 in 2 and 3), then a Python dictionary. */
async function npyHeader(file: ArraySource["file"], reader: ByteReader, limits: DatasetLimits): Promise<ArraySource> {
  const malformed = (what: string): DatasetRefusal => new DatasetRefusal("npy_malformed", `${quoted(file.name)} ${what}. Save it again with numpy.save.`);
  const start = await reader.take(8);
  if (start === null || !looksLikeNpy(start)) throw malformed("is no NPY file");
  const version = start[6] ?? 0;
  if (version < 1 || version > 3) throw malformed(`has version ${version} of the NPY format; 1 to 3 are read`);
  const lengthBytes = version === 1 ? 2 : 4;
  const length = await reader.take(lengthBytes);
  const headerBytes = length === null ? -1 : Buffer.from(length).readUIntLE(0, lengthBytes);
  if (headerBytes > limits.npyHeaderBytes) throw malformed(`says its header has ${readableBytes(headerBytes)}; ${readableBytes(limits.npyHeaderBytes)} are read at most`);
  const header = headerBytes < 0 ? null : await reader.take(headerBytes);
  if (header === null) throw malformed("ends inside of its header");
  const { type, shape, isFortran } = parseNpyHeader(Buffer.from(header).toString("latin1"), file.name);
  return { file, format: "npy", type, shape, dataOffset: 8 + lengthBytes + headerBytes, isFortran: isFortran && shape.length > 1 };
}

function checkSize(array: ArraySource, limits: DatasetLimits): void {
  const { file, format, shape } = array;
  const code = `${format}_size` as const;
  const says = `${quoted(file.name)} says its shape is (${shape.slice(0, 12).join(", ")}${shape.length > 12 ? ", …" : ""})`;
  if (shape.length === 0 || shape.length > limits.dimensions) throw new DatasetRefusal(code, `${says}; arrays with 1 to ${limits.dimensions} dimensions are read, the first counts the examples.`);
  const examples = shape[0] ?? 0;
  if (examples > limits.examples) throw new DatasetRefusal("too_many_examples", `${says}: more than ${limits.examples.toLocaleString("en-US")} examples. Upload a part of the data.`);
  if (shape.slice(1).includes(0)) throw new DatasetRefusal(code, `${says}: its examples are empty. Save the array again.`);
  if (rowBytes(array) > limits.exampleBytes) throw new DatasetRefusal("example_too_large", `${says}: one example may take ${readableBytes(limits.exampleBytes)}. Is the first dimension the examples?`);
  const expected = array.dataOffset + examples * rowBytes(array);
  if (file.sizeBytes !== null && file.sizeBytes !== expected) {
    throw new DatasetRefusal(code, `${says}, which takes ${expected.toLocaleString("en-US")} bytes; the file has ${file.sizeBytes.toLocaleString("en-US")}. It is cut off or damaged: repeat the upload.`);
  }
}
