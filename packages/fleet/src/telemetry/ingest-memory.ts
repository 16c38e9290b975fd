import { isSameRow } from "./device-sums.ts";
import type { RememberedSum } from "./latency-sum.ts";
import type { DeviceKey } from "./roll-up-store.ts";
import { VariantCatalogue } from "./variant-catalogue-store.ts";
import { HOUR_MS, floorTo } from "./window-time.ts";

/** Rows of single devices that are remembered, at most, in each of two generations; about 350 bytes each. */
const MAX_ROWS_PER_GENERATION = 100_000;

type RememberedRow = { readonly key: DeviceKey; sum: RememberedSum };

/**
 * What a process that applies syncs remembers from batch to batch. It only saves reads: a latency row is written "if it still
 * holds what I remember", so a memory that is behind (another gateway wrote) costs a read and no more. That needs what is
 * remembered to have been committed: what a batch wrote is kept with `keep`, after its commit, and everything is
 * forgotten with `forget` when a batch failed, whatever it failed of.
 */
export class IngestMemory {
  readonly catalogue = new VariantCatalogue();
  #young = new Generation();
  #old = new Generation();
  #staged: RememberedRow[] = [];
  #hourMs = 0;

  /** At the start of a batch, and of every further attempt at it. */
  begin(nowMs: number): void {
    this.#staged = [];
    const hourMs = floorTo(nowMs, HOUR_MS);
    // Rows are of an hour: those of the one before the last are not written any more.
    if (hourMs !== this.#hourMs || this.#young.size >= MAX_ROWS_PER_GENERATION) {
      this.#old = this.#young;
      this.#young = new Generation();
      this.#hourMs = hourMs;
    }
  }

  rowOf(key: DeviceKey): RememberedSum | undefined {
    return (this.#young.find(key) ?? this.#old.find(key))?.sum;
  }

  stage(key: DeviceKey, sum: RememberedSum): void {
    this.#staged.push({ key, sum });
  }

  /** The batch has committed. */
  keep(): void {
    for (const row of this.#staged) this.#young.put(row);
    this.#staged = [];
  }

  /** The batch has failed, or nobody knows whether it has committed. */
  forget(): void {
    this.#staged = [];
    this.#young = new Generation();
    this.#old = new Generation();
  }
}

/** Rows by device: each has one an hour, or one a minute when it is watched closely. */
class Generation {
  readonly #byDevice = new Map<string, RememberedRow[]>();
  size = 0;

  find(key: DeviceKey): RememberedRow | undefined {
    return this.#byDevice.get(key.device_id)?.findLast((row) => isSameRow(row.key, key));
  }

  put(row: RememberedRow): void {
    const known = this.find(row.key);
    if (known !== undefined) {
      known.sum = row.sum;
      return;
    }
    const rows = this.#byDevice.get(row.key.device_id);
    if (rows === undefined) this.#byDevice.set(row.key.device_id, [row]);
    else rows.push(row);
    this.size += 1;
  }
}
