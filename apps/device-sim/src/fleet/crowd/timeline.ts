/**
 * Time for many devices: one heap of what is to happen and one timer of the system, instead of a timer for each device. Tasks of the same
 * moment run in the order they were put in, so a run in simulated time repeats exactly.
 */
export type Timeline = {
  /** Monotonic, from the start of the simulation. */
  nowMs(): number;
  wallMs(): number;
  /** Runs `task` after `delayMs`; the entry can be given to `cancel`. */
  after(delayMs: number, task: () => void): Entry;
  cancel(entry: Entry | null): void;
  /** Things that are to happen. */
  readonly waiting: number;
};

export type Entry = { readonly atMs: number; readonly order: number; task: (() => void) | null };

/** A turn gives way to the network after so long. */
const TURN_MS = 4;
/** Looking more often than the system's timers are exact would only cost. */
const LEAST_SLEEP_MS = 1;
const LONGEST_SLEEP_MS = 60_000;

/** Real time. `stop` forgets all that is to happen. */
export function realTimeline(): Timeline & { stop(): void } {
  const heap = new EntryHeap();
  const startMs = performance.now();
  let timer: NodeJS.Timeout | null = null;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let isRunning = false;
  let isStopped = false;
  const nowMs = (): number => performance.now() - startMs;

  function run(): void {
    timer = null;
    timerAtMs = Number.POSITIVE_INFINITY;
    if (isStopped) return;
    isRunning = true;
    const endMs = nowMs() + TURN_MS;
    while (heap.first !== undefined && heap.first.atMs <= nowMs()) {
      heap.take()?.task?.();
      if (nowMs() > endMs) break;
    }
    isRunning = false;
    const next = heap.first;
    if (next === undefined) return;
    if (next.atMs <= nowMs()) setImmediate(run);
    else arm(next.atMs);
  }

  function arm(atMs: number): void {
    if (isRunning || isStopped || atMs >= timerAtMs) return;
    if (timer !== null) clearTimeout(timer);
    timerAtMs = atMs;
    timer = setTimeout(run, Math.min(Math.max(atMs - nowMs(), LEAST_SLEEP_MS), LONGEST_SLEEP_MS));
  }

  return {
    nowMs,
    wallMs: () => Date.now(),
    after(delayMs, task) {
      const entry = heap.put(nowMs() + Math.max(delayMs, 0), task);
      arm(entry.atMs);
      return entry;
    },
    cancel: (entry) => heap.cancel(entry),
    get waiting() {
      return heap.size;
    },
    stop() {
      isStopped = true;
      if (timer !== null) clearTimeout(timer);
      heap.clear();
    },
  };
}

/** Simulated time: it jumps from one event to the next. `wallStartMs` is what the wall clock shows at the start. */
export function simulatedTimeline(wallStartMs: number): Timeline & { runUntil(ms: number): void } {
  const heap = new EntryHeap();
  let now = 0;
  return {
    nowMs: () => now,
    wallMs: () => wallStartMs + now,
    after: (delayMs, task) => heap.put(now + Math.max(delayMs, 0), task),
    cancel: (entry) => heap.cancel(entry),
    get waiting() {
      return heap.size;
    },
    runUntil(ms) {
      while (heap.first !== undefined && heap.first.atMs <= ms) {
        const entry = heap.take();
        now = Math.max(now, entry?.atMs ?? now);
        entry?.task?.();
      }
      now = Math.max(now, ms);
    },
  };
}

/** A binary heap by time, then by order of entry. */
class EntryHeap {
  readonly #entries: Entry[] = [];
  #nextOrder = 0;
  #cancelled = 0;

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  get size(): number {
    return this.#entries.length - this.#cancelled;
  }

  put(atMs: number, task: () => void): Entry {
    const entry: Entry = { atMs, order: this.#nextOrder, task };
    this.#nextOrder += 1;
    this.#entries.push(entry);
    this.#up(this.#entries.length - 1);
    return entry;
  }

  /** The entry stays in the heap until its time, without its task. */
  cancel(entry: Entry | null): void {
    if (entry === null || entry.task === null) return;
    entry.task = null;
    this.#cancelled += 1;
  }

  take(): Entry | undefined {
    const first = this.#entries[0];
    const last = this.#entries.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#down(0);
    }
    if (first.task === null) this.#cancelled -= 1;
    const taken = { ...first };
    first.task = null;
    return taken;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#cancelled = 0;
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#entries[a], this.#entries[b]];
    if (x === undefined || y === undefined) return false;
    return x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#entries[a], this.#entries[b]];
    if (x === undefined || y === undefined) return;
    this.#entries[a] = y;
    this.#entries[b] = x;
  }

  #up(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (this.#isBefore(left, least)) least = left;
      if (this.#isBefore(right, least)) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
