import { HISTOGRAM_SLOTS, invariant, slotValueMs } from "@flotilla/protocol";

// Sums of histograms for one answer. An answer of a day adds up tens of thousands of encoded histograms, so bytes are
// decoded straight into one array, and what is empty costs nothing. The numbers are those of LatencyHistogram, bit by bit
// (latency-points.test.ts).

const valueOf = Float64Array.from({ length: HISTOGRAM_SLOTS }, (_, slot) => slotValueMs(slot));

const CUT = "histogram bytes are cut or too long";

/** Counts by slot with the exact numbers beside them; `from` and `to` enclose the slots in use. */
export class PointSum {
  readonly counts = new Float64Array(HISTOGRAM_SLOTS);
  count = 0;
  errors = 0;
  sumMs = 0;
  minMs = Number.POSITIVE_INFINITY;
  maxMs = Number.NEGATIVE_INFINITY;
  from = HISTOGRAM_SLOTS;
  to = 0;

  /** Adds histograms in the form of `LatencyHistogram.encode`, each behind its length (4 bytes, big endian). Throws on other bytes: a fault of what stored them. */
  addPacked(bytes: Uint8Array): void {
    let at = 0;
    while (at + 4 <= bytes.length) {
      const length = (((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)) * 256 + (bytes[at + 2] ?? 0)) * 256 + (bytes[at + 3] ?? 0);
      at += 4;
      invariant(at + length <= bytes.length, CUT);
      this.#addEncoded(bytes, at, at + length);
      at += length;
    }
    invariant(at === bytes.length, CUT);
  }

  addExact(exact: { sumMs: number; minMs: number | null; maxMs: number | null; errors: number }): void {
    this.sumMs += exact.sumMs;
    this.errors += exact.errors;
    if (exact.minMs !== null && exact.minMs < this.minMs) this.minMs = exact.minMs;
    if (exact.maxMs !== null && exact.maxMs > this.maxMs) this.maxMs = exact.maxMs;
  }

  add(other: PointSum): void {
    for (let slot = other.from; slot <= other.to; slot += 1) this.counts[slot] = (this.counts[slot] ?? 0) + (other.counts[slot] ?? 0);
    this.count += other.count;
    this.from = Math.min(this.from, other.from);
    this.to = Math.max(this.to, other.to);
    this.addExact(other);
  }

  /** Slot, count, slot, count, …: the sparse form of the wire. */
  toSparse(): number[] {
    const pairs: number[] = [];
    for (let slot = this.from; slot <= this.to; slot += 1) {
      const n = this.counts[slot] ?? 0;
      if (n > 0) pairs.push(slot, n);
    }
    return pairs;
  }

  /** The latency at each quantile, which rise; null without samples. */
  quantiles(qs: readonly number[]): (number | null)[] {
    if (this.count === 0) return qs.map(() => null);
    let slot = this.from - 1;
    let seen = 0;
    return qs.map((q) => {
      const rank = q * (this.count - 1);
      while (seen <= rank && slot < this.to) {
        slot += 1;
        seen += this.counts[slot] ?? 0;
      }
      return seen > rank ? Math.min(Math.max(valueOf[slot] ?? 0, this.minMs), this.maxMs) : this.maxMs;
    });
  }

  #addEncoded(bytes: Uint8Array, start: number, end: number): void {
    this.#at = start;
    let slot = 0;
    while (this.#at < end) {
      slot += this.#varint(bytes, end);
      invariant(slot < HISTOGRAM_SLOTS, "histogram slot outside the layout");
      if (slot < this.from) this.from = slot;
      const n = this.#varint(bytes, end);
      this.counts[slot] = (this.counts[slot] ?? 0) + n;
      this.count += n;
    }
    if (slot > this.to) this.to = slot;
  }

  #at = 0;

  #varint(bytes: Uint8Array, end: number): number {
    let byte = bytes[this.#at++] ?? 0;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      invariant(this.#at < end && scale <= 2 ** 49, CUT);
      byte = bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
    }
    invariant(this.#at <= end, CUT);
    return value;
  }
}
