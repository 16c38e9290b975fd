import { normalDomain } from "../graph-reader.ts";
import { quoteName } from "../model-refusal.ts";
import { ATTRIBUTE, ATTRIBUTE_TYPE, GRAPH, NODE } from "../onnx-fields.ts";
import type { ExternalFiles } from "./read-tensor.ts";
import { readEntry, readSparseTensor, readTensor } from "./read-tensor.ts";
import { readType, readValueInfo } from "./read-type.ts";
import type { OnnxAttribute, OnnxAttributeValue, OnnxGraph, OnnxNode } from "./types.ts";
import type { WireCursor } from "./wire-cursor.ts";
import { malformed } from "./wire-cursor.ts";

/** Reads the GraphProto that `parent` stands on, with its subgraphs. */
export function readGraph(parent: WireCursor, files: ExternalFiles): OnnxGraph {
  const cursor = parent.message();
  const unknown: Uint8Array[] = [];
  const graph: OnnxGraph = {
    name: "", nodes: [], initializers: [], sparseInitializers: [], inputs: [], outputs: [], valueInfos: [],
    docString: "", metadata: [], unknownFields: unknown,
  };
  while (cursor.next()) {
    if (cursor.field === GRAPH.node) graph.nodes.push(readNode(cursor, files));
    else if (cursor.field === GRAPH.name) graph.name = cursor.text();
    else if (cursor.field === GRAPH.initializer) graph.initializers.push(readTensor(cursor, files));
    else if (cursor.field === GRAPH.sparseInitializer) graph.sparseInitializers.push(readSparseTensor(cursor, files));
    else if (cursor.field === GRAPH.input) graph.inputs.push(readValueInfo(cursor));
    else if (cursor.field === GRAPH.output) graph.outputs.push(readValueInfo(cursor));
    else if (cursor.field === GRAPH.valueInfo) graph.valueInfos.push(readValueInfo(cursor));
    else if (cursor.field === GRAPH.docString) graph.docString = cursor.text();
    else if (cursor.field === GRAPH.metadataProps) readEntry(cursor, graph.metadata, unknown);
    else unknown.push(cursor.whole());
  }
  return graph;
}

/** Reads the NodeProto that `parent` stands on. */
export function readNode(parent: WireCursor, files: ExternalFiles): OnnxNode {
  const cursor = parent.message();
  const unknown: Uint8Array[] = [];
  const node: OnnxNode = {
    name: "", opType: "", domain: "", overload: "", inputs: [], outputs: [], attributes: [],
    docString: "", metadata: [], unknownFields: unknown,
  };
  while (cursor.next()) {
    if (cursor.field === NODE.input) node.inputs.push(cursor.text());
    else if (cursor.field === NODE.output) node.outputs.push(cursor.text());
    else if (cursor.field === NODE.attribute) node.attributes.push(readAttribute(cursor, files));
    else if (cursor.field === NODE.name) node.name = cursor.text();
    else if (cursor.field === NODE.opType) node.opType = cursor.text();
    else if (cursor.field === NODE.domain) node.domain = normalDomain(cursor.text());
    else if (cursor.field === NODE.overload) node.overload = cursor.text();
    else if (cursor.field === NODE.docString) node.docString = cursor.text();
    else if (cursor.field === NODE.metadataProps) readEntry(cursor, node.metadata, unknown);
    else unknown.push(cursor.whole());
  }
  return node;
}

/** `AttributeProto.type` → the kind of value and the field it stands in. */
const KINDS: ReadonlyMap<number, { readonly type: Exclude<OnnxAttributeValue["type"], "reference">; readonly field: number }> = new Map([
  [ATTRIBUTE_TYPE.float, { type: "float", field: ATTRIBUTE.float }],
  [ATTRIBUTE_TYPE.int, { type: "int", field: ATTRIBUTE.int }],
  [ATTRIBUTE_TYPE.string, { type: "string", field: ATTRIBUTE.string }],
  [ATTRIBUTE_TYPE.tensor, { type: "tensor", field: ATTRIBUTE.tensor }],
  [ATTRIBUTE_TYPE.graph, { type: "graph", field: ATTRIBUTE.graph }],
  [ATTRIBUTE_TYPE.floats, { type: "floats", field: ATTRIBUTE.floats }],
  [ATTRIBUTE_TYPE.ints, { type: "ints", field: ATTRIBUTE.ints }],
  [ATTRIBUTE_TYPE.strings, { type: "strings", field: ATTRIBUTE.strings }],
  [ATTRIBUTE_TYPE.tensors, { type: "tensors", field: ATTRIBUTE.tensors }],
  [ATTRIBUTE_TYPE.graphs, { type: "graphs", field: ATTRIBUTE.graphs }],
  [ATTRIBUTE_TYPE.sparse, { type: "sparse", field: ATTRIBUTE.sparseTensor }],
  [ATTRIBUTE_TYPE.sparses, { type: "sparses", field: ATTRIBUTE.sparseTensors }],
  [ATTRIBUTE_TYPE.typeProto, { type: "typeProto", field: ATTRIBUTE.typeProto }],
  [ATTRIBUTE_TYPE.typeProtos, { type: "typeProtos", field: ATTRIBUTE.typeProtos }],
] as const);

const VALUE_FIELDS: ReadonlySet<number> = new Set([...KINDS.values()].map(({ field }) => field));

/**
 * Reads the AttributeProto that `parent` stands on. Its type decides which field is the value; fields of other types are
 * kept as unknown ones. Files older than IR version 2 leave the type out: there the one field that is filled decides.
 */
export function readAttribute(parent: WireCursor, files: ExternalFiles): OnnxAttribute {
  const head = { name: "", docString: "", reference: "", typeCode: 0 };
  const unknown: Uint8Array[] = [];
  const filled = new Set<number>();
  for (const cursor = parent.message(); cursor.next(); ) {
    if (cursor.field === ATTRIBUTE.name) head.name = cursor.text();
    else if (cursor.field === ATTRIBUTE.docString) head.docString = cursor.text();
    else if (cursor.field === ATTRIBUTE.type) head.typeCode = cursor.integer();
    else if (cursor.field === ATTRIBUTE.refAttributeName) head.reference = cursor.text();
    else if (VALUE_FIELDS.has(cursor.field)) filled.add(cursor.field);
    else unknown.push(cursor.whole());
  }
  const rest = { name: head.name, docString: head.docString, unknownFields: unknown };
  if (head.reference !== "") {
    keepOthers(parent.message(), 0, unknown);
    return { type: "reference", value: head.reference, refType: head.typeCode, ...rest };
  }
  const kind = KINDS.get(head.typeCode) ?? (head.typeCode === 0 && filled.size === 1 ? kindOfField([...filled][0]) : undefined);
  if (kind === undefined) throw malformed(`the attribute "${quoteName(head.name)}" of no known type`);
  if (filled.size > (filled.has(kind.field) ? 1 : 0)) keepOthers(parent.message(), kind.field, unknown);
  return { ...readValue(parent.message(), kind.type, kind.field, files, head.name), ...rest };
}

function kindOfField(field: number | undefined) {
  return [...KINDS.values()].find((kind) => kind.field === field);
}

function keepOthers(cursor: WireCursor, field: number, unknown: Uint8Array[]): void {
  while (cursor.next()) if (cursor.field !== field && VALUE_FIELDS.has(cursor.field)) unknown.push(cursor.whole());
}

function readValue(cursor: WireCursor, type: Exclude<OnnxAttributeValue["type"], "reference">, field: number, files: ExternalFiles, name: string): OnnxAttributeValue {
  const each = (take: () => void) => {
    while (cursor.next()) if (cursor.field === field) take();
  };
  const all = <T>(read: () => T): T[] => {
    const list: T[] = [];
    each(() => list.push(read()));
    return list;
  };
  const one = <T>(read: () => T): T => {
    const [value, second] = all(read);
    if (value === undefined || second !== undefined) throw malformed(`the attribute "${quoteName(name)}" without exactly one value`);
    return value;
  };
  switch (type) {
    // A writer may leave out what is zero or empty; of several numbers the last one counts.
    case "float":
      return { type, value: all(() => cursor.float()).at(-1) ?? 0 };
    case "int":
      return { type, value: all(() => cursor.bigint()).at(-1) ?? 0n };
    case "string":
      return { type, value: all(() => cursor.bytes()).at(-1) ?? new Uint8Array(0) };
    case "floats": {
      const value: number[] = [];
      each(() => cursor.floatsInto(value));
      return { type, value };
    }
    case "ints": {
      const value: bigint[] = [];
      each(() => cursor.bigintsInto(value));
      return { type, value };
    }
    case "strings":
      return { type, value: all(() => cursor.bytes()) };
    case "tensor":
      return { type, value: one(() => readTensor(cursor, files)) };
    case "tensors":
      return { type, value: all(() => readTensor(cursor, files)) };
    case "graph":
      return { type, value: one(() => readGraph(cursor, files)) };
    case "graphs":
      return { type, value: all(() => readGraph(cursor, files)) };
    case "sparse":
      return { type, value: one(() => readSparseTensor(cursor, files)) };
    case "sparses":
      return { type, value: all(() => readSparseTensor(cursor, files)) };
    case "typeProto":
      return { type, value: one(() => readType(cursor)) };
    case "typeProtos":
      return { type, value: all(() => readType(cursor)) };
  }
}
