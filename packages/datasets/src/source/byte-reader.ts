/** Takes exact numbers of bytes out of a stream of chunks; holds what was asked for and one chunk. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The next `count` bytes in memory of their own, or null when the stream ends before. */
  async take(count: number): Promise<Uint8Array | null> {
    const taken = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      if (this.#position === this.#chunk.byteLength && !(await this.#next())) return null;
      const piece = this.#chunk.subarray(this.#position, this.#position + count - filled);
      taken.set(piece, filled);
      filled += piece.byteLength;
      this.#position += piece.byteLength;
    }
    return taken;
  }

  /** As `take`, but what there is when the stream ends before. */
  async takeUpTo(count: number): Promise<Uint8Array> {
    const taken: number[] = [];
    while (taken.length < count && !(await this.isAtEnd())) {
      const piece = this.#chunk.subarray(this.#position, this.#position + count - taken.length);
      taken.push(...piece);
      this.#position += piece.byteLength;
    }
    return Uint8Array.from(taken);
  }

  /** Whether nothing follows. */
  async isAtEnd(): Promise<boolean> {
    return this.#position === this.#chunk.byteLength && !(await this.#next());
  }

  /** Lets go of the stream. Call it on every path. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** False at the end; empty chunks are passed over. */
  async #next(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return false;
      this.#chunk = value;
      this.#position = 0;
      if (value.byteLength > 0) return true;
    }
  }
}
