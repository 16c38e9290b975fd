import { DatasetRefusal, quoted } from "../dataset-refusal.ts";
import type { DatasetLimits } from "../limits.ts";
import type { RawDataset, RawExample } from "../raw-example.ts";
import { readArrayHeader } from "./array-header.ts";
import { labelsOf } from "./array-labels.ts";
import { type ArrayPair, pairIdx, pairNpy } from "./array-pairs.ts";
import { rowsOf } from "./array-rows.ts";
import type { ArraySource } from "./array-source.ts";
import { numberReader, type NumberType } from "./number-type.ts";
import type { ReaderContext } from "./reader-context.ts";

/** Whole-number planes at least this wide and high are taken for pictures. */
const LEAST_IMAGE_SIDE = 8;

/** IDX and NumPy arrays: the first dimension counts the examples. */
export async function readArrays(format: "idx" | "npy" | "npz", context: ReaderContext): Promise<RawDataset> {
  const arrays = await Promise.all(context.files.map((file) => readArrayHeader(file, format === "idx" ? "idx" : "npy", context.limits)));
  const pairs = format === "idx" ? pairIdx(arrays) : pairNpy(arrays, context.options);
  const used = new Set(pairs.flatMap(({ examples, labels }) => [examples, labels]));
  for (const array of arrays) if (!used.has(array)) context.defects.note("array_ignored", "Arrays that are neither examples nor labels were passed over.", array.file.name);
  const first = pairs[0]?.examples;
  if (!first) throw new DatasetRefusal("no_examples", "No array was found.");
  const form = exampleForm(first, context.limits);
  checkPairs(pairs, form, context.limits);
  const shape = form.kind === "image" ? [] : first.shape.slice(1);
  const areLabelsWhole = pairs.every(({ labels }) => labels !== null && (labels.type.kind === "uint" || labels.type.kind === "int" || labels.type.kind === "bool"));
  return {
    format,
    kind: form.kind,
    elementType: form.isBytes ? "uint8" : "float32",
    shape: shape.length === 0 && form.kind !== "image" ? [1] : shape,
    features: form.kind === "table" ? Array.from({ length: first.shape[1] ?? 1 }, (_, at) => `feature ${at}`) : null,
    sampleRateHz: null,
    areWholeLabelsClasses: areLabelsWhole,
    examples: readPairs(pairs, form, context),
  };
}

type Form = {
  readonly kind: "image" | "table" | "tensor";
  readonly isBytes: boolean;
  /** Of pictures. */
  readonly size?: { readonly width: number; readonly height: number; readonly channels: 1 | 3 };
  /** Planes one after the other, to be woven into pixels. */
  readonly isPlanar: boolean;
  readonly dimensions: string;
};

function exampleForm(array: ArraySource, limits: DatasetLimits): Form {
  const { type } = array;
  if (type.kind === "text") throw new DatasetRefusal("npy_type", `${quoted(array.file.name)} holds texts; examples are numbers. Name the arrays x and y, or say which is which with xKey and yKey.`);
  const shape = array.shape.slice(1);
  const isBytes = type.bytes === 1 && type.kind !== "int";
  const size = isBytes && type.kind === "uint" ? imageSize(shape) : null;
  const dimensions = shape.join("×");
  if (size) return { kind: "image", isBytes, size: size.size, isPlanar: size.isPlanar, dimensions };
  return { kind: shape.length <= 1 && (shape[0] ?? 1) <= limits.tableColumns ? "table" : "tensor", isBytes, isPlanar: false, dimensions };
}

function imageSize(shape: readonly number[]): { size: NonNullable<Form["size"]>; isPlanar: boolean } | null {
  const [first = 0, second = 0, third] = shape;
  const isPicture = (height: number, width: number): boolean => height >= LEAST_IMAGE_SIDE && width >= LEAST_IMAGE_SIDE;
  if (shape.length === 2 && isPicture(first, second)) return { size: { height: first, width: second, channels: 1 }, isPlanar: false };
  if (shape.length !== 3 || third === undefined) return null;
  if ((third === 1 || third === 3) && isPicture(first, second)) return { size: { height: first, width: second, channels: third }, isPlanar: false };
  if ((first === 1 || first === 3) && isPicture(second, third)) return { size: { height: second, width: third, channels: first }, isPlanar: first === 3 };
  return null;
}

function checkPairs(pairs: readonly ArrayPair[], form: Form, limits: DatasetLimits): void {
  for (const { examples, labels } of pairs) {
    const own = exampleForm(examples, limits);
    if (own.dimensions !== form.dimensions || own.isBytes !== form.isBytes) {
      throw new DatasetRefusal("count_mismatch", `The arrays of examples differ: ${form.dimensions} and ${own.dimensions}${own.isBytes === form.isBytes ? "" : ", of different types"}. Give all the same shape and type.`);
    }
    if (labels && labels.shape[0] !== examples.shape[0]) {
      throw new DatasetRefusal(
        "count_mismatch",
        `${quoted(examples.file.name)} holds ${examples.shape[0]} examples, ${quoted(labels.file.name)} ${labels.shape[0]} labels. Upload files that belong together.`,
      );
    }
  }
}

async function* readPairs(pairs: readonly ArrayPair[], form: Form, context: ReaderContext): AsyncIterable<RawExample> {
  for (const { examples, labels, split } of pairs) {
    if (examples.type.kind === "text") continue;
    const labelStream = labels ? labelsOf(labels, context)[Symbol.asyncIterator]() : null;
    const encode = payloadEncoder(form, examples.type);
    const total = examples.shape[0] ?? 0;
    let index = 0;
    try {
      for await (const row of rowsOf(examples, context)) {
        const label = labelStream ? await labelStream.next() : null;
        const value = label === null || label.done === true ? null : label.value;
        const id = `${split === null ? "" : `${split}/`}${index}`;
        index += 1;
        const payload = encode(row);
        if (payload === null || (typeof value === "number" && !Number.isFinite(value))) {
          context.defects.leaveOut("value_not_finite", "Examples with NaN or infinity in them are left out; replace these numbers before the upload.", `${examples.file.name}[${index - 1}]`, total);
          continue;
        }
        yield { id, payload, encoding: "raw", ...(form.size ? { size: form.size } : {}), label: value, split, group: null };
      }
      // Lets the label file be checked to its end.
      await labelStream?.next();
    } finally {
      await labelStream?.return?.();
    }
  }
}

/** Bytes as stored, or null when a number is not finite. */
function payloadEncoder(form: Form, type: NumberType): (row: Uint8Array) => Uint8Array | null {
  if (form.isPlanar) return interleaved;
  if (form.isBytes) return type.kind === "bool" ? (row) => row.map((value) => (value === 0 ? 0 : 1)) : (row) => row;
  const read = numberReader(type);
  return (row) => {
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
    const count = row.byteLength / type.bytes;
    const payload = new DataView(new ArrayBuffer(count * 4));
    for (let at = 0; at < count; at += 1) {
      const value = Math.fround(read(view, at * type.bytes));
      if (!Number.isFinite(value)) return null;
      payload.setFloat32(at * 4, value, true);
    }
    return new Uint8Array(payload.buffer);
  };
}

/** Three planes to pixels. */
function interleaved(planes: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(planes.length);
  const plane = planes.length / 3;
  for (let at = 0; at < plane; at += 1) for (let channel = 0; channel < 3; channel += 1) pixels[at * 3 + channel] = planes[channel * plane + at] ?? 0;
  return pixels;
}
