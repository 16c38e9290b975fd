import { dataTypeCode, DATA_TYPES, ENTRY, SPARSE_TENSOR, TENSOR } from "../onnx-fields.ts";
import type { WireWriter } from "../wire-writer.ts";
import type { OnnxSparseTensor, OnnxTensor, UnknownFields } from "./types.ts";

/** Takes the bytes of a tensor that lay in an external file and says where they lie now; null: they go into the model. */
export type ExternalPlacer = (tensor: OnnxTensor) => [string, string][] | null;

const CODES: ReadonlyMap<string, number> = new Map([...DATA_TYPES].map(([code, type]) => [type.name, code]));

/** `TensorProto.DataType` of an element type. Throws `RangeError` for a name ONNX does not have. */
export function elementCode(elementType: string): number {
  return elementType === "undefined" ? 0 : (CODES.get(elementType) ?? dataTypeCode(elementType));
}

/** Fields of a TensorProto; values always as `raw_data`, strings excepted. */
export function writeTensor(out: WireWriter, tensor: OnnxTensor, place: ExternalPlacer): void {
  for (const dim of tensor.dims) out.varint(TENSOR.dims, dim);
  out.varint(TENSOR.dataType, elementCode(tensor.elementType));
  const external = tensor.external === null ? null : place(tensor);
  if (Array.isArray(tensor.data)) for (const text of tensor.data) out.bytes(TENSOR.stringData, text);
  writeText(out, TENSOR.name, tensor.name);
  if (external === null && !Array.isArray(tensor.data)) out.bytes(TENSOR.rawData, tensor.data);
  writeText(out, TENSOR.docString, tensor.docString);
  if (external !== null) {
    writeEntries(out, TENSOR.externalData, external);
    out.varint(TENSOR.dataLocation, 1);
  }
  writeEntries(out, TENSOR.metadataProps, tensor.metadata);
  writeUnknown(out, tensor.unknownFields);
}

export function writeSparseTensor(out: WireWriter, sparse: OnnxSparseTensor, place: ExternalPlacer): void {
  out.message(SPARSE_TENSOR.values, (inner) => writeTensor(inner, sparse.values, place));
  out.message(SPARSE_TENSOR.indices, (inner) => writeTensor(inner, sparse.indices, place));
  for (const dim of sparse.dims) out.varint(SPARSE_TENSOR.dims, dim);
  writeUnknown(out, sparse.unknownFields);
}

/** A text that is left out when empty, which is what its absence means. */
export function writeText(out: WireWriter, field: number, text: string): void {
  if (text !== "") out.string(field, text);
}

export function writeEntries(out: WireWriter, field: number, entries: readonly (readonly [string, string])[]): void {
  for (const [key, value] of entries) out.message(field, (inner) => inner.string(ENTRY.key, key).string(ENTRY.value, value));
}

export function writeUnknown(out: WireWriter, fields: UnknownFields): void {
  for (const field of fields) out.raw(field);
}
