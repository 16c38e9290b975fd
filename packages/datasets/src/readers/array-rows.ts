import { createWriteStream } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import { ByteReader } from "../source/byte-reader.ts";
import { type ArraySource, rowBytes, rowElements } from "./array-source.ts";
import type { ReaderContext } from "./reader-context.ts";

/** Bytes taken from a stream at once. */
const STREAM_BLOCK_BYTES = 256 * 1024;
/** Examples put together at once from a file that lies columns first. */
const FORTRAN_BLOCK_BYTES = 32 * 1024 * 1024;

/** The bytes of each example in row-major order. A view that is valid until the next one is asked for. Memory: one block, whatever the size. */
export function rowsOf(array: ArraySource, context: ReaderContext): AsyncIterable<Uint8Array> {
  return array.isFortran ? fortranRows(array, context) : plainRows(array);
}

async function* plainRows(array: ArraySource): AsyncIterable<Uint8Array> {
  const rows = array.shape[0] ?? 0;
  const bytes = rowBytes(array);
  const rowsAtOnce = Math.max(1, Math.floor(STREAM_BLOCK_BYTES / bytes));
  const reader = new ByteReader(array.file.stream());
  try {
    await reader.take(array.dataOffset);
    for (let done = 0; done < rows; done += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rows - done);
      const block = await reader.take(count * bytes);
      if (block === null) throw wrongSize(array, `holds fewer than the ${rows.toLocaleString("en-US")} examples it names`);
      for (let row = 0; row < count; row += 1) yield block.subarray(row * bytes, (row + 1) * bytes);
    }
    if (!(await reader.isAtEnd())) throw wrongSize(array, `goes on behind the ${rows.toLocaleString("en-US")} examples it names`);
  } finally {
    await reader.close();
  }
}

function wrongSize({ file, format }: ArraySource, what: string): DatasetRefusal {
  return new DatasetRefusal(`${format}_size`, `${quoted(file.name)} ${what}. It is cut off or damaged: repeat the upload.`);
}

/**
 * In Fortran order the numbers of one example lie far apart: element e of example r at (e × rows + r). They are gathered for a block of
 * examples at a time, which needs the bytes at any place: what comes from a stream is put on disk first.
 */
async function* fortranRows(array: ArraySource, context: ReaderContext): AsyncIterable<Uint8Array> {
  const path = array.file.path ?? context.newScratchPath();
  if (array.file.path === null) await pipeline(Readable.from(array.file.stream()), createWriteStream(path));
  const handle = await open(path, "r");
  try {
    const rows = array.shape[0] ?? 0;
    const { size } = await handle.stat();
    if (size !== array.dataOffset + rows * rowBytes(array)) throw wrongSize(array, "does not have the size its shape asks for");
    const rowsAtOnce = Math.max(1, Math.floor(FORTRAN_BLOCK_BYTES / rowBytes(array)));
    for (let first = 0; first < rows; first += rowsAtOnce) yield* gather(handle, array, first, Math.min(rowsAtOnce, rows - first));
  } finally {
    await handle.close();
    if (array.file.path === null) await rm(path, { force: true });
  }
}

async function* gather(handle: FileHandle, array: ArraySource, first: number, count: number): AsyncIterable<Uint8Array> {
  const { type, shape, dataOffset } = array;
  const rows = shape[0] ?? 0;
  const elements = rowElements(array);
  const block = Buffer.alloc(count * elements * type.bytes);
  const column = Buffer.alloc(count * type.bytes);
  const target = rowMajorPositions(shape.slice(1));
  for (let element = 0; element < elements; element += 1) {
    await handle.read(column, 0, column.byteLength, dataOffset + (element * rows + first) * type.bytes);
    const into = target(element);
    for (let row = 0; row < count; row += 1) column.copy(block, (row * elements + into) * type.bytes, row * type.bytes, (row + 1) * type.bytes);
  }
  const bytes = elements * type.bytes;
  for (let row = 0; row < count; row += 1) yield block.subarray(row * bytes, (row + 1) * bytes);
}

/** Position in row-major order of the element that stands at a position of column-major order. */
function rowMajorPositions(shape: readonly number[]): (element: number) => number {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dimension) => product * dimension, 1));
  return (element) => {
    let rest = element;
    let position = 0;
    for (const [axis, dimension] of shape.entries()) {
      position += (rest % dimension) * (strides[axis] ?? 1);
      rest = Math.floor(rest / dimension);
    }
    return position;
  };
}
