import type { DatasetLimits } from "./limits.ts";

/** What this package takes and gives. Types only: importing this file costs nothing at run time. */

export type Split = "train" | "calibration" | "validation" | "test";

export type DatasetKind = "image" | "tensor" | "table" | "audio";

export type DatasetFormat = "image-folder" | "idx" | "npy" | "npz" | "csv" | "wav-folder" | "synthetic-digits";

/** A file on disk with the name it was uploaded under. Content decides what it is; the name serves pairing and sentences. */
export type NamedFile = { readonly path: string; readonly name: string };

export type DatasetSource = NamedFile & {
  /** Files of the same upload: labels of an IDX file, a test pair, y.npy. */
  readonly companions?: readonly NamedFile[];
  readonly format?: "auto" | Exclude<DatasetFormat, "synthetic-digits">;
  readonly options?: DatasetOptions;
};

export type SplitFractions = Readonly<Record<Split, number>>;

export type DatasetOptions = {
  /** What the file does not say itself is drawn: seeded and stratified by class. */
  readonly seed?: number;
  /** Shares that sum to 1. A split that folders do not name is taken out of the training folder by its share. */
  readonly fractions?: SplitFractions;
  /** Examples of one group never part: the text before this character in the file's own name (images, sounds). */
  readonly groupPrefix?: string;
  /** The same by the value of a column (tables). */
  readonly groupColumn?: string;
  /** Order (and names) of the classes, when a trained model expects one. Default: numbers by value, names by code unit. */
  readonly classes?: readonly string[];
  /** Share of the examples that may be unusable; they are left out and reported. Default 0.02. */
  readonly toleratedDefects?: number;
  /** Default: numbers become classes when they are whole, not negative and recur. */
  readonly task?: "auto" | "classification" | "regression";
  /** Tables. Default: the first of label, class, target, species, category and y that is a column's name; else the last. */
  readonly labelColumn?: string | null;
  readonly ignoreColumns?: readonly string[];
  /** Arrays of an NPZ. Default: by name (x, y, x_train, train_labels …). */
  readonly xKey?: string;
  readonly yKey?: string | null;
  /** Sounds: all are cut or padded with silence to this length. Default: what 95 % of them fit into. */
  readonly lengthSamples?: number;
};

export type ConvertContext = {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly examples: number }) => void;
  /** Narrower (or wider) bounds than the usual ones. */
  readonly limits?: Partial<DatasetLimits>;
};

/** A tolerated defect or a thing worth knowing, summed up. `places` are the first few, by name or row. */
export type DatasetWarning = {
  readonly code: string;
  readonly count: number;
  readonly sentence: string;
  readonly places: readonly string[];
};

/**
 * Over the training split (at most 5,000 examples of it, 500 of large images, spread evenly). One entry per colour channel (0 to 255), per
 * feature of a table, or one for all numbers of a tensor or sound. `std` divides by n.
 */
export type DatasetStatistics = {
  readonly examples: number;
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
};

export type DatasetHeader = {
  readonly kind: DatasetKind;
  /** Of the stored numbers. */
  readonly elementType: "uint8" | "int16" | "float32";
  /** Images: [height, width, channels], null where they differ. Else of one example. */
  readonly shape: readonly (number | null)[];
  readonly task: "classification" | "regression" | "unlabelled";
  readonly classes: readonly string[];
  /** Tables: names of the columns, in order. */
  readonly features: readonly string[] | null;
  readonly sampleRateHz: number | null;
  readonly counts: Readonly<Record<Split, number>>;
  /** Per split, by class index. Empty lists unless the task is classification. */
  readonly classCounts: Readonly<Record<Split, readonly number[]>>;
  readonly duplicates: {
    /** Examples whose content another example had before. They share its split. */
    readonly examples: number;
    /** Left out, because the folders put the same content into two splits (test keeps it, then validation, calibration, train). */
    readonly droppedAcrossSplits: number;
    /** Contents that carry more than one label. */
    readonly conflictingLabels: number;
  };
  readonly splitting: {
    readonly method: "folders" | "drawn" | "folders-and-drawn";
    readonly seed: number;
    readonly fractions: SplitFractions;
    readonly groupedBy: string | null;
  };
  readonly source: {
    readonly format: DatasetFormat;
    readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly sha256: string }[];
  };
  readonly warnings: readonly DatasetWarning[];
  readonly statistics: DatasetStatistics | null;
};

type ExampleFacts = {
  /** Where it came from: path in the archive, row, index. */
  readonly id: string;
  /** Class index, or the number to predict; null when there is none. */
  readonly label: number | null;
};

/** Rows from the top, channels last; 1 channel is grey, 3 are red, green, blue. */
export type ImageExample = ExampleFacts & {
  readonly kind: "image";
  readonly pixels: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
};

/** Row-major. Sounds are in [-1, 1]. */
export type ValuesExample = ExampleFacts & {
  readonly kind: "tensor" | "table" | "audio";
  readonly values: Float32Array | Uint8Array;
  readonly shape: readonly number[];
};

export type Example = ImageExample | ValuesExample;

/** An opened dataset. Any number of reads may be in flight; a few are worked on at a time. */
export type Dataset = {
  readonly header: DatasetHeader;
  count(split: Split): number;
  /** Throws RangeError outside of the split, DatasetRefusal when the bytes on disk are not what was written. */
  read(split: Split, index: number): Promise<Example>;
  /** Class index or number per example of a split, NaN without one; reads no example. */
  labels(split: Split): Promise<Float64Array>;
  close(): Promise<void>;
};
