// Lists that go to PostgreSQL in its binary form: for statements that run a hundred times a second with lists of hundreds. Numbers are neither
// printed here nor parsed there, and no text is made that must be collected. Form: array_recv in src/backend/utils/adt/arrayfuncs.c.

/** Element types, with their object identifiers (src/include/catalog/pg_type.dat). */
const oids = { bytea: 17, int8: 20, int4: 23, text: 25, float8: 701, timestamptz: 1184 } as const;
export type ElementType = keyof typeof oids;
/** A bytea may come as text with a character for each byte (latin1). */
type ElementOf = { bytea: string | Uint8Array; int8: number; int4: number; text: string; float8: number; timestamptz: Date };

const NULL_LENGTH = -1;
/** 2000-01-01, where PostgreSQL counts its microseconds from. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const TWO_32 = 2 ** 32;
const FIRST_BYTES = 16 * 1024;
/** Beyond it the buffer that arrays are written in is not kept. */
const MOST_KEPT_BYTES = 1024 * 1024;

/** A parameter that knows the type of its elements: `$1::int8[]` in the text must say the same. */
export class TypedArray {
  readonly type: ElementType;
  readonly values: readonly unknown[];

  constructor(type: ElementType, values: readonly unknown[]) {
    this.type = type;
    this.values = values;
  }

  /** PostgreSQL's binary form. Throws RangeError for a number that int4 or int8 cannot hold exactly. */
  toBinary(): Buffer {
    const { values } = this;
    writer.begin();
    writer.int32(values.length === 0 ? 0 : 1);
    writer.int32(values.includes(null) ? 1 : 0);
    writer.int32(oids[this.type]);
    if (values.length === 0) return writer.end();
    writer.int32(values.length);
    writer.int32(1);
    for (const value of values) {
      if (value === null) writer.int32(NULL_LENGTH);
      else writeElement(this.type, value);
    }
    return writer.end();
  }
}

/** A list for a parameter of the given type; null stands for NULL. */
export function typedArray<T extends ElementType>(type: T, values: readonly (ElementOf[T] | null)[]): TypedArray {
  return new TypedArray(type, values);
}

function writeElement(type: ElementType, value: unknown): void {
  switch (type) {
    case "text":
      writer.sized(value as string, "utf8");
      return;
    case "bytea":
      if (typeof value === "string") writer.sized(value, "latin1");
      else writer.bytes(value as Uint8Array);
      return;
    case "int4":
      if ((value as number) !== ((value as number) | 0)) throw new RangeError(`${String(value)} does not fit into int4`);
      writer.int32(4);
      writer.int32(value as number);
      return;
    case "int8":
      if (!Number.isSafeInteger(value)) throw new RangeError(`${String(value)} is no exact int8`);
      writer.int64(value as number);
      return;
    case "float8":
      writer.float64(value as number);
      return;
    case "timestamptz":
      writer.int64(((value as Date).getTime() - POSTGRES_EPOCH_MS) * 1000);
      return;
  }
}

/** Writes into one buffer that stays, and hands out copies. */
class BinaryWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #view = viewOf(this.#buffer);
  #size = 0;

  begin(): void {
    this.#size = 0;
    if (this.#buffer.length > MOST_KEPT_BYTES) this.#grow(FIRST_BYTES);
  }

  end(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#size));
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#size, value);
    this.#size += 4;
  }

  int64(value: number): void {
    this.#reserve(12);
    const high = Math.floor(value / TWO_32);
    this.#view.setInt32(this.#size, 8);
    this.#view.setInt32(this.#size + 4, high);
    this.#view.setUint32(this.#size + 8, value - high * TWO_32);
    this.#size += 12;
  }

  float64(value: number): void {
    this.#reserve(12);
    this.#view.setInt32(this.#size, 8);
    this.#view.setFloat64(this.#size + 4, value);
    this.#size += 12;
  }

  bytes(value: Uint8Array): void {
    this.int32(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#size);
    this.#size += value.length;
  }

  /** Text behind its length in bytes. Most is short and ASCII: that is written without a call into the engine. */
  sized(text: string, encoding: "utf8" | "latin1"): void {
    this.#reserve(4 + 3 * text.length);
    const buffer = this.#buffer;
    const at = this.#size + 4;
    let length = 0;
    while (length < text.length) {
      const code = text.charCodeAt(length);
      if (code > 0x7f) break;
      buffer[at + length] = code;
      length += 1;
    }
    if (length < text.length) length = buffer.write(text, at, encoding);
    this.#view.setInt32(this.#size, length);
    this.#size = at + length;
  }

  #reserve(bytes: number): void {
    if (this.#size + bytes > this.#buffer.length) this.#grow(2 * (this.#size + bytes));
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafe(bytes);
    grown.set(this.#buffer.subarray(0, this.#size));
    this.#buffer = grown;
    this.#view = viewOf(grown);
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

const writer = new BinaryWriter();
