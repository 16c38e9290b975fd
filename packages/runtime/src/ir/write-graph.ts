import { ATTRIBUTE, ATTRIBUTE_TYPE, GRAPH, NODE } from "../onnx-fields.ts";
import type { WireWriter } from "../wire-writer.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode } from "./types.ts";
import type { ExternalPlacer } from "./write-tensor.ts";
import { writeEntries, writeSparseTensor, writeTensor, writeText, writeUnknown } from "./write-tensor.ts";
import { writeType, writeValueInfo } from "./write-type.ts";

/** Fields of a GraphProto, in ascending order. */
export function writeGraph(out: WireWriter, graph: OnnxGraph, place: ExternalPlacer): void {
  for (const node of graph.nodes) out.message(GRAPH.node, (inner) => writeNode(inner, node, place));
  writeText(out, GRAPH.name, graph.name);
  for (const tensor of graph.initializers) out.message(GRAPH.initializer, (inner) => writeTensor(inner, tensor, place));
  writeText(out, GRAPH.docString, graph.docString);
  for (const value of graph.inputs) out.message(GRAPH.input, (inner) => writeValueInfo(inner, value));
  for (const value of graph.outputs) out.message(GRAPH.output, (inner) => writeValueInfo(inner, value));
  for (const value of graph.valueInfos) out.message(GRAPH.valueInfo, (inner) => writeValueInfo(inner, value));
  for (const sparse of graph.sparseInitializers) out.message(GRAPH.sparseInitializer, (inner) => writeSparseTensor(inner, sparse, place));
  writeEntries(out, GRAPH.metadataProps, graph.metadata);
  writeUnknown(out, graph.unknownFields);
}

export function writeNode(out: WireWriter, node: OnnxNode, place: ExternalPlacer): void {
  for (const name of node.inputs) out.string(NODE.input, name);
  for (const name of node.outputs) out.string(NODE.output, name);
  writeText(out, NODE.name, node.name);
  writeText(out, NODE.opType, node.opType);
  for (const attribute of node.attributes) out.message(NODE.attribute, (inner) => writeAttribute(inner, attribute, place));
  writeText(out, NODE.docString, node.docString);
  writeText(out, NODE.domain, node.domain);
  writeText(out, NODE.overload, node.overload);
  writeEntries(out, NODE.metadataProps, node.metadata);
  writeUnknown(out, node.unknownFields);
}

export function writeAttribute(out: WireWriter, attribute: OnnxAttribute, place: ExternalPlacer): void {
  writeText(out, ATTRIBUTE.name, attribute.name);
  writeValue(out, attribute, place);
  writeText(out, ATTRIBUTE.docString, attribute.docString);
  out.varint(ATTRIBUTE.type, attribute.type === "reference" ? attribute.refType : ATTRIBUTE_TYPE[attribute.type]);
  if (attribute.type === "reference") out.string(ATTRIBUTE.refAttributeName, attribute.value);
  writeUnknown(out, attribute.unknownFields);
}

function writeValue(out: WireWriter, attribute: OnnxAttribute, place: ExternalPlacer): void {
  switch (attribute.type) {
    case "float":
      out.float(ATTRIBUTE.float, attribute.value);
      break;
    case "int":
      out.varint(ATTRIBUTE.int, attribute.value);
      break;
    case "string":
      out.bytes(ATTRIBUTE.string, attribute.value);
      break;
    case "tensor":
      out.message(ATTRIBUTE.tensor, (inner) => writeTensor(inner, attribute.value, place));
      break;
    case "graph":
      out.message(ATTRIBUTE.graph, (inner) => writeGraph(inner, attribute.value, place));
      break;
    case "sparse":
      out.message(ATTRIBUTE.sparseTensor, (inner) => writeSparseTensor(inner, attribute.value, place));
      break;
    case "typeProto":
      out.message(ATTRIBUTE.typeProto, (inner) => writeType(inner, attribute.value));
      break;
    case "floats":
      for (const value of attribute.value) out.float(ATTRIBUTE.floats, value);
      break;
    case "ints":
      for (const value of attribute.value) out.varint(ATTRIBUTE.ints, value);
      break;
    case "strings":
      for (const value of attribute.value) out.bytes(ATTRIBUTE.strings, value);
      break;
    case "tensors":
      for (const value of attribute.value) out.message(ATTRIBUTE.tensors, (inner) => writeTensor(inner, value, place));
      break;
    case "graphs":
      for (const value of attribute.value) out.message(ATTRIBUTE.graphs, (inner) => writeGraph(inner, value, place));
      break;
    case "sparses":
      for (const value of attribute.value) out.message(ATTRIBUTE.sparseTensors, (inner) => writeSparseTensor(inner, value, place));
      break;
    case "typeProtos":
      for (const value of attribute.value) out.message(ATTRIBUTE.typeProtos, (inner) => writeType(inner, value));
      break;
    case "reference":
      break;
  }
}
