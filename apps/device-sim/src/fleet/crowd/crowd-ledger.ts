import { LatencyHistogram, SYNC_LIMITS, type TelemetryBatch, type TelemetryWindow } from "@flotilla/protocol";

/** A finished window. `startMs` is on the simulation's clock. */
export type CrowdWindow = Omit<TelemetryWindow, "seq" | "ageMs"> & { readonly startMs: number; readonly boot: string };

/** What the ledger has done in its life, over all epochs. */
export type LedgerCounts = { produced: number; acked: number; dropped: number };

/** The rest of a sync's body: report, class, resources, syntax. */
const REST_OF_BODY_BYTES = 32 * 1024;

/**
 * A device's queue of windows in memory, by the rules of the agent's ledger: numbers rise by one within an epoch, nothing leaves before it
 * was acknowledged or declared dropped, so produced = stored by the server + declared dropped. It stands for a disk: a simulated power
 * cut leaves it whole.
 */
export class CrowdLedger {
  epoch: string;
  #acked = 0;
  /** Window n lies at n − #first. */
  #first = 1;
  #windows: CrowdWindow[] = [];
  /** Everything from #acked + 1 to here was dropped and not yet acknowledged as such. */
  #droppedThrough = 0;
  readonly #cap: number;
  readonly #counts: LedgerCounts;

  constructor(epoch: string, cap: number, counts: LedgerCounts) {
    this.epoch = epoch;
    this.#cap = cap;
    this.#counts = counts;
  }

  get produced(): number {
    return this.#first + this.#windows.length - 1;
  }

  get acked(): number {
    return this.#acked;
  }

  get waiting(): number {
    return this.produced - this.#acked;
  }

  /** Adds a window; the oldest goes when the queue is full. */
  add(window: CrowdWindow): void {
    this.#windows.push(window);
    this.#counts.produced += 1;
    if (this.#windows.length > this.#cap) this.#dropOldest(this.#windows.length - this.#cap);
  }

  /** Declares `count` windows lost that were never kept: the device was too long without a server. */
  addLost(count: number): void {
    if (count <= 0) return;
    this.#dropOldest(this.#windows.length);
    this.#first += count;
    this.#droppedThrough = this.#first - 1;
    this.#counts.produced += count;
    this.#counts.dropped += count;
  }

  #dropOldest(count: number): void {
    if (count === 0) return;
    this.#windows.splice(0, count);
    this.#first += count;
    this.#droppedThrough = this.#first - 1;
    this.#counts.dropped += count;
  }

  /** The contiguous piece after the last acknowledged number, within the protocol's limits; null when nothing waits. */
  batch(nowMs: number, boot: string): TelemetryBatch | null {
    if (this.waiting === 0) return null;
    const windows: TelemetryWindow[] = [];
    const dropped: [number, number][] = this.#droppedThrough > this.#acked ? [[this.#acked + 1, this.#droppedThrough]] : [];
    let room = SYNC_LIMITS.bodyBytes - REST_OF_BODY_BYTES;
    for (const [at, window] of this.#windows.entries()) {
      room -= sizeOf(window);
      if (windows.length >= SYNC_LIMITS.windows || (room < 0 && windows.length > 0)) break;
      const { startMs, boot: ofBoot, ...rest } = window;
      windows.push({ seq: this.#first + at, ...rest, ageMs: ofBoot === boot ? Math.max(nowMs - startMs, 0) : null });
    }
    const last = this.#first + windows.length - 1;
    return { epoch: this.epoch, first: this.#acked + 1, last, windows, ...(dropped.length === 0 ? {} : { dropped }) };
  }

  /** The server's answer. `newEpoch` is asked for a name when the server knows more than this device has made. */
  acknowledge(ack: { readonly epoch: string; readonly seq: number }, newEpoch: () => string): void {
    if (ack.epoch !== this.epoch || ack.seq === this.#acked) return;
    if (ack.seq > this.produced) {
      this.epoch = newEpoch();
      this.#counts.dropped += this.#windows.length;
      this.#windows = [];
      [this.#acked, this.#first, this.#droppedThrough] = [0, 1, 0];
      return;
    }
    if (ack.seq < this.#acked) {
      // The server lost what it had acknowledged: that is not here any more.
      const lost = this.#acked - ack.seq;
      this.#counts.acked -= lost;
      this.#counts.dropped += lost;
      this.#acked = ack.seq;
      this.#droppedThrough = this.#first - 1;
      return;
    }
    const through = Math.max(ack.seq, this.#first - 1);
    const gone = through - this.#first + 1;
    this.#windows.splice(0, gone);
    this.#first += gone;
    this.#acked = ack.seq;
    this.#counts.acked += gone;
  }
}

/** Bytes of a window as JSON, near enough: names and numbers, then the buckets. */
function sizeOf(window: CrowdWindow): number {
  return 260 + window.buckets.length * 5;
}

export type WindowInput = {
  readonly buildId: string; readonly versionId: string; readonly boot: string; readonly startMs: number; readonly wallMs: number;
  /** Part of the window in which the model ran. */
  readonly fromMs: number; readonly toMs: number;
  readonly intervalMs: number;
  /** Where in the interval the device's inferences start. */
  readonly phaseMs: number;
  /** The latency of the next inference; null: it failed. */
  readonly draw: () => number | null;
};

/** The samples of one window, drawn in one go; null when no inference fell into it. An inference that overruns delays the next. */
export function drawWindow(input: WindowInput): CrowdWindow | null {
  const { fromMs, toMs, intervalMs, phaseMs, draw, buildId, versionId, boot, startMs, wallMs } = input;
  const histogram = new LatencyHistogram();
  let errors = 0;
  let at = phaseMs + Math.ceil((fromMs - phaseMs) / intervalMs) * intervalMs;
  while (at < toMs) {
    const latencyMs = draw();
    if (latencyMs === null) errors += 1;
    else histogram.add(latencyMs);
    at += Math.max(intervalMs, latencyMs ?? 0);
  }
  if (histogram.count === 0 && errors === 0) return null;
  const hasSamples = histogram.count > 0;
  return {
    buildId, versionId, boot, startMs, mode: "simulated", wallMs: Math.round(wallMs), count: histogram.count, errors, sumMs: histogram.sumMs,
    minMs: hasSamples ? histogram.minMs : null, maxMs: hasSamples ? histogram.maxMs : null, buckets: histogram.toSparse(),
  };
}
