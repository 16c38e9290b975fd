import { listen, type Db } from "@flotilla/db";
import { CHANGES_CHANNEL, CHANGE_OVERLAP, changesSince, newestChange, type ChangeEventView } from "@flotilla/fleet";
import type { Logger } from "pino";

/** Events read at once; more are read in further steps. */
const BATCH = 500;
/** A page that is further behind than this refetches everything instead. */
const MAX_RESUME = 2_000;
/** Notifications that arrive together are read together. */
const GATHER_MS = 50;

export type HubListener = { onEvents(events: readonly ChangeEventView[]): void; onPruned(newest: number): void; /** The process stops: the page will find another one. */ onEnd(): void };

/**
 * One LISTEN per process, however many pages are open. A notification only says that there is something new; the events
 * are read from the table, so none is lost between two of them. Events that committed out of order are read twice rather
 * than missed: every read goes back to the smallest number notified since the last one.
 */
export class ChangeHub {
  readonly #db: Db;
  readonly #log: Logger;
  readonly #listeners = new Set<HubListener>();
  #subscription: Promise<{ close(): Promise<void> }> | undefined;
  #newest = 0;
  #from = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #reading = false;

  constructor(db: Db, log: Logger) {
    this.#db = db;
    this.#log = log;
  }

  /** Hears every event from now on, and those after `after` when given. Returns how to stop, once it is listening. */
  async subscribe(listener: HubListener, after: number | null): Promise<() => void> {
    await this.#start();
    // First join, then read what was missed: an event in between comes twice instead of never.
    this.#listeners.add(listener);
    try {
      if (after !== null) await this.#resume(listener, after);
    } catch (error) {
      this.#listeners.delete(listener);
      throw error;
    }
    return () => this.#listeners.delete(listener);
  }

  /** The number of the newest event that pages have been told of. */
  get newest(): number {
    return this.#newest;
  }

  /** Pages that listen now. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Ends every page's stream and stops listening. */
  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.onEnd();
    this.#listeners.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#from = Number.POSITIVE_INFINITY;
    const subscription = await this.#subscription?.catch(() => undefined);
    await subscription?.close();
    this.#subscription = undefined;
  }

  async #start(): Promise<void> {
    this.#subscription ??= this.#listen();
    try {
      await this.#subscription;
    } catch (error) {
      this.#subscription = undefined;
      throw error;
    }
  }

  async #listen(): Promise<{ close(): Promise<void> }> {
    const subscription = await listen(
      this.#db,
      [CHANGES_CHANNEL],
      (_channel, payload) => this.#noticed(Number(payload)),
      // What was said while the connection was away is lost; go back far enough to find what committed late.
      () => this.#noticed(Math.max(1, this.#newest - CHANGE_OVERLAP + 1)),
    );
    this.#newest = await newestChange(this.#db.prisma);
    return subscription;
  }

  async #resume(listener: HubListener, after: number): Promise<void> {
    const from = Math.max(0, after - CHANGE_OVERLAP);
    const { events, pruned } = await changesSince(this.#db.prisma, from, MAX_RESUME + 1);
    // The overlap may have been pruned although `after` itself has not.
    const lost = pruned && (await changesSince(this.#db.prisma, after, 1)).pruned;
    if (lost || events.length > MAX_RESUME) listener.onPruned(this.#newest);
    else if (events.length > 0) listener.onEvents(events);
  }

  #noticed(seq: number): void {
    if (!Number.isSafeInteger(seq)) return;
    this.#from = Math.min(this.#from, seq - 1);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, GATHER_MS);
  }

  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#from !== Number.POSITIVE_INFINITY) {
        const from = Math.min(this.#from, this.#newest);
        this.#from = Number.POSITIVE_INFINITY;
        await this.#readFrom(from);
      }
    } catch (error) {
      this.#log.warn({ err: error }, "change events could not be read");
      this.#noticed(this.#newest + 1);
    } finally {
      this.#reading = false;
      if (this.#from !== Number.POSITIVE_INFINITY) this.#noticed(this.#from + 1);
    }
  }

  async #readFrom(from: number): Promise<void> {
    for (let after = from; ; ) {
      const { events } = await changesSince(this.#db.prisma, after, BATCH);
      const last = events.at(-1);
      if (last === undefined) return;
      this.#newest = Math.max(this.#newest, last.seq);
      for (const listener of this.#listeners) listener.onEvents(events);
      if (events.length < BATCH) return;
      after = last.seq;
    }
  }
}
