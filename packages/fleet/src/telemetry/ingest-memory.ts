import type { RememberedSum } from "./latency-sum.ts";
import { VariantCatalogue } from "./variant-catalogue-store.ts";
import { HOUR_MS, floorTo } from "./window-time.ts";

/** Rows of single devices that are remembered, at most, in each of two generations; about 350 bytes each. */
const MAX_ROWS_PER_GENERATION = 100_000;

/**
 * What a process that applies syncs remembers from batch to batch. It only saves reads: a latency row is written "if it still
 * holds what I remember", so a memory that is behind (another gateway wrote) costs a read and no more. That needs what is
 * remembered to have been committed: what a batch wrote is kept with `keep`, after its commit, and everything is
 * forgotten with `forget` when a batch failed, whatever it failed of.
 */
export class IngestMemory {
  readonly catalogue = new VariantCatalogue();
  #young = new Map<string, RememberedSum>();
  #old = new Map<string, RememberedSum>();
  #staged = new Map<string, RememberedSum>();
  #hourMs = 0;

  /** At the start of a batch, and of every further attempt at it. */
  begin(nowMs: number): void {
    this.#staged = new Map();
    const hourMs = floorTo(nowMs, HOUR_MS);
    // Rows are of an hour: those of the one before the last are not written any more.
    if (hourMs !== this.#hourMs || this.#young.size >= MAX_ROWS_PER_GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#hourMs = hourMs;
    }
  }

  rowOf(name: string): RememberedSum | undefined {
    return this.#young.get(name) ?? this.#old.get(name);
  }

  stage(name: string, row: RememberedSum): void {
    this.#staged.set(name, row);
  }

  /** The batch has committed. */
  keep(): void {
    for (const [name, row] of this.#staged) this.#young.set(name, row);
    this.#staged = new Map();
  }

  /** The batch has failed, or nobody knows whether it has committed. */
  forget(): void {
    this.#staged = new Map();
    this.#young = new Map();
    this.#old = new Map();
  }
}
