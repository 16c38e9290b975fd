/** Why a file of examples is not accepted. Closed list: callers may branch on it, store it and translate it. */
export const DATASET_REFUSAL_CODES = [
  // the upload as a whole
  "empty_file",
  "format_unknown",
  "format_unsupported",
  "options_invalid",
  "no_examples",
  "too_many_examples",
  "example_too_large",
  "too_many_classes",
  "count_mismatch",
  "labels_unusable",
  "labels_too_many_values",
  // archives
  "zip_truncated",
  "zip_damaged",
  "zip_checksum",
  "zip_encrypted",
  "zip_compression",
  "zip_name_unsafe",
  "zip_link",
  "zip_nested",
  "zip_duplicate_name",
  "zip_overlap",
  "zip_bomb",
  "zip_too_many_entries",
  "gzip_damaged",
  // images
  "image_unreadable",
  "image_too_large",
  "image_format",
  // arrays
  "idx_malformed",
  "idx_size",
  "idx_pair",
  "npy_malformed",
  "npy_size",
  "npy_type",
  "npy_pickle",
  "npz_keys",
  "value_not_finite",
  // tables
  "csv_encoding",
  "csv_binary",
  "csv_malformed",
  "csv_no_header",
  "csv_column",
  "csv_too_many_columns",
  "csv_line_too_long",
  "csv_row_length",
  "csv_cell_missing",
  "csv_cell_not_finite",
  "csv_cell_not_number",
  // sounds
  "wav_unreadable",
  "wav_encoding",
  "wav_rate",
  "wav_too_long",
  // our own file, read back
  "dataset_file_damaged",
  "dataset_file_version",
] as const;

export type DatasetRefusalCode = (typeof DATASET_REFUSAL_CODES)[number];

/** An expected refusal. `reason` is a sentence or two for people: what is wrong, and what to do. It never holds a path of the server. */
export class DatasetRefusal extends Error {
  readonly code: DatasetRefusalCode;
  readonly reason: string;

  constructor(code: DatasetRefusalCode, reason: string, options?: { readonly cause?: unknown }) {
    super(reason, options);
    this.name = "DatasetRefusal";
    this.code = code;
    this.reason = reason;
  }
}

/** Longest piece of a hostile name that is repeated in a reason. */
const QUOTED_CHARACTERS = 80;

/** Makes a name out of a file fit for a sentence: control characters and surrogates replaced, length bounded, in quotes. */
export function quoted(name: string): string {
  const clean = name.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, "\uFFFD");
  return `"${clean.length > QUOTED_CHARACTERS ? `${clean.slice(0, QUOTED_CHARACTERS)}…` : clean}"`;
}

/** 1536 → "1.5 KiB". */
export function readableBytes(sizeBytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(1)).toLocaleString("en-US")} ${units[unit] ?? ""}`;
}
