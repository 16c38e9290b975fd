import type { DataType } from "../onnx-fields.ts";
import { DATA_TYPES } from "../onnx-fields.ts";
import type { OnnxElementType } from "./types.ts";

const BY_NAME: ReadonlyMap<string, DataType> = new Map([...DATA_TYPES.values()].map((type) => [type.name, type]));

/** The layout of an element type by its name; null for names ONNX does not have. */
export function elementLayout(elementType: OnnxElementType): DataType | null {
  return BY_NAME.get(elementType) ?? null;
}

/** Product of the dimensions; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/** Bytes of a dense tensor in `raw_data`: 4- and 2-bit types are packed, the last byte may be partly used. Null for strings and unknown types. */
export function tensorByteLength(elementType: OnnxElementType, dims: readonly number[]): number | null {
  const layout = elementLayout(elementType);
  return layout === null || layout.bits === 0 ? null : Math.ceil((elementCount(dims) * layout.bits) / 8);
}
