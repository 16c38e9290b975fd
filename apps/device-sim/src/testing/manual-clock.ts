import type { Clock } from "../agent/clock.ts";

/** A clock that stands still until it is moved. Sleepers wake when their time has come. */
export class ManualClock implements Clock {
  now = 1_000;
  wall = Date.UTC(2026, 10, 24, 12, 0, 7);
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  monotonicMs(): number {
    return this.now;
  }

  wallMs(): number {
    return this.wall;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      this.#sleepers.push({ atMs: this.now + ms, wake: resolve });
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  advance(ms: number): void {
    this.now += ms;
    this.wall += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.atMs <= this.now);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.atMs > this.now);
    for (const sleeper of due) sleeper.wake();
  }
}
