import type { DatasetSummary, DatasetVersionStateName, DatasetVersionView, Split } from "@flotilla/fleet";
import { StateWord, type BadgeTone } from "../../components/ui/badge.tsx";
import { formatCount } from "../../lib/format.ts";

const WORDS: Record<DatasetVersionStateName, { word: string; tone: BadgeTone }> = {
  importing: { word: "importing", tone: "busy" },
  ready: { word: "ready", tone: "ok" },
  rejected: { word: "rejected", tone: "bad" },
};

export function DatasetState({ state }: { state: DatasetVersionStateName }) {
  const { word, tone } = WORDS[state];
  return <StateWord tone={tone} word={word} />;
}

/** In the order in which people read them. */
export const splitNames = ["train", "calibration", "validation", "test"] as const satisfies readonly Split[];

export function countOf(counts: Record<Split, number>): number {
  return splitNames.reduce((sum, split) => sum + counts[split], 0);
}

const KINDS: Record<DatasetSummary["kind"], string> = { image: "images", tensor: "arrays", table: "table rows", audio: "sounds" };

/** "images, 10 classes". */
export function contentWords(content: { kind: DatasetSummary["kind"] | null; task: DatasetSummary["task"] | null; classCount: number | null }): string {
  if (content.kind === null) return "–";
  const what = content.task === "classification" && content.classCount !== null ? `${formatCount(content.classCount)} classes` : (content.task ?? "");
  return [KINDS[content.kind], what].filter((part) => part !== "").join(", ");
}

/** What each split is for. */
export const splitUses: Record<Split, string> = {
  train: "to learn from",
  calibration: "ranges for int8",
  validation: "to choose by",
  test: "accuracy that is reported",
};

/** What a person can do about a refusal, by its code. The reason itself comes from the import. */
export function adviceForDataset({ rejectCode }: Pick<DatasetVersionView, "rejectCode">): string {
  const code = rejectCode ?? "";
  if (code === "idx_pair") return "Choose both IDX files together: the images (…idx3-ubyte) and the labels (…idx1-ubyte).";
  if (code === "npy_pickle" || code === "npy_type") return "Save the arrays as plain numbers (for example uint8 or float32), without Python objects, and upload them as a new version.";
  if (code === "npz_keys") return "Say under “Reading and splitting” which array holds the examples and which the labels.";
  if (code === "zip_encrypted") return "Pack the archive again without a password.";
  if (code.startsWith("zip_") || code === "gzip_damaged") return "Pack the archive again: plain files in a folder per class, no links, no archives inside, and upload it as a new version.";
  if (code.startsWith("image_")) return "Convert the named picture to PNG or JPEG, or allow a share of unusable examples under “Reading and splitting”.";
  if (code === "csv_encoding") return "Save the table as UTF-8 and upload it as a new version.";
  if (code.startsWith("csv_cell") || code.startsWith("csv_column") || code.startsWith("csv_no")) return "Correct the named row or column, or name the label and the columns to ignore under “Reading and splitting”.";
  if (code.startsWith("csv_")) return "Check the named line of the table, and upload it as a new version.";
  if (code === "labels_unusable" || code === "count_mismatch") return "Images and labels must belong together: one label per example. Check which files were chosen.";
  if (code === "format_unknown") return "Name the format under “Reading and splitting”, or upload a ZIP with a folder per class, IDX, NPZ, NPY or CSV.";
  if (code.startsWith("too_many") || code.includes("too_large") || code.endsWith("_size")) return "The dataset is larger than this installation allows. Leave out examples or make them smaller.";
  if (code.includes("worker") || code.includes("internal") || code.includes("cancel") || code.includes("time")) return "This can be a mishap on the worker's machine: look at it again.";
  return "Correct the files as the reason says, and upload them as a new version.";
}
