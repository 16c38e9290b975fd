import type { SyncItem, SyncOutcome } from "@flotilla/fleet";
import { unavailableWhenAway } from "./database-away.ts";
import type { GatewayPorts } from "./ports.ts";

// One writer per process: syncs that come within a moment are stored by one transaction, and answered after its commit.
// A batch that fails because of one item is cut in halves until that item alone is refused; the others are stored.

/** How long the first sync of a batch waits for others, unless enough have come before. */
const COALESCE_MS = 20;
/** So many are worth a transaction at once: each costs little more than in a larger one, and waits less. */
const FULL_ENOUGH = 100;
const MAX_BATCH = 1_000;
/** Syncs that wait or are being stored; beyond it new ones are told to come later, before their body is read. */
const MAX_QUEUED = 5_000;
/** The bodies of these, on the wire; what is made of them takes a few times as much. */
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;

/** A sync on its way, and who is to be told of its end. */
export interface SyncWaiter {
  readonly item: SyncItem;
  /** It is committed. */
  stored(outcome: SyncOutcome): void;
  /** It is not, or nobody knows: `unavailable` when the database is away. */
  failed(error: unknown): void;
}

/** Told of every batch. */
export type BatchObserver = (batch: { items: number; seconds: number; isStored: boolean }) => void;

export class SyncWriter {
  readonly #ports: GatewayPorts;
  readonly #maxQueued: number;
  readonly #observe: BatchObserver;
  #queue: SyncWaiter[] = [];
  #admitted = 0;
  #admittedBytes = 0;
  #isRunning = false;
  /** Ends the wait of the next batch for others. */
  #begin: (() => void) | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(ports: GatewayPorts, options: { maxQueued?: number; observe?: BatchObserver } = {}) {
    this.#ports = ports;
    this.#maxQueued = options.maxQueued ?? MAX_QUEUED;
    this.#observe = options.observe ?? (() => undefined);
  }

  /** 0 (nothing waits) to 1 (full). */
  get load(): number {
    return Math.max(this.#admitted / this.#maxQueued, this.#admittedBytes / MAX_QUEUED_BYTES);
  }

  /**
   * Takes a place for a sync whose body has not been read yet; false when there is none. `bytes` is what the body may
   * have. Whoever got a place gives it back with `release`, however the sync ended.
   */
  admit(bytes: number): boolean {
    if (this.#admitted >= this.#maxQueued || (this.#admitted > 0 && this.#admittedBytes + bytes > MAX_QUEUED_BYTES)) return false;
    this.#admitted += 1;
    this.#admittedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#admitted -= 1;
    this.#admittedBytes -= bytes;
  }

  store(waiter: SyncWaiter): void {
    this.#queue.push(waiter);
    if (this.#queue.length >= FULL_ENOUGH) this.#begin?.();
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Resolves when everything taken so far is stored. */
  async flushed(): Promise<void> {
    if (!this.#isRunning) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  async #run(): Promise<void> {
    let beganMs = performance.now();
    while (this.#queue.length > 0) {
      await this.#othersCame(COALESCE_MS - (performance.now() - beganMs));
      beganMs = performance.now();
      const batch = this.#queue.length <= MAX_BATCH ? this.#queue : this.#queue.slice(0, MAX_BATCH);
      this.#queue = this.#queue.length <= MAX_BATCH ? [] : this.#queue.slice(MAX_BATCH);
      await this.#storeBatch(batch);
    }
    this.#isRunning = false;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Waits until `waitMs` have passed or the queue is full enough. */
  async #othersCame(waitMs: number): Promise<void> {
    if (waitMs <= 0 || this.#queue.length >= FULL_ENOUGH) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    this.#begin = resolve;
    await promise;
    clearTimeout(timer);
    this.#begin = undefined;
  }

  async #storeBatch(batch: readonly SyncWaiter[]): Promise<void> {
    const beganMs = performance.now();
    let outcomes: readonly SyncOutcome[];
    try {
      outcomes = await this.#ports.applySyncs(batch.map(({ item }) => item));
    } catch (error) {
      this.#observe({ items: batch.length, seconds: (performance.now() - beganMs) / 1000, isStored: false });
      await this.#onFailure(batch, error);
      return;
    }
    this.#observe({ items: batch.length, seconds: (performance.now() - beganMs) / 1000, isStored: true });
    batch.forEach((waiter, index) => {
      const outcome = outcomes[index];
      if (outcome) waiter.stored(outcome);
      else waiter.failed(new Error("a batch answered fewer outcomes than it had items"));
    });
  }

  async #onFailure(batch: readonly SyncWaiter[], error: unknown): Promise<void> {
    if (this.#ports.isDatabaseAway(error)) {
      // Each its own time: they must not come back together.
      for (const waiter of batch) waiter.failed(unavailableWhenAway(this.#ports, error, 1_000 + Math.random() * 4_000));
    } else if (batch.length > 1) {
      const half = Math.ceil(batch.length / 2);
      await this.#storeBatch(batch.slice(0, half));
      await this.#storeBatch(batch.slice(half));
    } else {
      batch[0]?.failed(error);
    }
  }
}
