import { DATA_TYPES, DIMENSION, ELEMENT_TYPE, MAP_TYPE, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO } from "../onnx-fields.ts";
import { readEntry } from "./read-tensor.ts";
import type { OnnxDimension, OnnxType, OnnxValueInfo } from "./types.ts";
import type { WireCursor } from "./wire-cursor.ts";
import { malformed } from "./wire-cursor.ts";

/** Reads the ValueInfoProto that `parent` stands on. */
export function readValueInfo(parent: WireCursor): OnnxValueInfo {
  const cursor = parent.message();
  const unknown: Uint8Array[] = [];
  const value: OnnxValueInfo = { name: "", type: null, docString: "", metadata: [], unknownFields: unknown };
  while (cursor.next()) {
    if (cursor.field === VALUE_INFO.name) value.name = cursor.text();
    else if (cursor.field === VALUE_INFO.docString) value.docString = cursor.text();
    else if (cursor.field === VALUE_INFO.metadataProps) readEntry(cursor, value.metadata, unknown);
    else if (cursor.field === VALUE_INFO.type) {
      if (value.type !== null) throw malformed("a value with two types");
      value.type = readType(cursor);
    } else unknown.push(cursor.whole());
  }
  return value;
}

/** Reads the TypeProto that `parent` stands on. What `OnnxType` cannot say in full is kept as bytes. */
export function readType(parent: WireCursor): OnnxType {
  const cursor = parent.message();
  const fields: Uint8Array[] = [];
  let denotation = "";
  let known: OnnxType | null = null;
  while (cursor.next()) {
    if (cursor.field === TYPE.denotation) {
      denotation = cursor.text();
      continue;
    }
    fields.push(cursor.whole());
    known = fields.length === 1 ? readKind(cursor) : null;
  }
  if (known === null) return { kind: "other", bytes: new Uint8Array(Buffer.concat(fields)), denotation };
  known.denotation = denotation;
  return known;
}

function readKind(cursor: WireCursor): OnnxType | null {
  switch (cursor.field) {
    case TYPE.tensor:
      return readTensorType(cursor.message(), "tensor");
    case TYPE.sparseTensor:
      return readTensorType(cursor.message(), "sparse");
    case TYPE.sequence:
      return readElementType(cursor.message(), "sequence");
    case TYPE.optional:
      return readElementType(cursor.message(), "optional");
    case TYPE.map:
      return readMapType(cursor.message());
    default:
      return null;
  }
}

/** Code 0: the file says it is a tensor but not of what. */
const UNDEFINED = "undefined";

function elementName(code: number): string | null {
  return code === 0 ? UNDEFINED : (DATA_TYPES.get(code)?.name ?? null);
}

function readTensorType(cursor: WireCursor, kind: "tensor" | "sparse"): OnnxType | null {
  let elementType: string | null = UNDEFINED;
  let shape: OnnxDimension[] | null = null;
  while (cursor.next()) {
    if (cursor.field === TENSOR_TYPE.elementType) elementType = elementName(cursor.integer());
    else if (cursor.field === TENSOR_TYPE.shape && shape === null) {
      shape = readShape(cursor.message());
      if (shape === null) return null;
    } else return null;
  }
  return elementType === null ? null : { kind, elementType, shape, denotation: "" };
}

function readShape(cursor: WireCursor): OnnxDimension[] | null {
  const shape: OnnxDimension[] = [];
  while (cursor.next()) {
    const dimension = cursor.field === SHAPE.dim ? readDimension(cursor.message()) : null;
    if (dimension === null) return null;
    shape.push(dimension);
  }
  return shape;
}

function readDimension(cursor: WireCursor): OnnxDimension | null {
  let dimension: OnnxDimension = { kind: "unknown", denotation: "" };
  let denotation = "";
  while (cursor.next()) {
    if (cursor.field === DIMENSION.value) dimension = { kind: "value", value: cursor.integer(), denotation: "" };
    else if (cursor.field === DIMENSION.param) dimension = { kind: "param", param: cursor.text(), denotation: "" };
    else if (cursor.field === DIMENSION.denotation) denotation = cursor.text();
    else return null;
  }
  dimension.denotation = denotation;
  return dimension;
}

function readElementType(cursor: WireCursor, kind: "sequence" | "optional"): OnnxType | null {
  let element: OnnxType | null = null;
  while (cursor.next()) {
    if (cursor.field !== ELEMENT_TYPE.elementType || element !== null) return null;
    element = readType(cursor);
  }
  return element === null ? null : { kind, element, denotation: "" };
}

function readMapType(cursor: WireCursor): OnnxType | null {
  let keyType: string | null = null;
  let value: OnnxType | null = null;
  while (cursor.next()) {
    if (cursor.field === MAP_TYPE.keyType) keyType = elementName(cursor.integer());
    else if (cursor.field === MAP_TYPE.valueType && value === null) value = readType(cursor);
    else return null;
  }
  return keyType === null || value === null ? null : { kind: "map", keyType, value, denotation: "" };
}
