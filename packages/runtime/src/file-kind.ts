import type { ByteSource } from "./byte-source.ts";
import type { RefusalCode } from "./model-refusal.ts";
import { ModelRefusal } from "./model-refusal.ts";

const HEAD_BYTES = 4_096;
/** The directory of a ZIP file stands at its end. */
const TAIL_BYTES = 65_536;

const TORCH_EXPORT = 'export it in Python with torch.onnx.export(model, example_input, "model.onnx", external_data=False)';
const KERAS_EXPORT = "export it with tf2onnx (python -m tf2onnx.convert --keras model.h5 --output model.onnx) or model.export(\"model.onnx\", format=\"onnx\")";

type Kind = { readonly code: RefusalCode; readonly reason: string };
type Signature = Kind & { readonly matches: (head: Uint8Array, text: string) => boolean };

/** Known files that are not ONNX, by content; names lie. Ordered: the first match names the file. */
const SIGNATURES: readonly Signature[] = [
  {
    matches: (head) => startsWith(head, [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
    code: "keras_hdf5",
    reason: `not an ONNX file: it is an HDF5/Keras file; ${KERAS_EXPORT}`,
  },
  {
    matches: (_, text) => text.slice(4, 8) === "ORTM",
    code: "ort_format",
    reason: "not an ONNX file: it is in ONNX Runtime's own .ort format, which cannot be checked; upload the .onnx file it was made from",
  },
  {
    matches: (_, text) => text.slice(4, 8) === "TFL3",
    code: "tflite",
    reason: "not an ONNX file: it is a TensorFlow Lite file; convert it with python -m tf2onnx.convert --tflite model.tflite --output model.onnx",
  },
  {
    matches: (head, text) => (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5) || isTextPickle(text),
    code: "pickle",
    reason: `not an ONNX file: it is a Python pickle, which could run code when opened; if it is a PyTorch model, ${TORCH_EXPORT}; for scikit-learn use skl2onnx`,
  },
  { matches: (_, text) => /^\s*(<!doctype html|<html|<head|<\?xml)/i.test(text), code: "html_page", reason: "not an ONNX file: it is a web page; the download probably failed or needs a sign-in" },
  {
    matches: (_, text) => text.startsWith("version https://git-lfs.github.com/spec/"),
    code: "not_onnx",
    reason: "not an ONNX file: it is a Git LFS pointer; run git lfs pull to get the model itself",
  },
  { matches: (_, text) => text.startsWith("GGUF"), code: "not_onnx", reason: "not an ONNX file: it is a GGUF file (llama.cpp); export the original model to ONNX" },
  { matches: (_, text) => /^.{8}\{"/s.test(text), code: "not_onnx", reason: `not an ONNX file: it is a safetensors file, which holds weights but no network; load them into the model and ${TORCH_EXPORT}` },
  { matches: (head) => startsWith(head, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]), code: "not_onnx", reason: "not an ONNX file: it is a NumPy array" },
  { matches: (head) => startsWith(head, [0x1f, 0x8b]), code: "not_onnx", reason: "not an ONNX file: it is compressed with gzip; unpack it first" },
  { matches: (head) => startsWith(head, [0x7f, 0x45, 0x4c, 0x46]) || startsWith(head, [0x4d, 0x5a]), code: "not_onnx", reason: "not an ONNX file: it is a program or shared library, which is never accepted" },
  { matches: (_, text) => /^\s*[[{]\s*["\]}[{]/.test(text), code: "not_onnx", reason: "not an ONNX file: it is a JSON text" },
  {
    matches: (head) => startsWith(head, [0x08, 0x01, 0x12]) || (head[0] === 0x0a && head.includes(0x12)),
    code: "not_onnx",
    reason: "not an ONNX file: it looks like a TensorFlow graph; convert it with python -m tf2onnx.convert --saved-model DIR --output model.onnx",
  },
];

/** Refuses files that are plainly something else, saying what they are and how to get an ONNX file from them. */
export function refuseOtherKinds(source: ByteSource): void {
  if (source.sizeBytes === 0) throw new ModelRefusal("empty_file", "the file is empty");
  const head = source.copy(0, Math.min(HEAD_BYTES, source.sizeBytes));
  const text = latin1(head);
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04]) || startsWith(head, [0x50, 0x4b, 0x05, 0x06])) throw refuse(zipKind(source, text));
  if (head.every((byte) => byte === 0)) {
    throw new ModelRefusal("not_onnx", "not an ONNX file: it begins with nothing but zeros; the upload or a copy before it was probably broken off");
  }
  const kind = SIGNATURES.find((signature) => signature.matches(head, text));
  if (kind !== undefined) throw refuse(kind);
}

function refuse(kind: Kind): ModelRefusal {
  return new ModelRefusal(kind.code, kind.reason);
}

function zipKind(source: ByteSource, headText: string): Kind {
  const tail = latin1(source.copy(Math.max(0, source.sizeBytes - TAIL_BYTES), source.sizeBytes));
  const names = headText + tail;
  if (/data\.pkl|constants\.pkl/.test(names)) {
    return { code: "pytorch_archive", reason: `not an ONNX file: it is a PyTorch file, which could run code when opened; ${TORCH_EXPORT}` };
  }
  if (/model\.weights\.h5|keras/i.test(names) && names.includes("config.json")) {
    return { code: "keras_archive", reason: `not an ONNX file: it is a Keras archive; ${KERAS_EXPORT}` };
  }
  return { code: "zip_archive", reason: "not an ONNX file: it is a ZIP archive; unpack it and upload the .onnx file, with its data files if it has any" };
}

/** Pickle protocols 0 and 1 are text or nearly so. */
function isTextPickle(text: string): boolean {
  return /^(\((dp|lp|d|l)\d*\n|\(i?c?[\w.]+\n[\w.]+\n|c[\w.]+\n[\w.]+\n|[\]}]q.)/s.test(text);
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
