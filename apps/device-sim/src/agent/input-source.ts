import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { concreteShape, syntheticFeeds, type ElementType, type Tensor, type TensorData, type Tensors, type TensorSpec } from "@flotilla/runtime";
import { ModelFailure, type InputSpec } from "./model.ts";

/** Inputs for one model, one after the other, for ever. */
export type InputSource = { next(): Promise<Tensors> };

/** Different synthetic inputs are worth having, but not worth much memory. */
const SYNTHETIC_SETS = 8;
const SYNTHETIC_BYTES = 8 * 2 ** 20;
const FOLDER_FILES_MAX = 10_000;
const FILE_BYTES_MAX = 256 * 2 ** 20;

/** The source for a model's inputs. `next` rejects with `ModelFailure` "input" when a file does not fit. */
export async function createInputSource(spec: InputSpec, inputs: readonly TensorSpec[]): Promise<InputSource> {
  return spec.kind === "synthetic" ? syntheticSource(inputs, spec.seed) : await folderSource(spec.dir, inputs);
}

function syntheticSource(inputs: readonly TensorSpec[], seed: number): InputSource {
  const sets: Tensors[] = [];
  let at = 0;
  let room = SYNTHETIC_BYTES;
  return {
    async next() {
      if (sets.length < SYNTHETIC_SETS && (sets.length === 0 || room > 0)) {
        const fresh = syntheticFeeds(inputs, seed + sets.length);
        room -= Object.values(fresh).reduce((sum, tensor) => sum + byteLength(tensor.data), 0);
        sets.push(fresh);
        return fresh;
      }
      at = (at + 1) % sets.length;
      return sets[at] ?? {};
    },
  };
}

function byteLength(data: TensorData): number {
  return ArrayBuffer.isView(data) ? data.byteLength : data.length * 8;
}

async function folderSource(dir: string, inputs: readonly TensorSpec[]): Promise<InputSource> {
  const [input, ...others] = inputs;
  let at = -1;
  const names = await readdir(dir).then(
    (all) => all.filter((name) => /\.(bin|npy)$/.test(name)).toSorted().slice(0, FOLDER_FILES_MAX),
    (error: unknown) => new ModelFailure("input", `the input folder cannot be read: ${String(error)}`),
  );
  return {
    async next() {
      if (names instanceof ModelFailure) throw names;
      if (input === undefined || others.length > 0) throw new ModelFailure("input", `files can feed a model with one input; this one has ${inputs.length}`);
      if (names.length === 0) throw new ModelFailure("input", `no .bin or .npy file in ${dir}`);
      at = (at + 1) % names.length;
      const name = names[at] ?? "";
      return { [input.name]: readTensorFile(name, await readBounded(join(dir, name)), input) };
    },
  };
}

async function readBounded(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new ModelFailure("input", `${path} cannot be read: ${String(error)}`);
  }
  if (bytes.length > FILE_BYTES_MAX) throw new ModelFailure("input", `${path} is larger than ${FILE_BYTES_MAX} bytes`);
  return bytes;
}

/**
 * A tensor from a file: `.bin` is the raw little-endian elements of the input's type, `.npy` is NumPy's format in the same type.
 * Throws `ModelFailure` "input" when type, order or size do not fit the input.
 */
export function readTensorFile(name: string, bytes: Uint8Array, spec: TensorSpec): Tensor {
  const shape = concreteShape(spec.shape);
  const payload = name.endsWith(".npy") ? npyPayload(name, bytes, spec.elementType) : bytes;
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const maker = ARRAYS[spec.elementType];
  if (maker === undefined) throw new ModelFailure("input", `files cannot feed inputs of type ${spec.elementType}`);
  if (payload.length !== elements * maker.bytes) {
    throw new ModelFailure("input", `${name} holds ${payload.length} bytes, input "${spec.name}" of shape ${shape.join(" × ")} takes ${elements * maker.bytes}`);
  }
  const aligned = new Uint8Array(payload);
  return { elementType: spec.elementType, shape, data: maker.make(aligned.buffer, elements) };
}

type ArrayMaker = { readonly bytes: number; readonly numpy: string; make(buffer: ArrayBuffer, length: number): TensorData };

const ARRAYS: Partial<Record<ElementType, ArrayMaker>> = {
  float32: { bytes: 4, numpy: "<f4", make: (b, n) => new Float32Array(b, 0, n) },
  float64: { bytes: 8, numpy: "<f8", make: (b, n) => new Float64Array(b, 0, n) },
  float16: { bytes: 2, numpy: "<f2", make: (b, n) => new Uint16Array(b, 0, n) },
  int8: { bytes: 1, numpy: "|i1", make: (b, n) => new Int8Array(b, 0, n) },
  uint8: { bytes: 1, numpy: "|u1", make: (b, n) => new Uint8Array(b, 0, n) },
  bool: { bytes: 1, numpy: "|b1", make: (b, n) => new Uint8Array(b, 0, n) },
  int16: { bytes: 2, numpy: "<i2", make: (b, n) => new Int16Array(b, 0, n) },
  uint16: { bytes: 2, numpy: "<u2", make: (b, n) => new Uint16Array(b, 0, n) },
  int32: { bytes: 4, numpy: "<i4", make: (b, n) => new Int32Array(b, 0, n) },
  uint32: { bytes: 4, numpy: "<u4", make: (b, n) => new Uint32Array(b, 0, n) },
  int64: { bytes: 8, numpy: "<i8", make: (b, n) => new BigInt64Array(b, 0, n) },
  uint64: { bytes: 8, numpy: "<u8", make: (b, n) => new BigUint64Array(b, 0, n) },
};

const NPY_MAGIC = "\u0093NUMPY";

/** The data behind a .npy header (format 1 to 3). */
function npyPayload(name: string, bytes: Uint8Array, elementType: ElementType): Uint8Array {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 12 || view.toString("latin1", 0, 6) !== NPY_MAGIC) throw new ModelFailure("input", `${name} is not a .npy file`);
  const major = view.readUInt8(6);
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.readUInt16LE(8) : view.readUInt32LE(8);
  if (start + length > view.length) throw new ModelFailure("input", `${name} is cut`);
  const header = view.toString("latin1", start, start + length);
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  if (!header.includes("'fortran_order': False")) throw new ModelFailure("input", `${name} is in Fortran order; save it in C order`);
  const wanted = ARRAYS[elementType]?.numpy;
  if (descr !== wanted) throw new ModelFailure("input", `${name} holds ${descr ?? "an unknown type"}, the model takes ${wanted ?? elementType}`);
  return bytes.subarray(start + length);
}
