import type { Attribute, Dataset, File, Group, H5Metadata, H5wasm } from "./hdf5-library.ts";
import { loadHdf5 } from "./hdf5-library.ts";
import { GROWTH_ALLOWANCE_BYTES, type KerasLimits } from "../keras-limits.ts";
import { KerasRefusal, quoted } from "../keras-refusal.ts";

/** Numbers of one dataset, read when asked for. */
export type Hdf5Dataset = {
  readonly dims: readonly number[];
  /** Row-major; float64 is rounded. */
  read(): Float32Array;
};

const RANK_MAX = 8;
const NAMES_MAX = 10_000;
/** Bytes of a fixed-size text in a list. */
const NAME_BYTES_MAX = 4_096;
/** H5T_class_t of the HDF5 library. */
const [INTEGER_CLASS, FLOAT_CLASS, STRING_CLASS] = [0, 1, 3];

/**
 * An HDF5 file nobody vouches for, in a file system of its own in memory: links and storage that lead to other files find nothing there.
 * Only what is named is looked at, so groups may contain themselves. Sizes are checked before anything is read; whatever the library
 * throws is a refusal. Memory: the file twice, and what was read.
 */
export class Hdf5File {
  readonly #library: H5wasm;
  readonly #file: File;
  readonly #name: string;
  readonly #fileBytes: number;
  readonly #limits: KerasLimits;
  #elementsLeft: number;

  private constructor(library: H5wasm, file: File, name: string, fileBytes: number, limits: KerasLimits) {
    this.#library = library;
    this.#file = file;
    this.#name = name;
    this.#fileBytes = fileBytes;
    this.#limits = limits;
    this.#elementsLeft = limits.weightElements;
  }

  static async open(bytes: Uint8Array, limits: KerasLimits): Promise<Hdf5File> {
    const library = await loadHdf5();
    const name = `/keras-${opened++}.h5`;
    library.fileSystem.writeFile(name, bytes);
    try {
      return new Hdf5File(library, guarded("the file", () => library.open(name)), name, bytes.byteLength, limits);
    } catch (error) {
      library.fileSystem.unlink(name);
      throw error;
    }
  }

  close(): void {
    try {
      this.#file.close();
    } catch {
      // A file whose handles are broken is let go of all the same.
    }
    this.#library.fileSystem.unlink(this.#name);
  }

  hasGroup(path: string): boolean {
    return guarded(path, () => this.#library.isGroup(this.#file, path));
  }

  /** The one text of an attribute; null when there is no such attribute. */
  text(path: string, attribute: string, charactersMax: number): string | null {
    const found = this.#attribute(path, attribute);
    if (found === null) return null;
    const { type, shape, size, vlen } = metadataOf(found, path);
    if (type !== STRING_CLASS || shape === null || shape.length > 1 || shape.some((dim) => dim !== 1) || (!vlen && size > charactersMax)) throw damaged(`${quoted(attribute)} is not a text`);
    const value = guarded(attribute, () => found.value);
    const text: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof text !== "string" || text.length > charactersMax) throw damaged(`${quoted(attribute)} is not a text of at most ${charactersMax} characters`);
    return text;
  }

  /**
   * The texts of a list, which Keras cuts into `name0`, `name1`, … when it is long; null when there is neither. Many references to one large
   * text end at the memory of the library's machine, 2 GiB, or before that at the sandbox's.
   */
  texts(path: string, attribute: string): string[] | null {
    const whole = this.#list(path, attribute);
    if (whole !== null) return whole;
    const texts: string[] = [];
    for (let part = 0; ; part += 1) {
      const more = this.#list(path, `${attribute}${part}`);
      if (more === null) return part === 0 ? null : texts;
      texts.push(...more);
      if (texts.length > NAMES_MAX) throw new KerasRefusal("keras_too_large", `the list ${quoted(attribute)} has more than ${NAMES_MAX} entries`);
    }
  }

  /** A dataset of numbers, not read yet; null when there is none of that name. */
  dataset(path: string): Hdf5Dataset | null {
    const found = guarded(path, () => this.#library.dataset(this.#file, path));
    if (found === null) return null;
    const metadata = metadataOf(found, path);
    const { shape } = metadata;
    if (shape === null || shape.length > RANK_MAX) throw damaged(`${quoted(path)} has no shape that weights can have`);
    const elements = shape.reduce((product, dim) => product * dim, 1);
    return { dims: shape, read: () => this.#read(found, path, metadata, elements) };
  }

  #read(dataset: Dataset, path: string, { type, size, littleEndian, vlen, virtual_sources: virtualSources }: H5Metadata, elements: number): Float32Array {
    const isNumber = (type === FLOAT_CLASS && (size === 4 || size === 8)) || (type === INTEGER_CLASS && size <= 8);
    if (!isNumber || vlen || !littleEndian || virtualSources !== undefined) throw new KerasRefusal("keras_dtype_unsupported", `the weights ${quoted(path)} are not stored as 32-bit or 64-bit floats`);
    this.#elementsLeft -= elements;
    if (this.#elementsLeft < 0 || elements * size > this.#fileBytes * this.#limits.growth + GROWTH_ALLOWANCE_BYTES) {
      throw new KerasRefusal("keras_too_large", `the weights ${quoted(path)} claim ${elements} numbers in a file of ${this.#fileBytes} bytes`);
    }
    const value: unknown = guarded(path, () => dataset.value);
    const numbers = typeof value === "number" || typeof value === "bigint" ? [Number(value)] : value;
    if (!isNumbers(numbers) || numbers.length !== elements) throw damaged(`${quoted(path)} cannot be read`);
    return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers, Number);
  }

  #list(path: string, attribute: string): string[] | null {
    const found = this.#attribute(path, attribute);
    if (found === null) return null;
    const { type, shape, size, vlen } = metadataOf(found, path);
    const count = shape?.[0] ?? 0;
    // An empty list has no element type of its own: NumPy writes it as floats.
    if (count === 0) return [];
    if (type !== STRING_CLASS || shape?.length !== 1 || (!vlen && size > NAME_BYTES_MAX)) throw damaged(`${quoted(attribute)} is not a list of names`);
    if (count > NAMES_MAX) throw new KerasRefusal("keras_too_large", `the list ${quoted(attribute)} has ${count} entries; ${NAMES_MAX} are read`);
    const value: unknown = guarded(attribute, () => found.value);
    if (!Array.isArray(value) || !value.every((entry): entry is string => typeof entry === "string")) throw damaged(`${quoted(attribute)} is not a list of names`);
    return value;
  }

  #attribute(path: string, attribute: string): Attribute | null {
    const holder: Group | null = guarded(path, () => this.#library.group(this.#file, path));
    return holder === null ? null : guarded(attribute, () => (Object.hasOwn(holder.attrs, attribute) ? (holder.attrs[attribute] ?? null) : null));
  }
}

/** Makes names in the library's file system unique. */
let opened = 0;

function metadataOf(holder: { readonly metadata: H5Metadata }, path: string): H5Metadata {
  return guarded(path, () => holder.metadata);
}

function isNumbers(value: unknown): value is ArrayLike<number | bigint> & Iterable<number | bigint> {
  return (ArrayBuffer.isView(value) && !(value instanceof DataView)) || (Array.isArray(value) && value.every((one) => typeof one === "number"));
}

/** The library throws errors, numbers and traps of its machine. */
function guarded<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof KerasRefusal) throw error;
    throw damaged(`${quoted(what)} cannot be read`, error);
  }
}

function damaged(what: string, cause?: unknown): KerasRefusal {
  return new KerasRefusal("keras_hdf5_damaged", `the HDF5 file is damaged or not one that Keras writes: ${what}`, { cause });
}
