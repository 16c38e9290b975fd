import { elementCount } from "./element-layout.ts";
import type { OnnxElementType, OnnxTensor } from "./types.ts";

type TypedNumbers = Float32Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** A float32 tensor. A `Float32Array` is taken as it is, not copied. The builders throw `RangeError` when values and dims differ in number. */
export function floats(name: string, dims: readonly number[], values: Float32Array | readonly number[]): OnnxTensor {
  return denseTensor(name, "float32", dims, values instanceof Float32Array ? values : Float32Array.from(values));
}

/** An int64 tensor, the type of shapes, axes and indices. */
export function int64s(name: string, dims: readonly number[], values: BigInt64Array | readonly (number | bigint)[]): OnnxTensor {
  return denseTensor(name, "int64", dims, values instanceof BigInt64Array ? values : BigInt64Array.from(values.map(BigInt)));
}

export function int32s(name: string, dims: readonly number[], values: Int32Array | readonly number[]): OnnxTensor {
  return denseTensor(name, "int32", dims, values instanceof Int32Array ? values : Int32Array.from(values));
}

export function int8s(name: string, dims: readonly number[], values: Int8Array | readonly number[]): OnnxTensor {
  return denseTensor(name, "int8", dims, values instanceof Int8Array ? values : Int8Array.from(values));
}

export function uint8s(name: string, dims: readonly number[], values: Uint8Array | readonly number[]): OnnxTensor {
  return denseTensor(name, "uint8", dims, values instanceof Uint8Array ? values : Uint8Array.from(values));
}

/** A float32 tensor of no dimensions. */
export function scalarFloat(name: string, value: number): OnnxTensor {
  return floats(name, [], [value]);
}

/** A tensor of bytes already laid out as `raw_data` has them. */
export function rawTensor(name: string, elementType: OnnxElementType, dims: readonly number[], data: Uint8Array): OnnxTensor {
  return { name, elementType, dims: [...dims], data, docString: "", external: null, metadata: [], unknownFields: [] };
}

function denseTensor(name: string, elementType: OnnxElementType, dims: readonly number[], values: TypedNumbers): OnnxTensor {
  if (values.length !== elementCount(dims)) {
    throw new RangeError(`tensor ${name}: ${values.length} values for the shape [${dims.join(", ")}]`);
  }
  return rawTensor(name, elementType, dims, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
