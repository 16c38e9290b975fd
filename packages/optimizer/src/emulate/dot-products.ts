import { simdModule } from "./simd-module.ts";

type Kernel = (patches: number, filters: number, out: number, rows: number, columns: number, depthBytes: number) => number;
type Memory = { readonly buffer: ArrayBuffer; grow(pages: number): number };
/** The little that is used of the platform's WebAssembly, which the server's type library does not declare. */
type Platform = {
  readonly Memory: new (limits: { readonly initial: number }) => Memory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<"exact" | "clipped", Kernel>> };
};

const PAGE_BYTES = 65_536;
/** Products are summed in steps of this many. */
export const DEPTH_STEP = 8;

/**
 * Sums of products of small integers: rows of patches times columns of filters, exact or with each pair of neighbouring products
 * clipped to int16, as AVX2 CPUs without VNNI add them (`vpmaddubsw`). One instance holds its memory: use it for one thing at a time.
 */
export class DotProducts {
  readonly #memory: Memory;
  readonly #kernels: Readonly<Record<"exact" | "clipped", Kernel>>;
  #filters: { readonly columns: number; readonly depth: number } | null = null;

  constructor() {
    const { Memory, Module, Instance } = (globalThis as unknown as { readonly WebAssembly: Platform }).WebAssembly;
    this.#memory = new Memory({ initial: 1 });
    this.#kernels = new Instance(new Module(simdModule()), { m: { m: this.#memory } }).exports;
  }

  /** Takes `columns` filters of `depth` integers each; `depth` is a multiple of `DEPTH_STEP`. */
  setFilters(filters: Int16Array, columns: number, depth: number): void {
    if (filters.length !== columns * depth || depth % DEPTH_STEP !== 0) throw new RangeError(`${filters.length} integers are not ${columns} filters of depth ${depth}`);
    this.#reserve(filters.byteLength);
    new Int16Array(this.#memory.buffer, 0, filters.length).set(filters);
    this.#filters = { columns, depth };
  }

  /** Where to write up to `rows` patches, row after row; valid until the next call of `patches` or `setFilters`. */
  patches(rows: number): Int16Array {
    const { columns, depth } = this.#ready();
    this.#reserve(columns * depth * 2 + rows * depth * 2 + rows * columns * 4);
    return new Int16Array(this.#memory.buffer, columns * depth * 2, rows * depth);
  }

  /** Sums of the first `rows` patches, `rows × columns`, in memory that the next call writes over; `events` counts clipped pairs. */
  sums(rows: number, arithmetic: "exact" | "clipped"): { readonly sums: Int32Array; readonly events: number } {
    const { columns, depth } = this.#ready();
    const patchesAt = columns * depth * 2;
    const outAt = patchesAt + rows * depth * 2;
    const events = this.#kernels[arithmetic](patchesAt, 0, outAt, rows, columns, depth * 2);
    return { sums: new Int32Array(this.#memory.buffer, outAt, rows * columns), events };
  }

  #ready(): { readonly columns: number; readonly depth: number } {
    if (this.#filters === null) throw new RangeError("dot products need filters first");
    return this.#filters;
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
  }
}
