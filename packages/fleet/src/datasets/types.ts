import type { DatasetOptions } from "./options.ts";

/** Parts of a dataset that examples are dealt to. No example is in two of them. */
export const splits = ["train", "calibration", "validation", "test"] as const;
export type Split = (typeof splits)[number];

export type DatasetVersionStateName = "importing" | "ready" | "rejected";

export type DatasetView = {
  id: string; name: string; description: string; createdAt: string; createdByName: string; versionCount: number;
  newest: {
    id: string; number: number; state: DatasetVersionStateName;
    /** Null until it is ready. */
    kind: DatasetSummary["kind"] | null; task: DatasetSummary["task"] | null; counts: Record<Split, number> | null; classCount: number | null;
  } | null;
};

/** What the import job read and counted: the header that packages/datasets writes into the canonical file. */
export type DatasetSummary = {
  kind: "image" | "tensor" | "table" | "audio";
  /** Of the stored numbers: uint8, int16 or float32. */
  elementType: string;
  /** Images: [height, width, channels], null where they differ. Else of one example. */
  shape: (number | null)[];
  task: "classification" | "regression" | "unlabelled";
  /** By class index. */
  classes: string[];
  /** Tables: names of the columns. */
  features: string[] | null;
  sampleRateHz: number | null;
  counts: Record<Split, number>;
  /** By class index; empty lists unless the task is classification. */
  classCounts: Record<Split, number[]>;
  duplicates: { examples: number; droppedAcrossSplits: number; conflictingLabels: number };
  splitting: { method: string; seed: number; fractions: Record<Split, number>; groupedBy: string | null };
  source: { format: string; files: { name: string; sizeBytes: number; sha256: string }[] };
  /** What people should know before they trust numbers made with it. `places` are the first few, by name or row. */
  warnings: { code: string; count: number; sentence: string; places: string[] }[];
  /** Over the training split: one entry per channel or feature. */
  statistics: { examples: number; min: number[]; max: number[]; mean: number[]; std: number[] } | null;
};

/** What a page shows of the examples, made at import. */
export type DatasetPreview = {
  /** One contact sheet per split that has examples: a row per class, or rows of what there is. */
  sheets: {
    split: Split;
    /** Data URL of one picture. Row r begins at y = r × (cellSide + gap), column c at x = c × (cellSide + gap). */
    image: string; width: number; height: number; cellSide: number; gap: number;
    rows: { className: string | null; cells: { index: number; id: string }[] }[];
  }[];
  /** Of the training split: one entry per column of a table (at most 200), or one for all numbers. Counts of equally wide bins from min to max. */
  values: { name: string; min: number; max: number; mean: number; std: number; histogram: number[] }[];
};

export type DatasetVersionView = {
  id: string; datasetId: string; datasetName: string; number: number; state: DatasetVersionStateName;
  rejectCode: string | null; rejectReason: string | null; options: DatasetOptions;
  sizeBytes: number; summary: DatasetSummary | null;
  /** The canonical form that jobs read. */
  artifactSha256: string | null; artifactBytes: number | null;
  importJobId: string | null; createdAt: string; createdByName: string; decidedAt: string | null;
  files: { name: string; sha256: string; sizeBytes: number }[];
};
