import { setImmediate as nextTurn } from "node:timers/promises";
import type { ByteSource } from "./byte-source.ts";
import { ModelRefusal } from "./model-refusal.ts";
import { FIELDS_MAX, NESTING_MAX, RETAINED_TEXT_BYTES_MAX, STRING_BYTES_MAX } from "./reader-limits.ts";

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Fields or bytes of work after which other work of the process gets its turn (about 2 ms). */
const FIELDS_PER_TURN = 50_000;
const BYTES_PER_TURN = 1_048_576;
const BYTES_PER_FIELD = BYTES_PER_TURN / FIELDS_PER_TURN;

/** Where a length-delimited value lies in the file. */
export type Range = { readonly start: number; readonly end: number };

/**
 * Walks protobuf fields in place. `next(end)` reads one field and leaves it in `field`, `wireType` and either `value` or
 * `start`/`end`; bytes are jumped over, never copied. No length is believed: each must fit the message it stands in, and
 * every message the file.
 */
export class WireReader {
  readonly source: ByteSource;
  position = 0;
  field = 0;
  wireType = 0;
  /** Varint and fixed values as a signed 64-bit number; beyond 2^53 it is rounded, which the bounds do not mind. */
  value = 0;
  start = 0;
  end = 0;
  #fields = 0;
  #workBytes = 0;
  #depth = 0;
  #retainedTextBytes = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** True when it is time to `await rest()`. */
  get tired(): boolean {
    return this.#workBytes > BYTES_PER_TURN;
  }

  async rest(): Promise<void> {
    this.#workBytes = 0;
    await nextTurn();
  }

  /** Reads the field at `position` of the message that ends at `messageEnd`; false at its end. */
  next(messageEnd: number): boolean {
    if (this.position >= messageEnd) return false;
    this.#fields += 1;
    if (this.#fields > FIELDS_MAX) {
      throw new ModelRefusal("too_many_fields", `the file has more than ${FIELDS_MAX.toLocaleString("en")} protobuf fields`);
    }
    this.#workBytes += BYTES_PER_FIELD;
    const tag = this.#varint(messageEnd);
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (tag < 8 || tag > 0xffff_ffff) throw malformed("a field with an impossible number");
    switch (this.wireType) {
      case WIRE.varint:
        this.value = this.#varint(messageEnd);
        break;
      case WIRE.fixed64:
        this.#span(8, messageEnd);
        break;
      case WIRE.bytes:
        this.#span(this.#varint(messageEnd), messageEnd);
        break;
      case WIRE.fixed32:
        this.#span(4, messageEnd);
        break;
      default:
        throw malformed("a field of an unknown wire type");
    }
    return true;
  }

  /** The value just read must be length-delimited (a message or text). */
  range(): Range {
    if (this.wireType !== WIRE.bytes) throw malformed("a number where a message or text belongs");
    return { start: this.start, end: this.end };
  }

  /** The value just read must be a varint. */
  integer(): number {
    if (this.wireType !== WIRE.varint) throw malformed("something else where a whole number belongs");
    return this.value;
  }

  /** Checks the length of the text just read without looking at it. */
  textRange(what: string): Range {
    const range = this.range();
    if (range.end - range.start > STRING_BYTES_MAX) {
      throw new ModelRefusal("string_too_long", `${what} is ${range.end - range.start} bytes long; ${STRING_BYTES_MAX} are allowed`);
    }
    return range;
  }

  /** Decodes the text just read, to be kept. */
  text(what: string): string {
    return this.decode(this.textRange(what));
  }

  /** Decodes text found earlier by `textRange`. Invalid UTF-8 becomes U+FFFD. */
  decode(range: Range): string {
    this.#retainedTextBytes += range.end - range.start;
    if (this.#retainedTextBytes > RETAINED_TEXT_BYTES_MAX) {
      throw new ModelRefusal("string_too_long", `the names in the file take more than ${RETAINED_TEXT_BYTES_MAX} bytes together`);
    }
    return new TextDecoder().decode(this.source.copy(range.start, range.end));
  }

  /** Enters a message: its fields are read until `exit`, which moves past it. Nesting is bounded here. */
  enter(range: Range): number {
    this.#depth += 1;
    if (this.#depth > NESTING_MAX) {
      throw new ModelRefusal("nesting_too_deep", `the file nests messages more than ${NESTING_MAX} deep`);
    }
    this.position = range.start;
    return range.end;
  }

  exit(range: Range): void {
    this.#depth -= 1;
    this.position = range.end;
  }

  /** Numbers in a packed or single varint field; `keep` receives the first ones. Yields to the process on long runs. */
  async countVarints(keep: number[], keepCount: number): Promise<number> {
    if (this.wireType === WIRE.varint) {
      if (keep.length < keepCount) keep.push(this.value);
      return 1;
    }
    const { start, end } = this.range();
    this.position = start;
    let count = 0;
    while (this.position < end && keep.length < keepCount) {
      keep.push(this.#varint(end));
      count += 1;
    }
    let last = 0;
    while (this.position < end) {
      const piece = this.source.view(this.position, end);
      for (const byte of piece) if (byte < 0x80) count += 1;
      last = piece[piece.byteLength - 1] ?? 0;
      this.position += piece.byteLength;
      this.#workBytes += piece.byteLength;
      if (this.tired) await this.rest();
    }
    if (last >= 0x80) throw malformed("a number that does not end");
    return count;
  }

  #span(length: number, messageEnd: number): void {
    this.start = this.position;
    if (length < 0 || length > messageEnd - this.position) {
      if (messageEnd === this.source.sizeBytes || length > this.source.sizeBytes - this.position) {
        throw new ModelRefusal("truncated", "the file ends in the middle of the model; it was cut off or is damaged");
      }
      throw malformed("a part that is longer than the whole it belongs to");
    }
    this.end = this.position + length;
    this.position = this.end;
  }

  #varint(messageEnd: number): number {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index += 1) {
      if (this.position >= messageEnd) {
        if (messageEnd === this.source.sizeBytes) throw new ModelRefusal("truncated", "the file ends in the middle of a number");
        throw malformed("a number that does not end");
      }
      const byte = this.source.byteAt(this.position);
      this.position += 1;
      const bits = byte & 0x7f;
      if (index < 4) low += bits * 2 ** (7 * index);
      else if (index === 4) {
        low += (bits & 0x0f) * 2 ** 28;
        high += bits >>> 4;
      } else if (index < 9) high += bits * 2 ** (7 * index - 32);
      else high += (bits & 0x01) * 2 ** 31;
      if (byte < 0x80) return signed64(low, high);
    }
    throw malformed("a number of more than ten bytes");
  }
}

function signed64(low: number, high: number): number {
  return high >= 2 ** 31 ? (high - 2 ** 32) * 2 ** 32 + low : high * 2 ** 32 + low;
}

export function malformed(what: string): ModelRefusal {
  return new ModelRefusal("malformed", `the file is damaged or not an ONNX model: it holds ${what}`);
}
