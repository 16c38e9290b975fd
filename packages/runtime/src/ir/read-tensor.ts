import { ModelRefusal, quoteName } from "../model-refusal.ts";
import type { DataType } from "../onnx-fields.ts";
import { DATA_TYPES, ENTRY, SPARSE_TENSOR, TENSOR } from "../onnx-fields.ts";
import { TENSOR_ELEMENTS_MAX, TENSOR_RANK_MAX } from "../reader-limits.ts";
import { elementCount } from "./element-layout.ts";
import type { OnnxSparseTensor, OnnxTensor } from "./types.ts";
import type { WireCursor } from "./wire-cursor.ts";
import { malformed } from "./wire-cursor.ts";

/** Files beside the model, by the location the model calls them. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/** What one walk over a TensorProto finds; entries of typed fields are only counted. */
type Found = {
  readonly tensor: OnnxTensor;
  readonly unknown: Uint8Array[];
  type: DataType | null;
  raw: Uint8Array | null;
  isExternal: boolean;
  readonly entries: [string, string][];
  readonly counts: Map<DataType["field"], number>;
};

/** Reads the TensorProto that `parent` stands on. Values come out as `raw_data` has them, whichever field held them. */
export function readTensor(parent: WireCursor, files: ExternalFiles): OnnxTensor {
  const found = walk(parent.message());
  const { tensor, type } = found;
  const label = () => (tensor.name === "" ? "a tensor" : `tensor "${quoteName(tensor.name)}"`);
  if (type === null) throw malformed(`${label()} of an unknown element type`);
  tensor.elementType = type.name;
  tensor.unknownFields = found.unknown;
  const elements = checkedElements(tensor.dims, label);
  if (found.isExternal) {
    tensor.data = externalBytes(found, type, elements, files, label);
    return tensor;
  }
  const typed = [...found.counts].filter(([, count]) => count > 0);
  if (typed.some(([field]) => field !== type.field)) throw malformed(`${label()} whose values are stored as another type`);
  const entries = typed[0]?.[1] ?? 0;
  if (found.raw !== null) {
    if (entries > 0 || type.field === "string") throw malformed(`${label()} that stores its values twice`);
    tensor.data = sized(found.raw, type, elements, label);
  } else {
    if (entries !== Math.ceil(elements * type.entriesPerElement)) {
      throw new ModelRefusal("tensor_size_mismatch", `${label()} has ${elements} elements by its shape but holds ${entries} values`);
    }
    tensor.data = type.field === "string" ? readStrings(parent.message()) : typedBytes(parent.message(), type, elements);
  }
  return tensor;
}

/** Reads the SparseTensorProto that `parent` stands on. */
export function readSparseTensor(parent: WireCursor, files: ExternalFiles): OnnxSparseTensor {
  const cursor = parent.message();
  const unknown: Uint8Array[] = [];
  const dims: number[] = [];
  let values: OnnxTensor | null = null;
  let indices: OnnxTensor | null = null;
  while (cursor.next()) {
    if (cursor.field === SPARSE_TENSOR.values && values === null) values = readTensor(cursor, files);
    else if (cursor.field === SPARSE_TENSOR.indices && indices === null) indices = readTensor(cursor, files);
    else if (cursor.field === SPARSE_TENSOR.dims) cursor.integersInto(dims);
    else if (cursor.field <= SPARSE_TENSOR.dims) throw malformed("a sparse tensor with two sets of values");
    else unknown.push(cursor.whole());
  }
  if (values === null || indices === null) throw malformed("a sparse tensor without values or places");
  checkedElements(dims, () => "a sparse tensor");
  return { values, indices, dims, unknownFields: unknown };
}

/** Reads a StringStringEntryProto onto the list; an entry with more in it than a key and a value goes to `unknown` whole. */
export function readEntry(parent: WireCursor, into: [string, string][], unknown: Uint8Array[]): void {
  const cursor = parent.message();
  let key = "";
  let value = "";
  while (cursor.next()) {
    if (cursor.field === ENTRY.key) key = cursor.text();
    else if (cursor.field === ENTRY.value) value = cursor.text();
    else {
      unknown.push(parent.whole());
      return;
    }
  }
  into.push([key, value]);
}

function walk(cursor: WireCursor): Found {
  const tensor: OnnxTensor = { name: "", elementType: "", dims: [], data: new Uint8Array(0), docString: "", external: null, metadata: [], unknownFields: [] };
  const found: Found = { tensor, unknown: [], type: null, raw: null, isExternal: false, entries: [], counts: new Map() };
  while (cursor.next()) readField(cursor, found);
  return found;
}

function readField(cursor: WireCursor, found: Found): void {
  const { tensor, counts } = found;
  const count = (field: DataType["field"], entries: number) => counts.set(field, (counts.get(field) ?? 0) + entries);
  const countVarints = (field: DataType["field"]) => {
    let entries = 0;
    cursor.eachVarint(() => (entries += 1));
    count(field, entries);
  };
  switch (cursor.field) {
    case TENSOR.dims:
      return cursor.integersInto(tensor.dims);
    case TENSOR.dataType:
      found.type = DATA_TYPES.get(cursor.integer()) ?? null;
      return;
    case TENSOR.segment:
      throw malformed("a tensor cut into segments, which ONNX Runtime does not read");
    case TENSOR.floatData:
      return void count("float", cursor.fixedBytes(4).byteLength / 4);
    case TENSOR.doubleData:
      return void count("double", cursor.fixedBytes(8).byteLength / 8);
    case TENSOR.int32Data:
      return countVarints("int32");
    case TENSOR.int64Data:
      return countVarints("int64");
    case TENSOR.uint64Data:
      return countVarints("uint64");
    case TENSOR.stringData:
      cursor.bytes();
      return void count("string", 1);
    case TENSOR.name:
      tensor.name = cursor.text();
      return;
    case TENSOR.rawData:
      found.raw = cursor.bytes();
      return;
    case TENSOR.docString:
      tensor.docString = cursor.text();
      return;
    case TENSOR.externalData:
      return readEntry(cursor, found.entries, found.unknown);
    case TENSOR.dataLocation:
      found.isExternal = cursor.integer() !== 0;
      return;
    case TENSOR.metadataProps:
      return readEntry(cursor, tensor.metadata, found.unknown);
    default:
      found.unknown.push(cursor.whole());
  }
}

function checkedElements(dims: readonly number[], label: () => string): number {
  if (dims.length > TENSOR_RANK_MAX) throw malformed(`${label()} of more than ${TENSOR_RANK_MAX} dimensions`);
  const negative = dims.find((dim) => dim < 0);
  if (negative !== undefined) throw new ModelRefusal("negative_dimension", `${label()} has the negative dimension ${negative}`);
  const elements = elementCount(dims);
  if (elements > TENSOR_ELEMENTS_MAX || dims.some((dim) => dim > TENSOR_ELEMENTS_MAX)) {
    throw new ModelRefusal("tensor_too_large", `${label()} claims ${dims.join(" × ")} elements; ${TENSOR_ELEMENTS_MAX} are allowed`);
  }
  return elements;
}

function sized(bytes: Uint8Array, type: DataType, elements: number, label: () => string): Uint8Array {
  const expected = Math.ceil((elements * type.bits) / 8);
  if (bytes.byteLength === expected) return bytes;
  throw new ModelRefusal("tensor_size_mismatch", `${label()} needs ${expected} bytes for its shape but holds ${bytes.byteLength}`);
}

function externalBytes(found: Found, type: DataType, elements: number, files: ExternalFiles, label: () => string): Uint8Array {
  if (type.field === "string") throw new ModelRefusal("external_data_invalid", `${label()} keeps text in an external file, which ONNX forbids`);
  if (found.raw !== null || found.counts.size > 0) {
    throw new ModelRefusal("external_data_invalid", `${label()} holds values both in the model and in an external file`);
  }
  const entries = new Map(found.entries);
  const location = entries.get("location") ?? "";
  const file = files.get(location);
  if (file === undefined) {
    throw new ModelRefusal("external_data_missing", `${label()} keeps its values in "${quoteName(location)}", which is not here`);
  }
  const number = (key: string, fallback: number): number => {
    const text = entries.get(key) ?? "";
    if (text === "") return fallback;
    if (!/^\d{1,15}$/.test(text)) throw new ModelRefusal("external_data_invalid", `${label()} has the ${key} "${quoteName(text)}" in its external file`);
    return Number(text);
  };
  const offset = number("offset", 0);
  const length = number("length", Math.ceil((elements * type.bits) / 8));
  if (offset + length > file.byteLength) {
    throw new ModelRefusal("external_data_out_of_range", `${label()} lies at ${offset} to ${offset + length} of "${quoteName(location)}", which has ${file.byteLength} bytes`);
  }
  found.tensor.external = { location, entries: found.entries };
  return sized(file.subarray(offset, offset + length), type, elements, label);
}

function readStrings(cursor: WireCursor): Uint8Array[] {
  const strings: Uint8Array[] = [];
  while (cursor.next()) if (cursor.field === TENSOR.stringData) strings.push(cursor.bytes());
  return strings;
}

/** The second walk: values of typed fields as little-endian elements. Their number has been checked. */
function typedBytes(cursor: WireCursor, type: DataType, elements: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((elements * type.bits) / 8));
  const view = new DataView(out.buffer);
  const width = Math.max(1, type.bits / 8);
  let at = 0;
  const put = (low: number, high: number) => {
    if (type.name === "bool") out[at] = low !== 0 || high !== 0 ? 1 : 0;
    else if (width === 1) out[at] = low;
    else if (width === 2) view.setUint16(at, low & 0xffff, true);
    else view.setUint32(at, low, true);
    if (width === 8) view.setUint32(at + 4, high, true);
    at += width;
  };
  while (cursor.next()) {
    if (cursor.field === TENSOR.floatData || cursor.field === TENSOR.doubleData) {
      const bytes = cursor.fixedBytes(cursor.field === TENSOR.floatData ? 4 : 8);
      out.set(bytes, at);
      at += bytes.byteLength;
    } else if (cursor.field === TENSOR.int32Data || cursor.field === TENSOR.int64Data || cursor.field === TENSOR.uint64Data) {
      cursor.eachVarint(put);
    }
  }
  return out;
}
