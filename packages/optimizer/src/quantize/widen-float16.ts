import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValueInfo } from "@flotilla/runtime/ir";
import { floats, intAttribute, setAttribute, tensorNumbers } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";

/** `TensorProto.DataType` of float32 and float16, as attributes name them. */
const FLOAT = 1;
const FLOAT16 = 10;

/** Attributes that name the type of what a node makes. */
const TYPE_ATTRIBUTES: Readonly<Record<string, string>> = { Cast: "to", RandomNormal: "dtype", RandomNormalLike: "dtype", RandomUniform: "dtype", RandomUniformLike: "dtype", EyeLike: "dtype" };

/**
 * float16 models compute in float32 on CPUs anyway (the runtime inserts casts), and quantisation starts from float32. Inputs and outputs
 * become float32 as well: feed the widened model float32.
 */
export const widenFloat16: Pass = {
  name: "widen-float16",
  title: "float16 weights and values become float32",
  expectedEffect: "twice the size, no casts; what quantisation and other passes start from",
  exactness: "rounding",
  appliesTo: ({ graph }) => (holdsFloat16(graph) ? null : "nothing in it is float16"),
  run(model) {
    const changes: PassChange[] = [];
    widenGraph(model.graph, changes);
    for (const body of model.functions) for (const node of body.nodes) widenNode(node, changes);
    return changes;
  },
};

function holdsFloat16(graph: OnnxGraph): boolean {
  const values = [...graph.inputs, ...graph.outputs];
  return graph.initializers.some(({ elementType }) => elementType === "float16") || values.some(({ type }) => type?.kind === "tensor" && type.elementType === "float16");
}

function widenGraph(graph: OnnxGraph, changes: PassChange[]): void {
  const narrow = graph.initializers.filter(({ elementType }) => elementType === "float16").length;
  if (narrow > 0) changes.push({ node: graph.name, what: `${narrow} float16 constants are float32` });
  graph.initializers = graph.initializers.map(widened);
  for (const value of [...graph.inputs, ...graph.outputs, ...graph.valueInfos]) widenValue(value);
  for (const node of graph.nodes) widenNode(node, changes);
}

function widened(tensor: OnnxTensor): OnnxTensor {
  if (tensor.elementType !== "float16") return tensor;
  const { elementType, data, dims } = floats(tensor.name, tensor.dims, Float32Array.from(tensorNumbers(tensor)));
  return { ...tensor, elementType, data, dims, external: null };
}

function widenValue({ type }: OnnxValueInfo): void {
  if (type?.kind === "tensor" && type.elementType === "float16") type.elementType = "float32";
}

function widenNode(node: OnnxNode, changes: PassChange[]): void {
  const typeAttribute = TYPE_ATTRIBUTES[node.opType];
  if (typeAttribute !== undefined && intAttribute(node, typeAttribute, 0) === FLOAT16) setAttribute(node, typeAttribute, { int: FLOAT });
  node.attributes = node.attributes.map(widenedAttribute);
  for (const candidate of node.attributes) {
    if (candidate.type === "graph") widenGraph(candidate.value, changes);
    if (candidate.type === "graphs") for (const graph of candidate.value) widenGraph(graph, changes);
  }
}

function widenedAttribute(candidate: OnnxAttribute): OnnxAttribute {
  return candidate.type === "tensor" ? { ...candidate, value: widened(candidate.value) } : candidate;
}
