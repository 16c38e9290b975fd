import { ModelRefusal, quoteName } from "./model-refusal.ts";
import type { DataType } from "./onnx-fields.ts";
import { DATA_TYPES, ENTRY, SPARSE_TENSOR, TENSOR } from "./onnx-fields.ts";
import { CONSTANT_OUTPUT_ELEMENTS_MAX, TENSOR_ELEMENTS_MAX, TENSOR_RANK_MAX } from "./reader-limits.ts";
import type { Range, WireReader } from "./wire-reader.ts";
import { malformed, WIRE } from "./wire-reader.ts";

/** Elements up to which a constant's values are kept, to judge what operators make of them (shapes, trip counts). */
export const SMALL_CONSTANT_ELEMENTS = 32;

export type ExternalReference = { readonly location: string; readonly offset: number; readonly length: number };

/** What the reader knows of one tensor; its payload was jumped over. */
export type TensorFacts = {
  readonly nameRange: Range | null;
  readonly typeName: string;
  readonly elements: number;
  readonly sizeBytes: number;
  /** The values of small numeric tensors held in the file. */
  readonly values: readonly number[] | null;
  readonly external: ExternalReference | null;
};

/** Fields of one TensorProto as they come; the order on the wire is not fixed. */
type Collected = {
  readonly dims: number[];
  typeCode: number;
  nameRange: Range | null;
  raw: Range | null;
  isExternal: boolean;
  hasSegment: boolean;
  readonly externalEntries: Map<string, string>;
  /** Number of entries in each typed field. */
  readonly typed: { float: number; int32: number; int64: number; uint64: number; double: number; string: number };
  stringBytes: number;
  readonly integers: number[];
  readonly fixed: { readonly range: Range; readonly bytesEach: 4 | 8 }[];
};

/** Reads one TensorProto and holds its shape against the bytes that are really there. */
export async function readTensor(reader: WireReader, range: Range): Promise<TensorFacts> {
  const found = await collect(reader, range);
  const label = () => (found.nameRange === null ? "a tensor" : `tensor "${quoteName(reader.decode(found.nameRange))}"`);
  const type = DATA_TYPES.get(found.typeCode);
  if (type === undefined) throw malformed(`${label()} of the unknown element type ${found.typeCode}`);
  const elements = countElements(found.dims, label);
  if (found.hasSegment) throw malformed(`${label()} cut into segments, which ONNX Runtime does not read`);
  const sizeBytes = type.field === "string" ? found.stringBytes : Math.ceil((elements * type.bits) / 8);
  const external = found.isExternal ? externalReference(found, type, sizeBytes, label) : null;
  if (external === null) checkPayload(found, type, elements, sizeBytes, label);
  const values = external === null && elements <= SMALL_CONSTANT_ELEMENTS ? smallValues(reader, found, type) : null;
  return { nameRange: found.nameRange, typeName: type.name, elements, sizeBytes, values, external };
}

/** Reads one SparseTensorProto; the runtime makes it dense, so its dense size is bounded like any other constant output. */
export async function readSparseTensor(reader: WireReader, range: Range): Promise<TensorFacts[]> {
  const dims: number[] = [];
  const parts: TensorFacts[] = [];
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === SPARSE_TENSOR.dims) await collectDims(reader, dims);
    else if (reader.field === SPARSE_TENSOR.values || reader.field === SPARSE_TENSOR.indices) {
      parts.push(await readTensor(reader, reader.range()));
      if (parts.length > 2) throw malformed("a sparse tensor with too many parts");
    }
  }
  reader.exit(range);
  const elements = countElements(dims, () => "a sparse tensor");
  if (elements > CONSTANT_OUTPUT_ELEMENTS_MAX) {
    throw new ModelRefusal("computes_too_much", `a sparse tensor unfolds to ${elements} elements; ${CONSTANT_OUTPUT_ELEMENTS_MAX} are allowed`);
  }
  return parts;
}

async function collect(reader: WireReader, range: Range): Promise<Collected> {
  const found: Collected = {
    dims: [],
    typeCode: 0,
    nameRange: null,
    raw: null,
    isExternal: false,
    hasSegment: false,
    externalEntries: new Map(),
    typed: { float: 0, int32: 0, int64: 0, uint64: 0, double: 0, string: 0 },
    stringBytes: 0,
    integers: [],
    fixed: [],
  };
  const end = reader.enter(range);
  while (reader.next(end)) {
    await collectField(reader, found);
    if (reader.tired) await reader.rest();
  }
  reader.exit(range);
  return found;
}

async function collectField(reader: WireReader, found: Collected): Promise<void> {
  const { typed } = found;
  switch (reader.field) {
    case TENSOR.dims:
      await collectDims(reader, found.dims);
      break;
    case TENSOR.dataType:
      found.typeCode = reader.integer();
      break;
    case TENSOR.segment:
      found.hasSegment = true;
      break;
    case TENSOR.name:
      found.nameRange = reader.textRange("the name of a tensor");
      break;
    case TENSOR.rawData:
      found.raw = reader.range();
      break;
    case TENSOR.floatData:
      typed.float += collectFixed(reader, found, 4);
      break;
    case TENSOR.doubleData:
      typed.double += collectFixed(reader, found, 8);
      break;
    case TENSOR.int32Data:
      typed.int32 += await reader.countVarints(found.integers, SMALL_CONSTANT_ELEMENTS);
      break;
    case TENSOR.int64Data:
      typed.int64 += await reader.countVarints(found.integers, SMALL_CONSTANT_ELEMENTS);
      break;
    case TENSOR.uint64Data:
      typed.uint64 += await reader.countVarints(found.integers, SMALL_CONSTANT_ELEMENTS);
      break;
    case TENSOR.stringData: {
      const text = reader.textRange("a string in a tensor");
      typed.string += 1;
      found.stringBytes += text.end - text.start;
      break;
    }
    case TENSOR.externalData:
      collectEntry(reader, found.externalEntries);
      break;
    case TENSOR.dataLocation:
      found.isExternal = reader.integer() !== 0;
      break;
    default:
  }
}

async function collectDims(reader: WireReader, dims: number[]): Promise<void> {
  const kept: number[] = [];
  const count = await reader.countVarints(kept, TENSOR_RANK_MAX + 1);
  dims.push(...kept);
  if (count > kept.length || dims.length > TENSOR_RANK_MAX) throw malformed(`a tensor of more than ${TENSOR_RANK_MAX} dimensions`);
}

function collectFixed(reader: WireReader, found: Collected, bytesEach: 4 | 8): number {
  if (reader.wireType === WIRE.varint) throw malformed("whole numbers where fractions belong");
  const range = { start: reader.start, end: reader.end };
  const count = (range.end - range.start) / bytesEach;
  if (!Number.isInteger(count)) throw malformed("a tensor whose numbers are cut");
  if (found.fixed.length < SMALL_CONSTANT_ELEMENTS) found.fixed.push({ range, bytesEach });
  return count;
}

/** External data has about five keys; more than a handful are a trick. */
const EXTERNAL_ENTRIES_MAX = 16;

function collectEntry(reader: WireReader, entries: Map<string, string>): void {
  const range = reader.range();
  let key = "";
  let value = "";
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === ENTRY.key) key = reader.text("a key of external data");
    else if (reader.field === ENTRY.value) value = reader.text("a value of external data");
  }
  reader.exit(range);
  if (entries.size >= EXTERNAL_ENTRIES_MAX || entries.has(key)) throw malformed("a tensor with contradictory external data");
  entries.set(key, value);
}

/** Product of the dimensions; every factor and the product are bounded before they are multiplied out of range. */
function countElements(dims: readonly number[], label: () => string): number {
  let elements = 1;
  for (const dim of dims) {
    if (dim < 0) throw new ModelRefusal("negative_dimension", `${label()} has the negative dimension ${dim}`);
    elements *= dim;
    if (dim > TENSOR_ELEMENTS_MAX || elements > TENSOR_ELEMENTS_MAX) {
      throw new ModelRefusal("tensor_too_large", `${label()} claims ${dims.join(" × ")} elements; ${TENSOR_ELEMENTS_MAX} are allowed`);
    }
  }
  return elements;
}

function checkPayload(found: Collected, type: DataType, elements: number, sizeBytes: number, label: () => string): void {
  const typedFields = Object.entries(found.typed).filter(([, count]) => count > 0);
  const foreign = typedFields.find(([field]) => field !== type.field);
  if (foreign !== undefined) throw malformed(`${label()} of ${type.name} whose values are stored as ${foreign[0]}`);
  const typedCount = found.typed[type.field];
  if (found.raw !== null && (typedCount > 0 || type.field === "string")) throw malformed(`${label()} that stores its values twice`);
  if (found.raw !== null) {
    const present = found.raw.end - found.raw.start;
    if (present !== sizeBytes) {
      throw new ModelRefusal("tensor_size_mismatch", `${label()} needs ${sizeBytes} bytes for its shape but holds ${present}`);
    }
  } else if (typedCount !== Math.ceil(elements * type.entriesPerElement)) {
    throw new ModelRefusal("tensor_size_mismatch", `${label()} has ${elements} elements by its shape but holds ${typedCount} values`);
  }
}

function externalReference(found: Collected, type: DataType, sizeBytes: number, label: () => string): ExternalReference {
  if (type.field === "string") throw new ModelRefusal("external_data_invalid", `${label()} keeps text in an external file, which ONNX forbids`);
  if (found.raw !== null || Object.values(found.typed).some((count) => count > 0)) {
    throw new ModelRefusal("external_data_invalid", `${label()} holds values both in the model and in an external file`);
  }
  const number = (key: string, fallback: number): number => {
    const text = found.externalEntries.get(key);
    if (text === undefined || text === "") return fallback;
    const parsed = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(parsed)) throw new ModelRefusal("external_data_invalid", `${label()} has the ${key} "${quoteName(text)}" in its external file`);
    return parsed;
  };
  const length = number("length", sizeBytes);
  if (length !== sizeBytes) {
    throw new ModelRefusal("tensor_size_mismatch", `${label()} needs ${sizeBytes} bytes for its shape but its external data is ${length} bytes`);
  }
  return { location: found.externalEntries.get("location") ?? "", offset: number("offset", 0), length };
}

function smallValues(reader: WireReader, found: Collected, type: DataType): number[] | null {
  if (found.raw !== null) return decodeNumbers(reader.source.copy(found.raw.start, found.raw.end), type.name);
  if (found.fixed.length > 0) {
    const name = type.field === "double" ? "float64" : "float32";
    return found.fixed.flatMap(({ range }) => decodeNumbers(reader.source.copy(range.start, range.end), name) ?? []);
  }
  return type.field === "string" ? null : [...found.integers];
}

/** Little-endian numbers of the types that shapes, repeats and trip counts have; null for others. */
function decodeNumbers(bytes: Uint8Array, typeName: string): number[] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const each = (size: number, get: (offset: number) => number) =>
    Array.from({ length: bytes.byteLength / size }, (_, index) => get(index * size));
  switch (typeName) {
    case "float32":
      return each(4, (offset) => view.getFloat32(offset, true));
    case "float64":
      return each(8, (offset) => view.getFloat64(offset, true));
    case "int64":
      return each(8, (offset) => Number(view.getBigInt64(offset, true)));
    case "int32":
      return each(4, (offset) => view.getInt32(offset, true));
    case "int16":
      return each(2, (offset) => view.getInt16(offset, true));
    case "int8":
      return each(1, (offset) => view.getInt8(offset));
    case "bool":
    case "uint8":
      return each(1, (offset) => view.getUint8(offset));
    default:
      return null;
  }
}
