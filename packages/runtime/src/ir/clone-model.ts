import type { OnnxAttribute, OnnxAttributeValue, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode, OnnxSparseTensor, OnnxTensor, OnnxType, OnnxValueInfo } from "./types.ts";

/** A copy whose structure can be edited freely. The bytes of tensors are shared: replace `data`, never write into it. */
export function cloneModel(model: OnnxModel): OnnxModel {
  return {
    ...model,
    graph: cloneGraph(model.graph),
    opsets: model.opsets.map((opset) => ({ ...opset })),
    metadata: cloneEntries(model.metadata),
    functions: model.functions.map(cloneFunction),
  };
}

/** As `cloneModel`, for one graph. */
export function cloneGraph(graph: OnnxGraph): OnnxGraph {
  return {
    ...graph,
    nodes: graph.nodes.map(cloneNode),
    initializers: graph.initializers.map(cloneTensor),
    sparseInitializers: graph.sparseInitializers.map(cloneSparse),
    inputs: graph.inputs.map(cloneValueInfo),
    outputs: graph.outputs.map(cloneValueInfo),
    valueInfos: graph.valueInfos.map(cloneValueInfo),
    metadata: cloneEntries(graph.metadata),
  };
}

/** As `cloneModel`, for one node with its subgraphs. */
export function cloneNode(node: OnnxNode): OnnxNode {
  return {
    ...node,
    inputs: [...node.inputs],
    outputs: [...node.outputs],
    attributes: node.attributes.map(cloneAttribute),
    metadata: cloneEntries(node.metadata),
  };
}

function cloneFunction(body: OnnxFunction): OnnxFunction {
  return {
    ...body,
    inputs: [...body.inputs],
    outputs: [...body.outputs],
    attributeNames: [...body.attributeNames],
    attributeDefaults: body.attributeDefaults.map(cloneAttribute),
    nodes: body.nodes.map(cloneNode),
    opsets: body.opsets.map((opset) => ({ ...opset })),
    valueInfos: body.valueInfos.map(cloneValueInfo),
    metadata: cloneEntries(body.metadata),
  };
}

function cloneAttribute(attribute: OnnxAttribute): OnnxAttribute {
  const { name, docString, unknownFields } = attribute;
  return { ...cloneValue(attribute), name, docString, unknownFields };
}

function cloneValue(attribute: OnnxAttributeValue): OnnxAttributeValue {
  switch (attribute.type) {
    case "tensor":
      return { type: "tensor", value: cloneTensor(attribute.value) };
    case "tensors":
      return { type: "tensors", value: attribute.value.map(cloneTensor) };
    case "graph":
      return { type: "graph", value: cloneGraph(attribute.value) };
    case "graphs":
      return { type: "graphs", value: attribute.value.map(cloneGraph) };
    case "sparse":
      return { type: "sparse", value: cloneSparse(attribute.value) };
    case "sparses":
      return { type: "sparses", value: attribute.value.map(cloneSparse) };
    case "typeProto":
      return { type: "typeProto", value: cloneType(attribute.value) };
    case "typeProtos":
      return { type: "typeProtos", value: attribute.value.map(cloneType) };
    case "floats":
      return { type: "floats", value: [...attribute.value] };
    case "ints":
      return { type: "ints", value: [...attribute.value] };
    case "strings":
      return { type: "strings", value: [...attribute.value] };
    case "float":
      return { type: "float", value: attribute.value };
    case "int":
      return { type: "int", value: attribute.value };
    case "string":
      return { type: "string", value: attribute.value };
    case "reference":
      return { type: "reference", value: attribute.value, refType: attribute.refType };
  }
}

function cloneTensor(tensor: OnnxTensor): OnnxTensor {
  const { external, data } = tensor;
  return {
    ...tensor,
    dims: [...tensor.dims],
    data: Array.isArray(data) ? [...data] : data,
    external: external === null ? null : { location: external.location, entries: cloneEntries(external.entries) },
    metadata: cloneEntries(tensor.metadata),
  };
}

function cloneSparse(sparse: OnnxSparseTensor): OnnxSparseTensor {
  return { ...sparse, values: cloneTensor(sparse.values), indices: cloneTensor(sparse.indices), dims: [...sparse.dims] };
}

function cloneValueInfo(value: OnnxValueInfo): OnnxValueInfo {
  return { ...value, type: value.type === null ? null : cloneType(value.type), metadata: cloneEntries(value.metadata) };
}

function cloneType(type: OnnxType): OnnxType {
  switch (type.kind) {
    case "tensor":
    case "sparse":
      return { ...type, shape: type.shape?.map((dimension) => ({ ...dimension })) ?? null };
    case "sequence":
    case "optional":
      return { ...type, element: cloneType(type.element) };
    case "map":
      return { ...type, value: cloneType(type.value) };
    case "other":
      return { ...type };
  }
}

function cloneEntries(entries: readonly (readonly [string, string])[]): [string, string][] {
  return entries.map(([key, value]) => [key, value]);
}
