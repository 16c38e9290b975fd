/**
 * An ONNX model in memory, for code that rewrites models (ONNX 1.21, `onnx.proto`, IR version 13). Plain mutable objects: a
 * pass edits a copy made by `cloneModel`. Everything the file said survives a round trip: fields that this reader does not
 * know are kept as they came in `unknownFields` and written back behind the known ones.
 *
 * This is the form for servers. It believes its input, so bytes from outside pass the bounded reader (`readModelSummary`)
 * first and are handled in a sandbox child.
 */

/** Fields unknown to this reader, tag and value as they stood on the wire, in their order. */
export type UnknownFields = readonly Uint8Array[];

/** Name of an ONNX element type as in `DATA_TYPES`: "float32", "int64", "int4", "bfloat16", …; "undefined" in a type that leaves it open. */
export type OnnxElementType = string;

export type OnnxTensor = {
  name: string;
  elementType: OnnxElementType;
  dims: number[];
  /**
   * Elements row-major, little-endian, as `raw_data` has them (4-bit types: two to a byte, low nibble first), whatever field
   * the file kept them in; or the strings of a string tensor (bytes, which need not be UTF-8).
   */
  data: Uint8Array | Uint8Array[];
  docString: string;
  /** Where the bytes lay when they came from an external file: kept so that they can be written there again. */
  external: { location: string; entries: [string, string][] } | null;
  metadata: [string, string][];
  unknownFields: UnknownFields;
};

export type OnnxSparseTensor = { values: OnnxTensor; indices: OnnxTensor; dims: number[]; unknownFields: UnknownFields };

export type OnnxDimension =
  | { kind: "value"; value: number; denotation: string }
  | { kind: "param"; param: string; denotation: string }
  | { kind: "unknown"; denotation: string };

export type OnnxType =
  | { kind: "tensor" | "sparse"; elementType: OnnxElementType; shape: OnnxDimension[] | null; denotation: string }
  | { kind: "sequence" | "optional"; element: OnnxType; denotation: string }
  | { kind: "map"; keyType: OnnxElementType; value: OnnxType; denotation: string }
  /** An opaque or future type, kept as its bytes. */
  | { kind: "other"; bytes: Uint8Array; denotation: string };

export type OnnxValueInfo = {
  name: string;
  type: OnnxType | null;
  docString: string;
  metadata: [string, string][];
  unknownFields: UnknownFields;
};

export type OnnxAttributeValue =
  | { type: "float"; value: number }
  | { type: "int"; value: bigint }
  | { type: "string"; value: Uint8Array }
  | { type: "tensor"; value: OnnxTensor }
  | { type: "graph"; value: OnnxGraph }
  | { type: "sparse"; value: OnnxSparseTensor }
  | { type: "typeProto"; value: OnnxType }
  | { type: "floats"; value: number[] }
  | { type: "ints"; value: bigint[] }
  | { type: "strings"; value: Uint8Array[] }
  | { type: "tensors"; value: OnnxTensor[] }
  | { type: "graphs"; value: OnnxGraph[] }
  | { type: "sparses"; value: OnnxSparseTensor[] }
  | { type: "typeProtos"; value: OnnxType[] }
  /** In a function body: the attribute of that name of the calling node. `refType` is the `AttributeProto.type` code. */
  | { type: "reference"; value: string; refType: number };

export type OnnxAttribute = OnnxAttributeValue & { name: string; docString: string; unknownFields: UnknownFields };

export type OnnxNode = {
  name: string;
  opType: string;
  /** "" for the standard operators; the file's "ai.onnx" is read as "". */
  domain: string;
  overload: string;
  /** "" marks an optional input or output that is absent. */
  inputs: string[];
  outputs: string[];
  /** In the order of the file; names are unique. */
  attributes: OnnxAttribute[];
  docString: string;
  metadata: [string, string][];
  unknownFields: UnknownFields;
};

export type OnnxGraph = {
  name: string;
  nodes: OnnxNode[];
  /** In the order of the file, which optimised files keep so that deltas stay small. */
  initializers: OnnxTensor[];
  sparseInitializers: OnnxSparseTensor[];
  inputs: OnnxValueInfo[];
  outputs: OnnxValueInfo[];
  valueInfos: OnnxValueInfo[];
  docString: string;
  metadata: [string, string][];
  unknownFields: UnknownFields;
};

export type OnnxFunction = {
  domain: string;
  name: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  attributeNames: string[];
  attributeDefaults: OnnxAttribute[];
  nodes: OnnxNode[];
  opsets: OnnxOpset[];
  valueInfos: OnnxValueInfo[];
  docString: string;
  metadata: [string, string][];
  unknownFields: UnknownFields;
};

export type OnnxOpset = { domain: string; version: number; unknownFields?: UnknownFields };

export type OnnxModel = {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  docString: string;
  graph: OnnxGraph;
  opsets: OnnxOpset[];
  metadata: [string, string][];
  functions: OnnxFunction[];
  /** `training_info` and whatever else is unknown. */
  unknownFields: UnknownFields;
};
