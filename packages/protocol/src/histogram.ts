import { z } from "zod";

/**
 * Latency histogram with logarithmic buckets: DDSketch's index (Masson, Rim, Lee: "DDSketch", VLDB 2019, section 2.1)
 * on a fixed layout, so that merging is adding and any percentile is within ALPHA of the exact sample value.
 *
 * index(x) = ⌈ln x / ln γ⌉, γ = (1 + α) / (1 − α); a bucket i holds (γ^(i−1), γ^i] ms and is read as 2γ^i / (γ + 1).
 * Slot 0 takes everything below the layout; the last slot takes everything above it (`maxMs` beside the histogram is exact).
 */
export const HISTOGRAM_ALPHA = 0.02;
/** 0.01 ms to 60 s in γ steps: indexes −115 … 276, plus slot 0. */
export const HISTOGRAM_SLOTS = 393;

const GAMMA = (1 + HISTOGRAM_ALPHA) / (1 - HISTOGRAM_ALPHA);
const LN_GAMMA = Math.log(GAMMA);
/** DDSketch index of slot 1. */
const FIRST_INDEX = -115;
/** Upper bound of slot 0 in ms: γ^(FIRST_INDEX − 1). */
const FLOOR_MS = Math.exp((FIRST_INDEX - 1) * LN_GAMMA);

/** Slot (0 … HISTOGRAM_SLOTS − 1) of a latency in milliseconds. NaN and negative values land in slot 0. */
export function slotOf(latencyMs: number): number {
  if (!(latencyMs > FLOOR_MS)) return 0;
  const slot = Math.ceil(Math.log(latencyMs) / LN_GAMMA) - FIRST_INDEX + 1;
  return Math.min(Math.max(slot, 1), HISTOGRAM_SLOTS - 1);
}

/** The latency in milliseconds that a slot stands for. */
export function slotValueMs(slot: number): number {
  if (slot <= 0) return FLOOR_MS;
  return (2 * Math.exp((slot - 1 + FIRST_INDEX) * LN_GAMMA)) / (GAMMA + 1);
}

/** Upper edge of a slot in milliseconds, for drawing heatmaps. */
export function slotUpperMs(slot: number): number {
  return Math.exp((slot - 1 + FIRST_INDEX) * LN_GAMMA);
}

/** Sparse form on the wire: slot, count, slot, count, … with rising slots and positive counts. */
export const sparseBucketsSchema = z
  .array(z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER))
  .max(2 * HISTOGRAM_SLOTS)
  .refine(isSparse, "buckets must be slot, count pairs with rising slots below 393 and counts above 0");
export type SparseBuckets = z.infer<typeof sparseBucketsSchema>;

function isSparse(pairs: readonly number[]): boolean {
  if (pairs.length % 2 !== 0) return false;
  let previous = -1;
  for (let i = 0; i < pairs.length; i += 2) {
    const slot = pairs[i] ?? -1;
    if (slot <= previous || slot >= HISTOGRAM_SLOTS || (pairs[i + 1] ?? 0) < 1) return false;
    previous = slot;
  }
  return true;
}

/** Mutable counts with the exact numbers that a histogram loses: sum, minimum, maximum. All in milliseconds. */
export class LatencyHistogram {
  readonly counts = new Float64Array(HISTOGRAM_SLOTS);
  count = 0;
  sumMs = 0;
  minMs = Number.POSITIVE_INFINITY;
  maxMs = Number.NEGATIVE_INFINITY;

  add(latencyMs: number): void {
    const slot = slotOf(latencyMs);
    this.counts[slot] = (this.counts[slot] ?? 0) + 1;
    this.count += 1;
    this.sumMs += latencyMs;
    if (latencyMs < this.minMs) this.minMs = latencyMs;
    if (latencyMs > this.maxMs) this.maxMs = latencyMs;
  }

  /** Adds counts in sparse form. `sumMs`, `minMs` and `maxMs` are the sender's exact values; null when it had no sample. */
  addSparse(pairs: readonly number[], exact: { sumMs: number; minMs: number | null; maxMs: number | null }): void {
    for (let i = 0; i + 1 < pairs.length; i += 2) this.#addAt(pairs[i] ?? 0, pairs[i + 1] ?? 0);
    this.#addExact(exact);
  }

  /** Adds counts in the form of `encode`. Throws RangeError on bytes that are not of that form. */
  addEncoded(bytes: Uint8Array, exact: { sumMs: number; minMs: number | null; maxMs: number | null }): void {
    decodePairs(bytes, (slot, n) => this.#addAt(slot, n));
    this.#addExact(exact);
  }

  #addAt(slot: number, n: number): void {
    this.counts[slot] = (this.counts[slot] ?? 0) + n;
    this.count += n;
  }

  #addExact(exact: { sumMs: number; minMs: number | null; maxMs: number | null }): void {
    this.sumMs += exact.sumMs;
    if (exact.minMs !== null && exact.minMs < this.minMs) this.minMs = exact.minMs;
    if (exact.maxMs !== null && exact.maxMs > this.maxMs) this.maxMs = exact.maxMs;
  }

  toSparse(): number[] {
    const pairs: number[] = [];
    this.counts.forEach((n, slot) => {
      if (n > 0) pairs.push(slot, n);
    });
    return pairs;
  }

  /** Varint (LEB128) pairs: gap to the previous slot, count. Typically 1/12 of a DDSketch protobuf. */
  encode(): Uint8Array {
    return encodeSparse(this.toSparse());
  }

  /** Latency in ms at quantile `q` (0 … 1), within ALPHA of the exact sample; null without samples. */
  quantile(q: number): number | null {
    if (this.count === 0) return null;
    const rank = q * (this.count - 1);
    let seen = 0;
    for (let slot = 0; slot < HISTOGRAM_SLOTS; slot += 1) {
      seen += this.counts[slot] ?? 0;
      if (seen > rank) return Math.min(Math.max(slotValueMs(slot), this.minMs), this.maxMs);
    }
    return this.maxMs;
  }

  get meanMs(): number | null {
    return this.count === 0 ? null : this.sumMs / this.count;
  }
}

/** A varint of a whole number below 2^53 takes 8 bytes at most; each slot has two. */
export const LONGEST_ENCODED_BYTES = HISTOGRAM_SLOTS * 2 * 8;
const scratch = new Uint8Array(LONGEST_ENCODED_BYTES);

/** The bytes of `LatencyHistogram.encode` from the sparse form. Throws RangeError for more slots than there are. */
export function encodeSparse(pairs: readonly number[]): Uint8Array {
  if (pairs.length > 2 * HISTOGRAM_SLOTS) throw new RangeError("more histogram slots than the layout has");
  let size = 0;
  let previous = 0;
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const slot = pairs[i] ?? 0;
    size = writeVarint(scratch, size, slot - previous);
    size = writeVarint(scratch, size, pairs[i + 1] ?? 0);
    previous = slot;
  }
  return scratch.slice(0, size);
}

/** The sparse form from the bytes of `encode`. Throws RangeError on bytes that are not of that form. */
export function decodeSparse(bytes: Uint8Array): number[] {
  const pairs: number[] = [];
  decodePairs(bytes, (slot, count) => pairs.push(slot, count));
  return pairs;
}

/** Two histograms in sparse form added up. */
export function addSparsePairs(a: readonly number[], b: readonly number[]): number[] {
  const sum: number[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const slotA = a[i] ?? HISTOGRAM_SLOTS;
    const slotB = b[j] ?? HISTOGRAM_SLOTS;
    sum.push(Math.min(slotA, slotB), (slotA <= slotB ? (a[i + 1] ?? 0) : 0) + (slotB <= slotA ? (b[j + 1] ?? 0) : 0));
    if (slotA <= slotB) i += 2;
    if (slotB <= slotA) j += 2;
  }
  return sum;
}

/**
 * Writes the encoded sum of an encoded histogram (the first `size` of `encoded`) and a sparse one to the front of `into`, which has room for
 * `LONGEST_ENCODED_BYTES`, and answers how many bytes it takes: in one pass that leaves nothing to collect, since gateways do it for each window.
 * Throws RangeError on bytes that are not of the form of `encode`.
 */
export function addSparseToEncoded(into: Uint8Array, encoded: Uint8Array, size: number, pairs: readonly number[]): number {
  const source = new VarintReader(encoded, size);
  let slotA = source.isAtEnd ? HISTOGRAM_SLOTS : source.nextSlot(0);
  let [written, previous, j] = [0, 0, 0];
  for (;;) {
    const slotB = j < pairs.length ? (pairs[j] ?? 0) : HISTOGRAM_SLOTS;
    const slot = Math.min(slotA, slotB);
    if (slot === HISTOGRAM_SLOTS) return written;
    let count = 0;
    if (slotA === slot) {
      count = source.next();
      slotA = source.isAtEnd ? HISTOGRAM_SLOTS : source.nextSlot(slot);
    }
    if (slotB === slot) {
      count += pairs[j + 1] ?? 0;
      j += 2;
    }
    written = writeVarint(into, written, slot - previous);
    written = writeVarint(into, written, count);
    previous = slot;
  }
}

/** Answers where the next one goes. */
function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let [rest, next] = [value, at];
  while (rest >= 0x80) {
    bytes[next++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[next++] = rest;
  return next;
}

function decodePairs(bytes: Uint8Array, take: (slot: number, count: number) => void): void {
  const source = new VarintReader(bytes, bytes.length);
  let slot = 0;
  while (!source.isAtEnd) {
    slot = source.nextSlot(slot);
    take(slot, source.next());
  }
}

class VarintReader {
  readonly #bytes: Uint8Array;
  readonly #size: number;
  #at = 0;

  constructor(bytes: Uint8Array, size: number) {
    this.#bytes = bytes;
    this.#size = size;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#size;
  }

  next(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#at < this.#size ? this.#bytes[this.#at] : undefined;
      if (byte === undefined || scale > 2 ** 49) throw new RangeError("histogram bytes are cut or too long");
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  nextSlot(previous: number): number {
    const slot = previous + this.next();
    if (slot >= HISTOGRAM_SLOTS) throw new RangeError("histogram slot outside the layout");
    return slot;
  }
}
