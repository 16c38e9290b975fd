import type { Encoding } from "./file/file-layout.ts";
import type { DatasetFormat, DatasetHeader, DatasetKind, Split } from "./types.ts";

/** An example as a reader hands it over: bytes to store, and all that decides where it goes. */
export type RawExample = {
  readonly id: string;
  /** Numbers as stored (little-endian), or the bytes of an image file. Valid until the next example is asked for. */
  readonly payload: Uint8Array;
  readonly encoding: Encoding;
  /** Of images, upright; else absent. */
  readonly size?: { readonly width: number; readonly height: number; readonly channels: 1 | 3 };
  /** Name of a class, or a number that `task` decides about. */
  readonly label: string | number | null;
  /** Where the upload puts it, if it says so. */
  readonly split: Split | null;
  readonly group: string | null;
};

/** What a reader found: facts of the whole, and the examples, one at a time, always in the same order. */
export type RawDataset = {
  readonly format: DatasetFormat;
  readonly kind: DatasetKind;
  readonly elementType: DatasetHeader["elementType"];
  /** Of one example; images give their own. */
  readonly shape: readonly number[];
  readonly features: readonly string[] | null;
  readonly sampleRateHz: number | null;
  /** The file types its labels as whole numbers: they are classes even when few recur. */
  readonly areWholeLabelsClasses?: boolean;
  readonly examples: AsyncIterable<RawExample>;
};
