/** Bytes from which a value is kept by reference until `finish`: copying less is cheaper than remembering it. */
const KEPT_BYTES_MIN = 1_024;

const ENCODER = new TextEncoder();

/** Bytes of the longest varint. */
const VARINT_BYTES_MAX = 10;

/** Bytes that belong in front of the buffer's byte `at`. */
type Kept = { at: number; readonly bytes: Uint8Array };

/**
 * Appends protobuf fields to a growing byte buffer. Large values (weights) are not copied into it but kept by reference, so
 * `finish` copies each of them once; they must not change before it.
 */
export class WireWriter {
  #buffer = new Uint8Array(256);
  #length = 0;
  readonly #kept: Kept[] = [];
  #keptBytes = 0;

  /** Bytes written so far, those kept by reference included. */
  get sizeBytes(): number {
    return this.#length + this.#keptBytes;
  }

  /** A copy of what was written so far. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.sizeBytes);
    let from = 0;
    let to = 0;
    for (const { at, bytes } of this.#kept) {
      out.set(this.#buffer.subarray(from, at), to);
      to += at - from;
      out.set(bytes, to);
      to += bytes.byteLength;
      from = at;
    }
    out.set(this.#buffer.subarray(from, this.#length), to);
    return out;
  }

  /** Writes a signed 64-bit value the way protobuf's `int64` does: negative numbers take ten bytes. */
  varint(field: number, value: number | bigint): this {
    this.#tag(field, 0);
    if (Number.isSafeInteger(value) && Number(value) >= 0) this.#varint(Number(value));
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#reserve(4);
    new DataView(this.#buffer.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2);
    this.#varint(value.byteLength);
    return this.raw(value);
  }

  /** Bytes as they are: whole fields, with their tags. */
  raw(value: Uint8Array): this {
    if (value.byteLength >= KEPT_BYTES_MIN) {
      this.#kept.push({ at: this.#length, bytes: value });
      this.#keptBytes += value.byteLength;
    } else {
      this.#reserve(value.byteLength);
      this.#buffer.set(value, this.#length);
      this.#length += value.byteLength;
    }
    return this;
  }

  string(field: number, value: string): this {
    this.#tag(field, 2);
    this.#prefixed(() => {
      this.#reserve(value.length * 3);
      this.#length += ENCODER.encodeInto(value, this.#buffer.subarray(this.#length)).written;
    });
    return this;
  }

  message(field: number, write: (inner: WireWriter) => void): this {
    this.#tag(field, 2);
    this.#prefixed(() => write(this));
    return this;
  }

  /**
   * Writes the length of what `write` appends in front of it: one byte is left free, and in the rarer case of a longer
   * length what was appended (without the kept values) moves.
   */
  #prefixed(write: () => void): void {
    this.#reserve(VARINT_BYTES_MAX);
    this.#length += 1;
    const start = this.#length;
    const keptBefore = this.#kept.length;
    const bytesBefore = this.sizeBytes;
    write();
    const size = this.sizeBytes - bytesBefore;
    const extra = varintLength(size) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#buffer.copyWithin(start + extra, start, this.#length);
      for (let index = keptBefore; index < this.#kept.length; index += 1) {
        const kept = this.#kept[index];
        if (kept !== undefined) kept.at += extra;
      }
    }
    const end = this.#length + extra;
    this.#length = start - 1;
    this.#varint(size);
    this.#length = end;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** A whole number of at most 2^53. */
  #varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length] = (rest % 0x80) | 0x80;
      this.#length += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length] = rest;
    this.#length += 1;
  }

  #bigVarint(value: bigint): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest > 0x7fn) {
      this.#buffer[this.#length] = Number(rest & 0x7fn) | 0x80;
      this.#length += 1;
      rest >>= 7n;
    }
    this.#buffer[this.#length] = Number(rest);
    this.#length += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.byteLength) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.byteLength * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}
