/**
 * Field numbers and type codes of `onnx.proto` (ONNX 1.21, IR version 13), as far as the reader and the writer use them.
 * They are wire constants: they never change once published.
 */

export const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  domain: 4,
  modelVersion: 5,
  docString: 6,
  graph: 7,
  opsetImport: 8,
  metadataProps: 14,
  trainingInfo: 20,
  functions: 25,
} as const;

export const OPSET = { domain: 1, version: 2 } as const;

export const GRAPH = {
  node: 1,
  name: 2,
  initializer: 5,
  docString: 10,
  input: 11,
  output: 12,
  valueInfo: 13,
  sparseInitializer: 15,
  metadataProps: 16,
} as const;

export const NODE = {
  input: 1,
  output: 2,
  name: 3,
  opType: 4,
  attribute: 5,
  docString: 6,
  domain: 7,
  overload: 8,
  metadataProps: 9,
} as const;

export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
  docString: 13,
  typeProto: 14,
  typeProtos: 15,
  type: 20,
  refAttributeName: 21,
  sparseTensor: 22,
  sparseTensors: 23,
} as const;

/** `AttributeProto.type` values. */
export const ATTRIBUTE_TYPE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparse: 11,
  sparses: 12,
  typeProto: 13,
  typeProtos: 14,
} as const;

export const TENSOR = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  docString: 12,
  externalData: 13,
  dataLocation: 14,
  metadataProps: 16,
} as const;

export const SPARSE_TENSOR = { values: 1, indices: 2, dims: 3 } as const;
export const VALUE_INFO = { name: 1, type: 2, docString: 3, metadataProps: 4 } as const;
export const TYPE = { tensor: 1, sequence: 4, map: 5, denotation: 6, opaque: 7, sparseTensor: 8, optional: 9 } as const;
export const TENSOR_TYPE = { elementType: 1, shape: 2 } as const;
/** `TypeProto.Sequence` and `TypeProto.Optional`. */
export const ELEMENT_TYPE = { elementType: 1 } as const;
export const MAP_TYPE = { keyType: 1, valueType: 2 } as const;
export const SHAPE = { dim: 1 } as const;
export const DIMENSION = { value: 1, param: 2, denotation: 3 } as const;
export const ENTRY = { key: 1, value: 2 } as const;
export const FUNCTION = {
  name: 1,
  input: 4,
  output: 5,
  attribute: 6,
  node: 7,
  docString: 8,
  opsetImport: 9,
  domain: 10,
  attributeProto: 11,
  valueInfo: 12,
  overload: 13,
  metadataProps: 14,
} as const;

/**
 * `TensorProto.DataType`: name, bits of one element in `raw_data`, and which typed field may hold it instead with how many
 * elements per entry. Complex numbers take two entries, 4-bit numbers share one int32 between two.
 */
export type DataType = {
  readonly name: string;
  readonly bits: number;
  readonly field: "float" | "int32" | "int64" | "uint64" | "double" | "string";
  readonly entriesPerElement: number;
};

export const DATA_TYPES: ReadonlyMap<number, DataType> = new Map([
  [1, { name: "float32", bits: 32, field: "float", entriesPerElement: 1 }],
  [2, { name: "uint8", bits: 8, field: "int32", entriesPerElement: 1 }],
  [3, { name: "int8", bits: 8, field: "int32", entriesPerElement: 1 }],
  [4, { name: "uint16", bits: 16, field: "int32", entriesPerElement: 1 }],
  [5, { name: "int16", bits: 16, field: "int32", entriesPerElement: 1 }],
  [6, { name: "int32", bits: 32, field: "int32", entriesPerElement: 1 }],
  [7, { name: "int64", bits: 64, field: "int64", entriesPerElement: 1 }],
  [8, { name: "string", bits: 0, field: "string", entriesPerElement: 1 }],
  [9, { name: "bool", bits: 8, field: "int32", entriesPerElement: 1 }],
  [10, { name: "float16", bits: 16, field: "int32", entriesPerElement: 1 }],
  [11, { name: "float64", bits: 64, field: "double", entriesPerElement: 1 }],
  [12, { name: "uint32", bits: 32, field: "uint64", entriesPerElement: 1 }],
  [13, { name: "uint64", bits: 64, field: "uint64", entriesPerElement: 1 }],
  [14, { name: "complex64", bits: 64, field: "float", entriesPerElement: 2 }],
  [15, { name: "complex128", bits: 128, field: "double", entriesPerElement: 2 }],
  [16, { name: "bfloat16", bits: 16, field: "int32", entriesPerElement: 1 }],
  [17, { name: "float8e4m3fn", bits: 8, field: "int32", entriesPerElement: 1 }],
  [18, { name: "float8e4m3fnuz", bits: 8, field: "int32", entriesPerElement: 1 }],
  [19, { name: "float8e5m2", bits: 8, field: "int32", entriesPerElement: 1 }],
  [20, { name: "float8e5m2fnuz", bits: 8, field: "int32", entriesPerElement: 1 }],
  [21, { name: "uint4", bits: 4, field: "int32", entriesPerElement: 0.5 }],
  [22, { name: "int4", bits: 4, field: "int32", entriesPerElement: 0.5 }],
  [23, { name: "float4e2m1", bits: 4, field: "int32", entriesPerElement: 0.5 }],
  [24, { name: "float8e8m0", bits: 8, field: "int32", entriesPerElement: 1 }],
  [25, { name: "uint2", bits: 2, field: "int32", entriesPerElement: 0.25 }],
  [26, { name: "int2", bits: 2, field: "int32", entriesPerElement: 0.25 }],
] as const satisfies readonly (readonly [number, DataType])[]);

/** The code of a type name, for the writer. */
export function dataTypeCode(name: string): number {
  for (const [code, type] of DATA_TYPES) {
    if (type.name === name) return code;
  }
  throw new RangeError(`unknown ONNX element type ${name}`);
}
