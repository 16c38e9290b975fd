/**
 * Appends protobuf fields to a growing byte buffer. Sub-messages are written to a buffer of their own first, since their
 * length precedes them.
 */
export class WireWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** A copy of what was written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Writes a signed 64-bit value the way protobuf's `int64` does: negative numbers take ten bytes. */
  varint(field: number, value: number | bigint): this {
    this.#tag(field, 0);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    const raw = new Uint8Array(4);
    new DataView(raw.buffer).setFloat32(0, value, true);
    this.#append(raw);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2);
    this.#varint(BigInt(value.byteLength));
    this.#append(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, write: (inner: WireWriter) => void): this {
    const inner = new WireWriter();
    write(inner);
    return this.bytes(field, inner.#bytes.subarray(0, inner.#length));
  }

  #tag(field: number, wireType: number): void {
    this.#varint(BigInt(field * 8 + wireType));
  }

  #varint(value: bigint): void {
    let rest = value;
    const raw: number[] = [];
    while (rest > 0x7fn) {
      raw.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    raw.push(Number(rest));
    this.#append(Uint8Array.from(raw));
  }

  #append(raw: Uint8Array): void {
    const needed = this.#length + raw.byteLength;
    if (needed > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(raw, this.#length);
    this.#length = needed;
  }
}
