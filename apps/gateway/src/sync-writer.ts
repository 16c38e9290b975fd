import type { SyncItem, SyncOutcome } from "@flotilla/fleet";
import { FleetError } from "@flotilla/protocol";
import type { GatewayPorts } from "./ports.ts";

// One writer per process: syncs that come within a moment are stored by one transaction, and answered after its commit.
// A batch that fails because of one item is cut in halves until that item alone is refused; the others are stored.

/** How long the first sync of a batch waits for others. */
const COALESCE_MS = 20;
const MAX_BATCH = 1_000;
/** Syncs that wait or are being stored; beyond it new ones are told to come later, before their body is read. */
const MAX_QUEUED = 5_000;

type Waiting = { item: SyncItem; resolve: (outcome: SyncOutcome) => void; reject: (error: unknown) => void };

export class SyncWriter {
  readonly #ports: GatewayPorts;
  readonly #maxQueued: number;
  #queue: Waiting[] = [];
  #inHand = 0;
  #isRunning = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(ports: GatewayPorts, options: { maxQueued?: number } = {}) {
    this.#ports = ports;
    this.#maxQueued = options.maxQueued ?? MAX_QUEUED;
  }

  /** 0 (nothing waits) to 1 (full). */
  get load(): number {
    return (this.#queue.length + this.#inHand) / this.#maxQueued;
  }

  /** Throws `rate_limited` when the queue is full: to be called before a body is read. */
  admit(): void {
    if (this.load < 1) return;
    throw new FleetError("rate_limited", { public: "Too many devices at once; try again later.", extra: { retryAfterMs: 1_000 + Math.random() * 4_000 } });
  }

  /** Resolves once the sync is committed; rejects with `unavailable` when the database is away. */
  store(item: SyncItem): Promise<SyncOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      setTimeout(() => void this.#run(), COALESCE_MS);
    });
  }

  /** Resolves when everything taken so far is stored. */
  async flushed(): Promise<void> {
    if (!this.#isRunning) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  async #run(): Promise<void> {
    let beganMs = 0;
    while (this.#queue.length > 0) {
      const waitMs = COALESCE_MS - (performance.now() - beganMs);
      if (beganMs > 0 && waitMs > 0 && this.#queue.length < MAX_BATCH) await new Promise((resolve) => setTimeout(resolve, waitMs));
      beganMs = performance.now();
      const batch = this.#queue.splice(0, MAX_BATCH);
      this.#inHand = batch.length;
      await this.#storeBatch(batch);
      this.#inHand = 0;
    }
    this.#isRunning = false;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  async #storeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#ports.applySyncs(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index];
        if (outcome) resolve(outcome);
        else reject(new Error("a batch answered fewer outcomes than it had items"));
      });
    } catch (error) {
      if (this.#ports.isDatabaseAway(error)) {
        const away = new FleetError("unavailable", { public: "The database is not reachable; try again.", cause: error, extra: { retryAfterMs: 1_000 + Math.random() * 4_000 } });
        for (const { reject } of batch) reject(away);
      } else if (batch.length > 1) {
        const half = Math.ceil(batch.length / 2);
        await this.#storeBatch(batch.slice(0, half));
        await this.#storeBatch(batch.slice(half));
      } else {
        batch[0]?.reject(error);
      }
    }
  }
}
