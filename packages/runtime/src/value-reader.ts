import { DATA_TYPES, DIMENSION, MAP_TYPE, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "./onnx-fields.ts";
import { TENSOR_RANK_MAX } from "./reader-limits.ts";
import type { ValueSummary } from "./types.ts";
import type { Range, WireReader } from "./wire-reader.ts";
import { malformed } from "./wire-reader.ts";

type ReadType = { readonly text: string; readonly shape: readonly (number | string)[] | null };

const UNKNOWN_TYPE: ReadType = { text: "unknown", shape: null };

/** Reads one ValueInfoProto: the name and type of an input or output. */
export function readValueInfo(reader: WireReader, range: Range): ValueSummary {
  let name = "";
  let type = UNKNOWN_TYPE;
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === VALUE_INFO.name) name = reader.text("the name of an input or output");
    else if (reader.field === VALUE_INFO.type) type = readType(reader, reader.range());
  }
  reader.exit(range);
  return { name, elementType: type.text, shape: type.shape };
}

/** Reads only the name, for values of inner graphs. */
export function readValueName(reader: WireReader, range: Range): string {
  let name = "";
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === VALUE_INFO.name) name = reader.text("the name of a value");
  }
  reader.exit(range);
  return name;
}

function readType(reader: WireReader, range: Range): ReadType {
  let type = UNKNOWN_TYPE;
  const end = reader.enter(range);
  while (reader.next(end)) {
    switch (reader.field) {
      case TYPE.tensor:
        type = readTensorType(reader, reader.range());
        break;
      case TYPE.sparseTensor:
        type = { text: `sparse(${readTensorType(reader, reader.range()).text})`, shape: [] };
        break;
      case TYPE.sequence:
        type = { text: `sequence(${readElementType(reader, reader.range())})`, shape: [] };
        break;
      case TYPE.optional:
        type = { text: `optional(${readElementType(reader, reader.range())})`, shape: [] };
        break;
      case TYPE.map:
        type = { text: readMapType(reader, reader.range()), shape: [] };
        break;
      case TYPE.opaque:
        type = { text: "opaque", shape: [] };
        break;
      default:
    }
  }
  reader.exit(range);
  return type;
}

function readTensorType(reader: WireReader, range: Range): ReadType {
  let text = "unknown";
  let shape: (number | string)[] | null = null;
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === TENSOR_TYPE.elementType) text = DATA_TYPES.get(reader.integer())?.name ?? "unknown";
    else if (reader.field === TENSOR_TYPE.shape) shape = readShape(reader, reader.range());
  }
  reader.exit(range);
  return { text, shape };
}

/** Sequences and optionals have the same layout: field 1 is the type of their elements. */
function readElementType(reader: WireReader, range: Range): string {
  let text = "unknown";
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === 1) text = readType(reader, reader.range()).text;
  }
  reader.exit(range);
  return text;
}

function readMapType(reader: WireReader, range: Range): string {
  let key = "unknown";
  let value = "unknown";
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === MAP_TYPE.keyType) key = DATA_TYPES.get(reader.integer())?.name ?? "unknown";
    else if (reader.field === MAP_TYPE.valueType) value = readType(reader, reader.range()).text;
  }
  reader.exit(range);
  return `map(${key},${value})`;
}

function readShape(reader: WireReader, range: Range): (number | string)[] {
  const shape: (number | string)[] = [];
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field !== SHAPE.dim) continue;
    shape.push(readDimension(reader, reader.range()));
    if (shape.length > TENSOR_RANK_MAX) throw malformed(`an input or output of more than ${TENSOR_RANK_MAX} dimensions`);
  }
  reader.exit(range);
  return shape;
}

/** A number, a name, or "" for a dimension left open; some exporters write -1 for "open". */
function readDimension(reader: WireReader, range: Range): number | string {
  let dimension: number | string = "";
  const end = reader.enter(range);
  while (reader.next(end)) {
    if (reader.field === DIMENSION.value) dimension = reader.integer() < 0 ? "" : reader.value;
    else if (reader.field === DIMENSION.param) dimension = reader.text("the name of a dimension");
  }
  reader.exit(range);
  return dimension;
}
