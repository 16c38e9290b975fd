import { ModelRefusal } from "../model-refusal.ts";
import { NESTING_MAX } from "../reader-limits.ts";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Longest text that is looked at byte by byte for the quick way of ASCII. */
const SHORT_TEXT_BYTES = 64;

export function malformed(what: string): ModelRefusal {
  return new ModelRefusal("malformed", `the file is damaged or not an ONNX model: it has ${what}`);
}

/**
 * Walks the protobuf fields of one message in memory. `next()` reads a field; `integer()`, `text()`, `message()` and their
 * kin then take its value, as views of the file wherever bytes are wanted. Lengths are never believed, nesting is bounded:
 * garbage ends in a `ModelRefusal`.
 */
export class WireCursor {
  readonly #file: Buffer;
  readonly #end: number;
  readonly #depth: number;
  #position: number;
  #fieldStart = 0;
  field = 0;
  #wireType = 0;
  /** A varint as two 32-bit halves. */
  #low = 0;
  #high = 0;
  #start = 0;

  private constructor(file: Buffer, start: number, end: number, depth: number) {
    this.#file = file;
    this.#position = start;
    this.#end = end;
    this.#depth = depth;
  }

  static over(bytes: Uint8Array): WireCursor {
    const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new WireCursor(file, 0, file.byteLength, 0);
  }

  /** Reads the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    this.#fieldStart = this.#position;
    this.#readVarint();
    if (this.#high !== 0 || this.#low < 8) throw malformed("a field with an impossible number");
    this.field = this.#low >>> 3;
    this.#wireType = this.#low & 7;
    this.#start = this.#position;
    if (this.#wireType === VARINT) this.#readVarint();
    else if (this.#wireType === FIXED64) this.#skip(8);
    else if (this.#wireType === FIXED32) this.#skip(4);
    else if (this.#wireType === BYTES) {
      this.#readVarint();
      const length = this.#high * 2 ** 32 + this.#low;
      this.#start = this.#position;
      this.#skip(length);
    } else throw malformed("a field of an unknown wire type");
    return true;
  }

  /** The field just read, tag and value, as it stands in the file. */
  whole(): Uint8Array {
    return this.#view(this.#fieldStart, this.#position);
  }

  /** A signed 64-bit whole number. */
  bigint(): bigint {
    if (this.#wireType !== VARINT) throw malformed("something else where a whole number belongs");
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  /** A whole number that a double holds exactly; others are refused. */
  integer(): number {
    if (this.#wireType === VARINT && this.#high < 2 ** 21) return this.#high * 2 ** 32 + this.#low;
    const value = Number(this.bigint());
    if (!Number.isSafeInteger(value)) throw malformed("a whole number beyond 2^53 where none can be");
    return value;
  }

  float(): number {
    if (this.#wireType !== FIXED32) throw malformed("something else where a fraction belongs");
    return this.#file.readFloatLE(this.#start);
  }

  bytes(): Uint8Array {
    if (this.#wireType !== BYTES) throw malformed("a number where a message or text belongs");
    return this.#view(this.#start, this.#position);
  }

  text(): string {
    const bytes = this.bytes();
    if (bytes.byteLength <= SHORT_TEXT_BYTES && bytes.every((byte) => byte < 0x80)) {
      return this.#file.toString("latin1", this.#start, this.#position);
    }
    try {
      return DECODER.decode(bytes);
    } catch {
      throw malformed("a text that is not UTF-8");
    }
  }

  /** The message just read, to be walked in turn. */
  message(): WireCursor {
    if (this.#wireType !== BYTES) throw malformed("a number where a message belongs");
    if (this.#depth >= NESTING_MAX) {
      throw new ModelRefusal("nesting_too_deep", `the file nests messages more than ${NESTING_MAX} deep`);
    }
    return new WireCursor(this.#file, this.#start, this.#position, this.#depth + 1);
  }

  /** Appends the whole numbers of a packed or a single field. */
  integersInto(list: number[]): void {
    if (this.#wireType !== BYTES) list.push(this.integer());
    else this.#eachPacked((inner) => list.push(inner.integer()));
  }

  bigintsInto(list: bigint[]): void {
    if (this.#wireType !== BYTES) list.push(this.bigint());
    else this.#eachPacked((inner) => list.push(inner.bigint()));
  }

  /** Appends the float32 numbers of a packed or a single field. */
  floatsInto(list: number[]): void {
    if (this.#wireType === FIXED32) {
      list.push(this.float());
      return;
    }
    const bytes = this.bytes();
    if (bytes.byteLength % 4 !== 0) throw malformed("a list of fractions that is cut");
    for (let at = this.#start; at < this.#position; at += 4) list.push(this.#file.readFloatLE(at));
  }

  /** The bytes of packed fixed-width numbers, or of a single one. */
  fixedBytes(bytesEach: 4 | 8): Uint8Array {
    const expected = bytesEach === 4 ? FIXED32 : FIXED64;
    if (this.#wireType !== expected && this.#wireType !== BYTES) throw malformed("whole numbers where fractions belong");
    if ((this.#position - this.#start) % bytesEach !== 0) throw malformed("a tensor whose numbers are cut");
    return this.#view(this.#start, this.#position);
  }

  /** Calls `take` for each varint of a packed or a single field, with its low and high 32 bits. */
  eachVarint(take: (low: number, high: number) => void): void {
    if (this.#wireType === VARINT) take(this.#low, this.#high);
    else this.#eachPacked((inner) => take(inner.#low, inner.#high));
  }

  #eachPacked(take: (inner: WireCursor) => void): void {
    if (this.#wireType !== BYTES) throw malformed("something else where whole numbers belong");
    const inner = new WireCursor(this.#file, this.#start, this.#position, this.#depth);
    inner.#wireType = VARINT;
    while (inner.#position < inner.#end) {
      inner.#readVarint();
      take(inner);
    }
  }

  #view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#file.buffer, this.#file.byteOffset + start, end - start);
  }

  #skip(length: number): void {
    if (length > this.#end - this.#position) {
      if (this.#end === this.#file.byteLength || length > this.#file.byteLength - this.#position) throw truncated();
      throw malformed("a part that is longer than the whole it belongs to");
    }
    this.#position += length;
  }

  #readVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position >= this.#end) {
        if (this.#end === this.#file.byteLength) throw truncated();
        throw malformed("a number that does not end");
      }
      const byte = this.#file[this.#position] ?? 0;
      this.#position += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw malformed("a number of more than ten bytes");
  }
}

function truncated(): ModelRefusal {
  return new ModelRefusal("truncated", "the file ends in the middle of the model; it was cut off or is damaged");
}
