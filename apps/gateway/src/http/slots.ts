import { FleetError } from "@flotilla/protocol";

/** A number of things that may run at once. */
export class Slots {
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /** Runs `work` if a slot is free, else throws `rate_limited` at once: waiting would only hide the load. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) throw new FleetError("rate_limited", { public: "Too many of these at once; try again.", extra: { retryAfterMs: 1_000 + Math.random() * 2_000 } });
    this.#free -= 1;
    try {
      return await work();
    } finally {
      this.#free += 1;
    }
  }
}
