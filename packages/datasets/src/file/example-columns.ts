import { hash } from "node:crypto";
import type { DatasetLimits } from "../limits.ts";
import { DatasetRefusal } from "../dataset-refusal.ts";
import type { RawExample } from "../raw-example.ts";
import type { Split } from "../types.ts";
import type { TableEntry } from "./file-layout.ts";

export const SPLITS: readonly Split[] = ["train", "calibration", "validation", "test"];
/** Where the upload says nothing. */
export const UNSPLIT = 255;
/** 128 bits of SHA-256, as words. */
const DIGEST_WORDS = 4;
const FIRST_CAPACITY = 4_096;

/** What is remembered of each example while a dataset is written: some 80 bytes in flat arrays, never the example itself. */
export class ExampleColumns {
  count = 0;
  offset = new Float64Array(FIRST_CAPACITY);
  payloadBytes = new Uint32Array(FIRST_CAPACITY);
  checksum = new Uint32Array(FIRST_CAPACITY);
  width = new Uint32Array(FIRST_CAPACITY);
  height = new Uint32Array(FIRST_CAPACITY);
  idBytes = new Uint16Array(FIRST_CAPACITY);
  channels = new Uint8Array(FIRST_CAPACITY);
  isImageFile = new Uint8Array(FIRST_CAPACITY);
  /** Number labels; NaN where the label is text or absent. */
  labelNumber = new Float64Array(FIRST_CAPACITY);
  /** Index into `labelTexts`, plus one; 0 where the label is a number or absent. */
  labelText = new Uint32Array(FIRST_CAPACITY);
  split = new Uint8Array(FIRST_CAPACITY);
  digest = new Uint32Array(FIRST_CAPACITY * DIGEST_WORDS);
  /** Same number = same group; 0 = none. */
  group = new Uint32Array(FIRST_CAPACITY);
  readonly labelTexts: string[] = [];
  readonly #labelIndex = new Map<string, number>();
  readonly #groupIndex = new Map<string, number>();
  readonly #limits: DatasetLimits;

  constructor(limits: DatasetLimits) {
    this.#limits = limits;
  }

  add(example: RawExample, place: { readonly offset: number; readonly idBytes: number; readonly checksum: number }): void {
    if (this.count === this.#limits.examples) {
      throw new DatasetRefusal("too_many_examples", `A dataset may hold ${this.#limits.examples.toLocaleString("en-US")} examples. Upload a part of the data.`);
    }
    if (this.count === this.offset.length) this.#grow();
    const at = this.count;
    this.offset[at] = place.offset;
    this.payloadBytes[at] = example.payload.byteLength;
    this.checksum[at] = place.checksum;
    this.idBytes[at] = place.idBytes;
    this.width[at] = example.size?.width ?? 0;
    this.height[at] = example.size?.height ?? 0;
    this.channels[at] = example.size?.channels ?? 0;
    this.isImageFile[at] = example.encoding === "image" ? 1 : 0;
    this.labelNumber[at] = typeof example.label === "number" ? example.label : Number.NaN;
    this.labelText[at] = typeof example.label === "string" ? this.#internLabel(example.label) : 0;
    this.split[at] = example.split === null ? UNSPLIT : SPLITS.indexOf(example.split);
    this.group[at] = example.group === null ? 0 : this.#internGroup(example.group);
    const digest = hash("sha256", example.payload, "buffer");
    for (let word = 0; word < DIGEST_WORDS; word += 1) this.digest[at * DIGEST_WORDS + word] = digest.readUInt32LE(word * 4);
    this.count += 1;
  }

  entry(at: number, label: number): TableEntry {
    return {
      offset: this.offset[at] ?? 0,
      payloadBytes: this.payloadBytes[at] ?? 0,
      checksum: this.checksum[at] ?? 0,
      idBytes: this.idBytes[at] ?? 0,
      width: this.width[at] ?? 0,
      height: this.height[at] ?? 0,
      channels: this.channels[at] ?? 0,
      encoding: this.isImageFile[at] === 1 ? "image" : "raw",
      label,
    };
  }

  /** Negative, zero, positive: orders examples so that equal contents stand beside each other. */
  compareContent(one: number, other: number): number {
    for (let word = 0; word < DIGEST_WORDS; word += 1) {
      const difference = (this.digest[one * DIGEST_WORDS + word] ?? 0) - (this.digest[other * DIGEST_WORDS + word] ?? 0);
      if (difference !== 0) return difference;
    }
    return (this.width[one] ?? 0) - (this.width[other] ?? 0);
  }

  #internLabel(text: string): number {
    const known = this.#labelIndex.get(text);
    if (known !== undefined) return known;
    if (this.labelTexts.length === this.#limits.classes) {
      throw new DatasetRefusal("too_many_classes", `More than ${this.#limits.classes.toLocaleString("en-US")} different labels: this column or folder level hardly holds classes. Name the label column, or group the folders.`);
    }
    this.labelTexts.push(text);
    this.#labelIndex.set(text, this.labelTexts.length);
    return this.labelTexts.length;
  }

  #internGroup(name: string): number {
    // By digest, so that a group costs the same whatever its name's length.
    const key = hash("sha256", name, "base64url").slice(0, 22);
    const known = this.#groupIndex.get(key);
    if (known !== undefined) return known;
    this.#groupIndex.set(key, this.#groupIndex.size + 1);
    return this.#groupIndex.size;
  }

  #grow(): void {
    const capacity = this.offset.length * 2;
    const grown = <A extends { set(from: A): void }>(from: A, make: new (length: number) => A, each = 1): A => {
      const array = new make(capacity * each);
      array.set(from);
      return array;
    };
    this.offset = grown(this.offset, Float64Array);
    this.payloadBytes = grown(this.payloadBytes, Uint32Array);
    this.checksum = grown(this.checksum, Uint32Array);
    this.width = grown(this.width, Uint32Array);
    this.height = grown(this.height, Uint32Array);
    this.idBytes = grown(this.idBytes, Uint16Array);
    this.channels = grown(this.channels, Uint8Array);
    this.isImageFile = grown(this.isImageFile, Uint8Array);
    this.labelNumber = grown(this.labelNumber, Float64Array);
    this.labelText = grown(this.labelText, Uint32Array);
    this.split = grown(this.split, Uint8Array);
    this.digest = grown(this.digest, Uint32Array, DIGEST_WORDS);
    this.group = grown(this.group, Uint32Array);
  }
}
