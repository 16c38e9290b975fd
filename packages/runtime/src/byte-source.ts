import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { ModelRefusal } from "./model-refusal.ts";
import type { ModelSource } from "./types.ts";

/** Bytes read at once from a file: large enough that weights, which are jumped over, dominate; small enough to be nothing. */
const WINDOW_BYTES = 64 * 1024;

/**
 * Random access to the bytes of a model with flat memory: one window, moved on demand. Bytes already in memory are one
 * window that never moves.
 */
export class ByteSource {
  readonly sizeBytes: number;
  #window: Uint8Array;
  #windowStart = 0;
  readonly #file: number | null;

  private constructor(sizeBytes: number, window: Uint8Array, file: number | null) {
    this.sizeBytes = sizeBytes;
    this.#window = window;
    this.#file = file;
  }

  /** Opens a file or takes bytes as they are. Close it after use. Throws the system's error when the path cannot be opened. */
  static open(source: ModelSource): ByteSource {
    if ("bytes" in source) return new ByteSource(source.bytes.byteLength, source.bytes, null);
    const file = openSync(source.path, "r");
    try {
      const status = fstatSync(file);
      if (!status.isFile()) throw new ModelRefusal("not_onnx", "not an ONNX file: it is not a regular file");
      return new ByteSource(status.size, new Uint8Array(0), file);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
  }

  /** The byte at `position`, which must lie below `sizeBytes`. */
  byteAt(position: number): number {
    const byte = this.#window[position - this.#windowStart];
    if (byte !== undefined) return byte;
    this.#load(position);
    const loaded = this.#window[position - this.#windowStart];
    if (loaded === undefined) throw new ModelRefusal("truncated", "the file ends in the middle of the model");
    return loaded;
  }

  /** Bytes from `position` up to `end` (a non-empty span), at most one window: a view that is valid until the next call. */
  view(position: number, end: number): Uint8Array {
    this.byteAt(position);
    const from = position - this.#windowStart;
    return this.#window.subarray(from, Math.min(from + (end - position), this.#window.byteLength));
  }

  /** A copy of the bytes in [start, end). */
  copy(start: number, end: number): Uint8Array {
    const out = new Uint8Array(end - start);
    let position = start;
    while (position < end) {
      const piece = this.view(position, end);
      out.set(piece, position - start);
      position += piece.byteLength;
    }
    return out;
  }

  #load(position: number): void {
    if (this.#file === null) return;
    const buffer = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(0, this.sizeBytes - position)));
    let filled = 0;
    while (filled < buffer.byteLength) {
      const count = readSync(this.#file, buffer, filled, buffer.byteLength - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    this.#window = buffer.subarray(0, filled);
    this.#windowStart = position;
  }
}
