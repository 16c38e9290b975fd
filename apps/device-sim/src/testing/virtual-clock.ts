import type { Clock } from "../agent/clock.ts";

/**
 * Time that passes by itself as soon as nothing else is to be done: when all work waits, the earliest sleeper's moment is now. Only for
 * agents whose disk, network and models answer without timers or sockets of their own, so that every run of a seed is the same.
 */
export class VirtualClock implements Clock {
  now = 1_000;
  /** The wall clock, by the monotonic one; may be put to anything at any time. */
  wallAt = (monotonicMs: number): number => Date.UTC(2026, 10, 24, 12, 0, 7) - 1_000 + monotonicMs;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
  #isTicking = false;
  #isHalted = false;
  #looks: (() => void)[] = [];

  monotonicMs(): number {
    return this.now;
  }

  wallMs(): number {
    return this.wallAt(this.now);
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const sleeper = { atMs: this.now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      }, { once: true });
      this.#tick();
    });
  }

  /** Lets time pass until `condition` gives something truthy; rejects when it does not within `limitMs`. */
  async until<T>(what: string, condition: () => T, limitMs = 600_000): Promise<NonNullable<T>> {
    const endMs = this.now + limitMs;
    for (;;) {
      const found = condition();
      if (found) return found;
      if (this.now > endMs) throw new Error(`gave up waiting until ${what}`);
      await new Promise<void>((resolve) => {
        this.#looks.push(resolve);
        this.#tick();
      });
    }
  }

  /** Nobody who sleeps wakes any more: what used this clock is dead. */
  halt(): void {
    this.#isHalted = true;
    this.#sleepers = [];
  }

  #tick(): void {
    if (this.#isTicking || this.#isHalted) return;
    this.#isTicking = true;
    setImmediate(() => {
      this.#isTicking = false;
      if (this.#isHalted) return;
      const looks = this.#looks.splice(0);
      let atMs = Number.POSITIVE_INFINITY;
      for (const sleeper of this.#sleepers) atMs = Math.min(atMs, sleeper.atMs);
      if (atMs < Number.POSITIVE_INFINITY) {
        this.now = Math.max(this.now, atMs);
        const due = this.#sleepers.filter((sleeper) => sleeper.atMs <= this.now);
        this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.atMs > this.now);
        for (const sleeper of due) sleeper.wake();
      }
      for (const look of looks) look();
      if (this.#sleepers.length > 0 || this.#looks.length > 0) this.#tick();
    });
  }
}
