import { crc32, deflateSync } from "node:zlib";

// Small sound files of each kind, and ways to make them lie. Everything a test needs is made here; nothing is read from disk.

const GREY = 0;
const RGB = 2;

type PngClaims = { readonly width?: number; readonly height?: number };

/** An 8-bit PNG of `channels` 1 or 3 from rows of pixels. */
export function pngFile(width: number, height: number, channels: 1 | 3, pixels: Uint8Array, claims: PngClaims = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(claims.width ?? width, 0);
  header.writeUInt32BE(claims.height ?? height, 4);
  header[8] = 8;
  header[9] = channels === 1 ? GREY : RGB;
  const rows = Buffer.alloc(height * (1 + width * channels));
  for (let row = 0; row < height; row += 1) rows.set(pixels.subarray(row * width * channels, (row + 1) * width * channels), row * (1 + width * channels) + 1);
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type: string, content: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + content.byteLength);
  bytes.writeUInt32BE(content.byteLength, 0);
  bytes.write(type, 4, "latin1");
  content.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.byteLength)), 8 + content.byteLength);
  return bytes;
}

/** A grey picture that differs for each `shade`. */
export function greyPng(shade: number, side = 12): Buffer {
  return pngFile(side, side, 1, Uint8Array.from({ length: side * side }, (_, at) => (at < 4 ? (shade >>> (at * 8)) & 255 : (shade * 31 + at * 7) % 256)));
}

/** IDX: big-endian dimensions, then the data as given. */
export function idxFile(typeCode: number, shape: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + shape.length * 4);
  header[2] = typeCode;
  header[3] = shape.length;
  for (const [at, dimension] of shape.entries()) header.writeUInt32BE(dimension, 4 + at * 4);
  return Buffer.concat([header, data]);
}

/** NPY version 1 with any header text; `shape` as Python writes tuples. */
export function npyFile(descr: string, shape: readonly number[], data: Uint8Array, isFortran = false): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  return npyWithHeader(`{'descr': '${descr}', 'fortran_order': ${isFortran ? "True" : "False"}, 'shape': ${tuple}, }`, data);
}

export function npyWithHeader(text: string, data: Uint8Array): Buffer {
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from("934e554d5059", "hex"), Buffer.from([1, 0]), length, Buffer.from(padded, "latin1"), data]);
}

export type WavForm = { readonly bits: 8 | 16 | 24 | 32 | 64; readonly isFloat?: boolean; readonly channels?: number; readonly rateHz?: number; readonly formatCode?: number; readonly isExtensible?: boolean };

/** `samples` in [-1, 1), channels interleaved. An odd chunk stands before the data, as many programs write. */
export function wavFile(samples: readonly number[], form: WavForm): Buffer {
  const { bits, isFloat = false, channels = 1, rateHz = 8_000 } = form;
  const code = form.formatCode ?? (isFloat ? 3 : 1);
  const format = Buffer.alloc(form.isExtensible ? 40 : 16);
  format.writeUInt16LE(form.isExtensible ? 0xfffe : code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rateHz, 4);
  format.writeUInt32LE((rateHz * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (form.isExtensible) format.writeUInt16LE(code, 24);
  const data = Buffer.alloc((samples.length * bits) / 8);
  for (const [at, sample] of samples.entries()) writeSample(data, (at * bits) / 8, sample, bits, isFloat);
  const body = Buffer.concat([Buffer.from("WAVE"), riffChunk("fmt ", format), riffChunk("note", Buffer.from("odd")), riffChunk("data", data)]);
  return riffChunk("RIFF", body);
}

function writeSample(data: Buffer, at: number, sample: number, bits: WavForm["bits"], isFloat: boolean): void {
  if (isFloat && bits === 64) data.writeDoubleLE(sample, at);
  else if (isFloat) data.writeFloatLE(sample, at);
  else if (bits === 8) data.writeUInt8(Math.round(sample * 128) + 128, at);
  else data.writeIntLE(Math.round(sample * 2 ** (bits - 1)), at, bits / 8);
}

function riffChunk(id: string, content: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(content.byteLength);
  return Buffer.concat([Buffer.from(id, "latin1"), size, content, Buffer.alloc(content.byteLength % 2)]);
}

export function float32Bytes(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}
