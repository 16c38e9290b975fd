import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { decodeImage } from "../images/decode-image.ts";
import type { DatasetHeader, Example, ImageExample } from "../types.ts";
import type { TableEntry } from "./file-layout.ts";
import { fileDamaged } from "./file-layout.ts";

/** What of a header decides how records are read. */
export type RecordFacts = Pick<DatasetHeader, "kind" | "elementType" | "shape">;

/** Stored images were let in by the limits of their time; this only keeps a damaged file from asking for everything. */
const MOST_PIXELS = 268_000_000;
const INT16_STEPS = 32_768;

/** Reads one record and proves by its checksum that it is what was written. */
export async function readRecord(handle: FileHandle, entry: TableEntry): Promise<Buffer> {
  const record = Buffer.allocUnsafe(entry.payloadBytes + entry.idBytes);
  const { bytesRead } = await handle.read(record, 0, record.byteLength, entry.offset);
  if (bytesRead !== record.byteLength || crc32(record) !== entry.checksum) throw fileDamaged("an example is not what was written");
  return record;
}

export async function decodeRecord(record: Buffer, entry: TableEntry, facts: RecordFacts): Promise<Example> {
  const payload = record.subarray(0, entry.payloadBytes);
  const id = record.toString("utf8", entry.payloadBytes);
  const label = Number.isNaN(entry.label) ? null : entry.label;
  if (facts.kind === "image") return { kind: "image", id, label, ...(await decodePixels(payload, entry, facts.shape[2] === 3 ? 3 : 1)) };
  const shape = facts.shape.map((dimension) => dimension ?? 0);
  const values = decodeValues(payload, facts.elementType);
  if (values.length !== shape.reduce((product, dimension) => product * dimension, 1)) throw fileDamaged("an example has another size than all");
  return { kind: facts.kind, id, label, values, shape };
}

async function decodePixels(payload: Buffer, entry: TableEntry, channels: 1 | 3): Promise<Pick<ImageExample, "pixels" | "shape">> {
  const { width, height } = entry;
  const image =
    entry.encoding === "image" ? await decodeImage(payload, MOST_PIXELS) : { pixels: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), width, height, channels: entry.channels };
  if (image.width !== width || image.height !== height || image.pixels.length !== width * height * image.channels) throw fileDamaged("an image has another size than written");
  return { pixels: channels === 3 && image.channels === 1 ? tripled(image.pixels) : image.pixels, shape: [height, width, channels] };
}

/** Grey among colour images. */
function tripled(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(grey.length * 3);
  for (let at = 0; at < grey.length; at += 1) pixels.fill(grey[at] ?? 0, at * 3, at * 3 + 3);
  return pixels;
}

function decodeValues(payload: Buffer, elementType: DatasetHeader["elementType"]): Float32Array | Uint8Array {
  if (elementType === "uint8") return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  const values = new Float32Array(Math.floor(payload.byteLength / (elementType === "int16" ? 2 : 4)));
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (elementType === "int16") for (let at = 0; at < values.length; at += 1) values[at] = view.getInt16(at * 2, true) / INT16_STEPS;
  else for (let at = 0; at < values.length; at += 1) values[at] = view.getFloat32(at * 4, true);
  return values;
}
