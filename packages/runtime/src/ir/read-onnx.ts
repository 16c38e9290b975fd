import { normalDomain } from "../graph-reader.ts";
import { FUNCTION, MODEL, OPSET } from "../onnx-fields.ts";
import { readAttribute, readGraph, readNode } from "./read-graph.ts";
import type { ExternalFiles } from "./read-tensor.ts";
import { readEntry } from "./read-tensor.ts";
import { readValueInfo } from "./read-type.ts";
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxOpset } from "./types.ts";
import { malformed, WireCursor } from "./wire-cursor.ts";

const NO_FILES: ExternalFiles = new Map();

/**
 * Reads a whole ONNX model. Tensors are views of `bytes` and of `externalFiles` (by the location the model calls them), not
 * copies. Throws `ModelRefusal`: "malformed" or "truncated" for garbage, "tensor_size_mismatch", "negative_dimension" and
 * "tensor_too_large" for tensors that contradict themselves, "external_data_…" for files that are missing or too short.
 */
export function readOnnx(bytes: Uint8Array, externalFiles: ExternalFiles = NO_FILES): OnnxModel {
  const cursor = WireCursor.over(bytes);
  const unknown: Uint8Array[] = [];
  let graph: OnnxGraph | null = null;
  const model = {
    irVersion: 0, producerName: "", producerVersion: "", domain: "", modelVersion: 0n, docString: "",
    opsets: [] as OnnxOpset[], metadata: [] as [string, string][], functions: [] as OnnxFunction[], unknownFields: unknown,
  };
  while (cursor.next()) {
    if (cursor.field === MODEL.irVersion) model.irVersion = cursor.integer();
    else if (cursor.field === MODEL.producerName) model.producerName = cursor.text();
    else if (cursor.field === MODEL.producerVersion) model.producerVersion = cursor.text();
    else if (cursor.field === MODEL.domain) model.domain = cursor.text();
    else if (cursor.field === MODEL.modelVersion) model.modelVersion = cursor.bigint();
    else if (cursor.field === MODEL.docString) model.docString = cursor.text();
    else if (cursor.field === MODEL.opsetImport) model.opsets.push(readOpset(cursor));
    else if (cursor.field === MODEL.metadataProps) readEntry(cursor, model.metadata, unknown);
    else if (cursor.field === MODEL.functions) model.functions.push(readFunction(cursor, externalFiles));
    else if (cursor.field === MODEL.graph) {
      if (graph !== null) throw malformed("two graphs");
      graph = readGraph(cursor, externalFiles);
    } else unknown.push(cursor.whole());
  }
  if (graph === null) throw malformed("no graph");
  return { ...model, graph };
}

function readOpset(parent: WireCursor): OnnxOpset {
  const cursor = parent.message();
  const opset: OnnxOpset = { domain: "", version: 0 };
  const unknown: Uint8Array[] = [];
  while (cursor.next()) {
    if (cursor.field === OPSET.domain) opset.domain = normalDomain(cursor.text());
    else if (cursor.field === OPSET.version) opset.version = cursor.integer();
    else unknown.push(cursor.whole());
  }
  if (unknown.length > 0) opset.unknownFields = unknown;
  return opset;
}

function readFunction(parent: WireCursor, files: ExternalFiles): OnnxFunction {
  const cursor = parent.message();
  const unknown: Uint8Array[] = [];
  const out: OnnxFunction = {
    domain: "", name: "", overload: "", inputs: [], outputs: [], attributeNames: [], attributeDefaults: [], nodes: [], opsets: [],
    valueInfos: [], docString: "", metadata: [], unknownFields: unknown,
  };
  while (cursor.next()) {
    if (cursor.field === FUNCTION.name) out.name = cursor.text();
    else if (cursor.field === FUNCTION.domain) out.domain = normalDomain(cursor.text());
    else if (cursor.field === FUNCTION.overload) out.overload = cursor.text();
    else if (cursor.field === FUNCTION.input) out.inputs.push(cursor.text());
    else if (cursor.field === FUNCTION.output) out.outputs.push(cursor.text());
    else if (cursor.field === FUNCTION.attribute) out.attributeNames.push(cursor.text());
    else if (cursor.field === FUNCTION.attributeProto) out.attributeDefaults.push(readAttribute(cursor, files));
    else if (cursor.field === FUNCTION.node) out.nodes.push(readNode(cursor, files));
    else if (cursor.field === FUNCTION.opsetImport) out.opsets.push(readOpset(cursor));
    else if (cursor.field === FUNCTION.valueInfo) out.valueInfos.push(readValueInfo(cursor));
    else if (cursor.field === FUNCTION.docString) out.docString = cursor.text();
    else if (cursor.field === FUNCTION.metadataProps) readEntry(cursor, out.metadata, unknown);
    else unknown.push(cursor.whole());
  }
  return out;
}
