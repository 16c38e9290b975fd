const PAGE_ENTRIES = 4_096;
/** 160 KiB each: 5 MiB for a table of any length. */
const KEPT_PAGES = 32;

type Page = { readonly page: Buffer; readonly start: number };

/** Parts of the table, read when wanted; the most recently used are kept. */
export class TablePages {
  readonly #examples: number;
  readonly #load: (first: number, count: number) => Promise<Buffer>;
  readonly #kept = new Map<number, Promise<Buffer>>();

  constructor(examples: number, load: (first: number, count: number) => Promise<Buffer>) {
    this.#examples = examples;
    this.#load = load;
  }

  async pageOf(entry: number): Promise<Page> {
    const number = Math.floor(entry / PAGE_ENTRIES);
    const start = number * PAGE_ENTRIES;
    const known = this.#kept.get(number);
    const loading = known ?? this.#load(start, Math.min(PAGE_ENTRIES, this.#examples - start));
    // Moves it to the end: maps keep the order of insertion.
    this.#kept.delete(number);
    this.#kept.set(number, loading);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > KEPT_PAGES && oldest.done !== true) this.#kept.delete(oldest.value);
    try {
      return { page: await loading, start };
    } catch (error) {
      this.#kept.delete(number);
      throw error;
    }
  }
}
