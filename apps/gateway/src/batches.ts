import { unavailableWhenAway } from "./database-away.ts";
import type { GatewayPorts } from "./ports.ts";

type Waiting<I, O> = { item: I; resolve: (outcome: O) => void; reject: (error: unknown) => void };

/**
 * Calls that come within a moment, or while the last ones are in hand, share one transaction. One batch at a time, in the order in which they came. A batch that fails because of one
 * item is cut in halves until that item alone fails; when the database is away all of it does, with `unavailable`: then nobody knows whether it was stored.
 */
export class Batches<I, O> {
  readonly #ports: Pick<GatewayPorts, "isDatabaseAway">;
  readonly #options: { waitMs: number; most: number };
  readonly #store: (items: readonly I[]) => Promise<readonly O[]>;
  #waiting: Waiting<I, O>[] = [];
  #isRunning = false;

  /** `waitMs`: how long the first of a batch waits for others; `store` answers an outcome for each item, in order. */
  constructor(ports: Pick<GatewayPorts, "isDatabaseAway">, options: { waitMs: number; most: number }, store: (items: readonly I[]) => Promise<readonly O[]>) {
    this.#ports = ports;
    this.#options = options;
    this.#store = store;
  }

  /** What became of the item, once its batch is committed. */
  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      setTimeout(() => void this.#run(), this.#options.waitMs);
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#storeBatch(this.#waiting.splice(0, this.#options.most));
    this.#isRunning = false;
  }

  async #storeBatch(batch: readonly Waiting<I, O>[]): Promise<void> {
    let outcomes: readonly O[];
    try {
      outcomes = await this.#store(batch.map(({ item }) => item));
    } catch (error) {
      if (batch.length === 1 || this.#ports.isDatabaseAway(error)) {
        for (const { reject } of batch) reject(unavailableWhenAway(this.#ports, error));
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.#storeBatch(batch.slice(0, half));
      await this.#storeBatch(batch.slice(half));
      return;
    }
    for (const [i, { resolve, reject }] of batch.entries()) {
      const outcome = outcomes[i];
      if (outcome === undefined) reject(new Error("a batch answered fewer outcomes than it had items"));
      else resolve(outcome);
    }
  }
}
