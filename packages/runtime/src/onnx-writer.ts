import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  dataTypeCode,
  DIMENSION,
  ENTRY,
  FUNCTION,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from "./onnx-fields.ts";
import { WireWriter } from "./wire-writer.ts";

/**
 * Writes ONNX models from plain descriptions, for tests of the whole product and for the demo fleet. It checks nothing on
 * purpose: the tests of the reader need models that lie.
 */

/** `raw` holds little-endian elements, as `raw_data` wants them; or `external` says in which file they are. */
export type TensorDescription = {
  readonly name?: string;
  readonly elementType: string;
  readonly shape: readonly (number | bigint)[];
  readonly raw?: Uint8Array;
  readonly external?: { readonly location: string; readonly offset?: number | bigint; readonly length?: number | bigint };
};

export type AttributeDescription =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: TensorDescription }
  | { readonly graph: GraphDescription };

export type NodeDescription = {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeDescription>>;
};

export type ValueDescription = {
  readonly name: string;
  readonly elementType: string;
  /** Absent: the rank is left open. */
  readonly shape?: readonly (number | bigint | string)[];
};

export type GraphDescription = {
  readonly name?: string;
  readonly nodes: readonly NodeDescription[];
  readonly inputs: readonly ValueDescription[];
  readonly outputs: readonly ValueDescription[];
  readonly initializers?: readonly TensorDescription[];
  readonly valueInfos?: readonly ValueDescription[];
};

export type FunctionDescription = {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeDescription[];
  readonly opsets?: readonly { readonly domain: string; readonly version: number }[];
};

export type ModelDescription = {
  readonly graph: GraphDescription;
  /** Default [{ domain: "", version: 17 }]. */
  readonly opsets?: readonly { readonly domain: string; readonly version: number }[];
  /** Default 8, which every ONNX Runtime since 1.12 reads. */
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly functions?: readonly FunctionDescription[];
  readonly metadata?: Readonly<Record<string, string>>;
};

const DEFAULT_OPSETS = [{ domain: "", version: 17 }];

/** Serialises a model description as ModelProto bytes. */
export function buildModel(model: ModelDescription): Uint8Array {
  const out = new WireWriter();
  out.varint(MODEL.irVersion, model.irVersion ?? 8);
  out.string(MODEL.producerName, model.producerName ?? "flotilla");
  out.message(MODEL.graph, (inner) => writeGraph(inner, model.graph));
  writeOpsets(out, MODEL.opsetImport, model.opsets ?? DEFAULT_OPSETS);
  for (const [key, value] of Object.entries(model.metadata ?? {})) {
    out.message(MODEL.metadataProps, (inner) => inner.string(ENTRY.key, key).string(ENTRY.value, value));
  }
  for (const body of model.functions ?? []) out.message(MODEL.functions, (inner) => writeFunction(inner, body));
  return out.finish();
}

/** A float32 tensor; `values` may be any sequence of numbers. */
export function floatTensor(name: string, shape: readonly number[], values: ArrayLike<number>): TensorDescription {
  return { name, elementType: "float32", shape, raw: asBytes(Float32Array.from(values)) };
}

/** An int64 tensor, the type shapes and axes have. */
export function int64Tensor(name: string, shape: readonly number[], values: readonly (number | bigint)[]): TensorDescription {
  return { name, elementType: "int64", shape, raw: asBytes(BigInt64Array.from(values, (value) => BigInt(value))) };
}

function asBytes(view: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function writeOpsets(out: WireWriter, field: number, opsets: readonly { readonly domain: string; readonly version: number }[]): void {
  for (const { domain, version } of opsets) {
    out.message(field, (inner) => inner.string(OPSET.domain, domain).varint(OPSET.version, version));
  }
}

function writeGraph(out: WireWriter, graph: GraphDescription): void {
  for (const node of graph.nodes) out.message(GRAPH.node, (inner) => writeNode(inner, node));
  out.string(GRAPH.name, graph.name ?? "graph");
  for (const tensor of graph.initializers ?? []) out.message(GRAPH.initializer, (inner) => writeTensor(inner, tensor));
  for (const value of graph.inputs) out.message(GRAPH.input, (inner) => writeValue(inner, value));
  for (const value of graph.outputs) out.message(GRAPH.output, (inner) => writeValue(inner, value));
  for (const value of graph.valueInfos ?? []) out.message(GRAPH.valueInfo, (inner) => writeValue(inner, value));
}

function writeNode(out: WireWriter, node: NodeDescription): void {
  for (const name of node.inputs) out.string(NODE.input, name);
  for (const name of node.outputs) out.string(NODE.output, name);
  if (node.name !== undefined) out.string(NODE.name, node.name);
  out.string(NODE.opType, node.opType);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    out.message(NODE.attribute, (inner) => writeAttribute(inner, name, value));
  }
  if (node.domain !== undefined) out.string(NODE.domain, node.domain);
}

function writeAttribute(out: WireWriter, name: string, value: AttributeDescription): void {
  out.string(ATTRIBUTE.name, name);
  if ("int" in value) {
    out.varint(ATTRIBUTE.int, value.int).varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.int);
  } else if ("float" in value) {
    out.float(ATTRIBUTE.float, value.float).varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.float);
  } else if ("string" in value) {
    out.string(ATTRIBUTE.string, value.string).varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.string);
  } else if ("ints" in value) {
    for (const item of value.ints) out.varint(ATTRIBUTE.ints, item);
    out.varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.ints);
  } else if ("floats" in value) {
    for (const item of value.floats) out.float(ATTRIBUTE.floats, item);
    out.varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.floats);
  } else if ("strings" in value) {
    for (const item of value.strings) out.string(ATTRIBUTE.strings, item);
    out.varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.strings);
  } else if ("tensor" in value) {
    out.message(ATTRIBUTE.tensor, (inner) => writeTensor(inner, value.tensor)).varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.tensor);
  } else {
    out.message(ATTRIBUTE.graph, (inner) => writeGraph(inner, value.graph)).varint(ATTRIBUTE.type, ATTRIBUTE_TYPE.graph);
  }
}

function writeTensor(out: WireWriter, tensor: TensorDescription): void {
  for (const dim of tensor.shape) out.varint(TENSOR.dims, dim);
  out.varint(TENSOR.dataType, dataTypeCode(tensor.elementType));
  if (tensor.name !== undefined) out.string(TENSOR.name, tensor.name);
  if (tensor.raw !== undefined) out.bytes(TENSOR.rawData, tensor.raw);
  if (tensor.external === undefined) return;
  for (const [key, value] of Object.entries(tensor.external)) {
    out.message(TENSOR.externalData, (inner) => inner.string(ENTRY.key, key).string(ENTRY.value, String(value)));
  }
  out.varint(TENSOR.dataLocation, 1);
}

function writeValue(out: WireWriter, value: ValueDescription): void {
  out.string(VALUE_INFO.name, value.name);
  out.message(VALUE_INFO.type, (type) =>
    type.message(TYPE.tensor, (tensor) => {
      tensor.varint(TENSOR_TYPE.elementType, dataTypeCode(value.elementType));
      if (value.shape !== undefined) tensor.message(TENSOR_TYPE.shape, (shape) => writeShape(shape, value.shape ?? []));
    }),
  );
}

function writeShape(out: WireWriter, shape: readonly (number | bigint | string)[]): void {
  for (const dim of shape) {
    out.message(SHAPE.dim, (inner) => {
      if (typeof dim === "string") inner.string(DIMENSION.param, dim);
      else inner.varint(DIMENSION.value, dim);
    });
  }
}

function writeFunction(out: WireWriter, body: FunctionDescription): void {
  out.string(FUNCTION.name, body.name);
  for (const name of body.inputs) out.string(FUNCTION.input, name);
  for (const name of body.outputs) out.string(FUNCTION.output, name);
  for (const node of body.nodes) out.message(FUNCTION.node, (inner) => writeNode(inner, node));
  writeOpsets(out, FUNCTION.opsetImport, body.opsets ?? DEFAULT_OPSETS);
  out.string(FUNCTION.domain, body.domain);
}
