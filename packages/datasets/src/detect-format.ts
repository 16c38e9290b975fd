import { DatasetRefusal, quoted } from "./dataset-refusal.ts";
import { looksLikeIdx, looksLikeNpy } from "./readers/array-header.ts";
import { isLitter } from "./readers/folder-layout.ts";
import { IMAGE_NAME } from "./readers/image-folder.ts";
import type { DatasetFormat } from "./types.ts";

export type ReadableFormat = Exclude<DatasetFormat, "synthetic-digits">;

const hex = (start: Uint8Array, bytes: number): string => Buffer.from(start.subarray(0, bytes)).toString("hex");
const latin = (start: Uint8Array, from: number, to: number): string => Buffer.from(start.subarray(from, to)).toString("latin1");

/** Formats people try, with what to do instead. */
const ELSEWHERE: readonly { readonly isIt: (start: Uint8Array) => boolean; readonly advice: string }[] = [
  { isIt: (start) => hex(start, 8) === "894844460d0a1a0a", advice: "is an HDF5 file. Save the arrays with numpy.savez" },
  { isIt: (start) => latin(start, 0, 4) === "PAR1", advice: "is a Parquet file. Save it as CSV" },
  { isIt: (start) => start[0] === 0x80 && (start[1] ?? 0) >= 2 && (start[1] ?? 0) <= 5, advice: "is a pickle, which is a program and never run here. Save the arrays with numpy.savez" },
  { isIt: (start) => latin(start, 0, 4) === "Rar!" || hex(start, 6) === "377abcaf271c" || hex(start, 6) === "fd377a585a00" || latin(start, 0, 3) === "BZh", advice: "is an archive of another kind. Pack it as ZIP" },
  { isIt: (start) => latin(start, 257, 262) === "ustar", advice: "is a TAR archive. Pack it as ZIP" },
  { isIt: (start) => latin(start, 0, 4) === "%PDF", advice: "is a PDF file. Upload the data itself" },
  { isIt: (start) => latin(start, 0, 4) === "RIFF" && latin(start, 8, 12) === "WAVE", advice: "is a single sound. Pack a folder per class as ZIP" },
  { isIt: (start) => hex(start, 8) === "89504e470d0a1a0a" || hex(start, 3) === "ffd8ff" || latin(start, 0, 4) === "GIF8" || latin(start, 8, 12) === "WEBP", advice: "is a single image. Pack a folder per class as ZIP" },
  { isIt: (start) => /^\s*<(!doctype html|html|svg|\?xml)/i.test(latin(start, 0, 64)), advice: "is a web page or an XML file. Was the link to the data followed to its end?" },
];

/** By content, for a file that is no archive. `start`: the first 512 bytes, or all. Throws DatasetRefusal. */
export function formatOfFile(name: string, start: Uint8Array): ReadableFormat {
  if (start.byteLength === 0) throw new DatasetRefusal("empty_file", `${quoted(name)} is empty. Repeat the upload.`);
  if (looksLikeNpy(start)) return "npy";
  if (looksLikeIdx(start)) return "idx";
  for (const { isIt, advice } of ELSEWHERE) {
    if (isIt(start)) throw new DatasetRefusal("format_unsupported", `${quoted(name)} ${advice}.`);
  }
  const isText = !start.includes(0) || (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  if (isText || /\.(csv|tsv|txt)$/i.test(name)) return "csv";
  throw new DatasetRefusal("format_unknown", `${quoted(name)} is none of the known kinds: a ZIP with a folder of images or WAV files per class, IDX, NPY, NPZ or CSV.`);
}

const ARCHIVE_FORMATS: readonly { readonly format: ReadableFormat; readonly name: RegExp }[] = [
  { format: "image-folder", name: IMAGE_NAME },
  { format: "wav-folder", name: /\.wav$/i },
  { format: "npz", name: /\.npy$/i },
  { format: "idx", name: /(\.|-)idx\d?(-ubyte)?(\.gz)?$|ubyte(\.gz)?$/i },
  { format: "csv", name: /\.(csv|tsv)(\.gz)?$/i },
];

/** By what most names in an archive end in; content is looked at by the reader. Throws DatasetRefusal. */
export function formatOfArchive(names: readonly string[]): ReadableFormat {
  const counts = ARCHIVE_FORMATS.map(({ format, name }) => ({ format, count: names.filter((own) => name.test(own) && !isLitter(own)).length }));
  const best = counts.reduce((one, other) => (other.count > one.count ? other : one));
  if (best.count > 0) return best.format;
  throw new DatasetRefusal("format_unknown", "The archive holds no images, WAV files, NumPy arrays, IDX or CSV files. Pack a folder per class, or the arrays.");
}

/** Names of the files in an archive that belong to a format. */
export function belongsTo(format: ReadableFormat, name: string): boolean {
  return ARCHIVE_FORMATS.some((one) => one.format === format && one.name.test(name)) && !isLitter(name);
}
