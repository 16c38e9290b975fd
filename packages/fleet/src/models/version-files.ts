import { FleetError, fileNameSchema } from "@flotilla/protocol";

/** A file of a version to be: an upload's name, and where its bytes are. */
export type UploadedFile = { filename: string; sha256: string; sizeBytes: number };
export type PlannedFile = { name: string; role: "model" | "external_data"; sha256: string; sizeBytes: number };

/** As many as a build's manifest can name. */
const MAX_FILES = 64;
const MAX_NAME_CHARACTERS = 128;

/**
 * The name under which a file lies on workers and devices: the last part of what the sender called it, with everything
 * that is not a letter, digit, ".", "_" or "-" replaced, and never beginning with "." or "-".
 */
export function safeFileName(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? "";
  const clean = last
    .replaceAll(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^[.-]+/, (dots) => "_".repeat(dots.length));
  const name = clean.length <= MAX_NAME_CHARACTERS ? clean : shorten(clean);
  return fileNameSchema.safeParse(name).success ? name : "model.onnx";
}

/**
 * Decides which of the files is the model: the only `*.onnx`, or the only file at all. The others hold its external data.
 * `bad_request` when that is not clear, when two names are the same on some file system, or when there are too many.
 */
export function planFiles(files: readonly UploadedFile[]): PlannedFile[] {
  if (files.length === 0) throw new FleetError("bad_request", { public: "A version needs at least one file." });
  if (files.length > MAX_FILES) throw new FleetError("bad_request", { public: `A version has at most ${MAX_FILES} files, not ${files.length}.` });
  const named = files.map((file) => ({ ...file, name: safeFileName(file.filename) }));
  const seen = new Set<string>();
  for (const { name } of named) {
    // Windows and macOS devices do not tell "A.onnx" from "a.onnx".
    if (seen.has(name.toLowerCase())) throw new FleetError("bad_request", { public: `Two files are called ${name}. Files of one version need different names.` });
    seen.add(name.toLowerCase());
  }
  const model = modelAmong(named);
  return named.map(({ name, sha256, sizeBytes }) => ({ name, role: name === model ? "model" : "external_data", sha256, sizeBytes }));
}

function modelAmong(files: readonly { name: string }[]): string {
  const onnx = files.filter((file) => /\.onnx$/i.test(file.name));
  const [only] = onnx.length > 0 ? onnx : files;
  if (only !== undefined && (onnx.length === 1 || files.length === 1)) return only.name;
  throw new FleetError("bad_request", {
    public:
      onnx.length > 1
        ? `There are ${onnx.length} files ending in .onnx (${onnx.map((f) => f.name).slice(0, 3).join(", ")}). A version has exactly one model file; upload the others as versions of their own.`
        : "None of the files ends in .onnx, so it is not clear which one is the model.",
  });
}

/** Cut in the middle, so that the ending stays. */
function shorten(name: string): string {
  const dot = name.lastIndexOf(".");
  const ending = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : "";
  return name.slice(0, MAX_NAME_CHARACTERS - ending.length) + ending;
}
