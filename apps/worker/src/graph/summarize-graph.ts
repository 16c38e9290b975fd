import type { GraphNode, GraphSummary } from "@flotilla/fleet";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType, OnnxValueInfo } from "@flotilla/runtime/ir";
import { elementCount } from "@flotilla/runtime/ir";
import { blocksOf } from "./blocks.ts";

/** A page shows no more, and one row of the database holds it all: some 4 MB at most. */
const NODES_MAX = 5_000;
const EDGES_MAX = 20_000;
const NAME_CHARACTERS = 200;
const ATTRIBUTES_MAX = 8;
const ATTRIBUTE_CHARACTERS = 80;
const ENDS_MAX = 64;
const DIMENSIONS_MAX = 16;

type Shape = (number | string | null)[] | null;

/** Constants by the value that holds them. */
type Constants = Map<string, { elements: number; bytes: number }>;

/**
 * What a page needs of a graph, without its weights. Constants are counted at the node that reads them first, so that counts add up;
 * they are not nodes themselves. `shapeOf` knows shapes beyond those written in the file.
 */
export function summarizeGraph(model: OnnxModel, shapeOf: (value: string) => Shape = () => null): GraphSummary {
  const { graph } = model;
  const constants = constantsOf(graph);
  const written = new Map([...graph.valueInfos, ...graph.inputs, ...graph.outputs].map((info) => [info.name, shapeOfType(info.type)]));
  const shape = (value: string): Shape => written.get(value) ?? bounded(shapeOf(value));
  const operations = graph.nodes.filter((node) => node.opType !== "Constant" || node.domain !== "");
  const shown = operations.slice(0, NODES_MAX);
  const claimed = new Set<string>();
  const counted = shown.map((node) => countConstants(node, constants, claimed));
  const { paths, blocks } = blocksOf(shown.map((node, index) => ({ name: nameOf(node), opType: node.opType, hasWeights: (counted[index]?.parameterCount ?? 0) > 1 })));
  const nodes = shown.map((node, index): GraphNode => ({
    name: nameOf(node).slice(0, NAME_CHARACTERS), opType: node.opType.slice(0, NAME_CHARACTERS), domain: node.domain.slice(0, NAME_CHARACTERS), block: paths[index] ?? "",
    outputShape: shape(node.outputs[0] ?? ""), parameterCount: counted[index]?.parameterCount ?? 0, parameterBytes: counted[index]?.parameterBytes ?? 0,
    attributes: attributesOf(node), medianUs: null, layer: null,
  }));
  const fed = graph.inputs.filter((info) => !constants.has(info.name));
  return { inputs: fed.slice(0, ENDS_MAX).map(endOf), outputs: graph.outputs.slice(0, ENDS_MAX).map(endOf), nodes, edges: edgesOf(graph, shown, constants, shape), blocks, omittedNodes: operations.length - shown.length };
}

function constantsOf(graph: OnnxGraph): Constants {
  const sizeOf = (tensor: OnnxTensor) => ({ elements: elementCount(tensor.dims), bytes: tensor.data instanceof Uint8Array ? tensor.data.length : 0 });
  const constants: Constants = new Map(graph.initializers.map((tensor) => [tensor.name, sizeOf(tensor)]));
  for (const { name: _, opType, domain, outputs, attributes } of graph.nodes) {
    const [output] = outputs;
    if (opType !== "Constant" || domain !== "" || output === undefined) continue;
    const held = attributes.find((attribute) => attribute.type === "tensor");
    constants.set(output, held === undefined ? { elements: 1, bytes: 0 } : sizeOf(held.value));
  }
  return constants;
}

/** Nodes need no name; then they are called like what they put out. */
function nameOf(node: OnnxNode): string {
  return node.name === "" ? (node.outputs[0] ?? "") : node.name;
}

function countConstants(node: OnnxNode, constants: Constants, claimed: Set<string>): { parameterCount: number; parameterBytes: number } {
  const own = node.inputs.filter((input) => constants.has(input) && !claimed.has(input));
  const sum = { parameterCount: 0, parameterBytes: 0 };
  for (const input of new Set(own)) {
    claimed.add(input);
    sum.parameterCount += constants.get(input)?.elements ?? 0;
    sum.parameterBytes += constants.get(input)?.bytes ?? 0;
  }
  return sum;
}

function edgesOf(graph: OnnxGraph, shown: readonly OnnxNode[], constants: Constants, shape: (value: string) => Shape): GraphSummary["edges"] {
  const producers = new Map<string, number>(graph.inputs.filter((info) => !constants.has(info.name)).map((info) => [info.name, -1]));
  for (const [index, node] of shown.entries()) for (const output of node.outputs) if (output !== "") producers.set(output, index);
  const edges: GraphSummary["edges"] = [];
  const connect = (value: string, to: number): void => {
    const from = producers.get(value);
    if (from === undefined || edges.length >= EDGES_MAX) return;
    edges.push({ from, to, value: value.slice(0, NAME_CHARACTERS), shape: shape(value) });
  };
  for (const [index, node] of shown.entries()) for (const input of new Set([...node.inputs, ...capturesOf(node)])) connect(input, index);
  for (const output of graph.outputs) connect(output.name, -1);
  return edges;
}

/** Values that the bodies of a node (If, Loop, Scan) take from around them. */
function capturesOf(node: OnnxNode): string[] {
  const bodies = node.attributes.flatMap((attribute) => (attribute.type === "graph" ? [attribute.value] : attribute.type === "graphs" ? attribute.value : []));
  return bodies.flatMap((body) => {
    const own = new Set([...body.inputs.map((info) => info.name), ...body.initializers.map((tensor) => tensor.name), ...body.nodes.flatMap((inner) => inner.outputs)]);
    const read = [...body.nodes.flatMap((inner) => [...inner.inputs, ...capturesOf(inner)]), ...body.outputs.map((info) => info.name)];
    return read.filter((value) => value !== "" && !own.has(value));
  });
}

function endOf({ name, type }: OnnxValueInfo): GraphSummary["inputs"][number] {
  const elementType = type?.kind === "tensor" ? type.elementType : (type?.kind ?? "unknown");
  return { name: name.slice(0, NAME_CHARACTERS), elementType, shape: shapeOfType(type)?.map((dimension) => dimension ?? "?") ?? null };
}

function shapeOfType(type: OnnxType | null): Shape {
  if (type === null || type.kind !== "tensor" || type.shape === null) return null;
  return bounded(type.shape.map((dimension) => (dimension.kind === "value" ? dimension.value : dimension.kind === "param" ? dimension.param : null)));
}

function bounded(shape: Shape): Shape {
  return shape?.slice(0, DIMENSIONS_MAX).map((dimension) => (typeof dimension === "string" ? dimension.slice(0, NAME_CHARACTERS) : dimension)) ?? null;
}

function attributesOf(node: OnnxNode): Record<string, string> {
  return Object.fromEntries(node.attributes.slice(0, ATTRIBUTES_MAX).map((attribute) => [attribute.name.slice(0, ATTRIBUTE_CHARACTERS), textOf(attribute).slice(0, ATTRIBUTE_CHARACTERS)]));
}

const utf8 = new TextDecoder();

function textOf(attribute: OnnxAttribute): string {
  switch (attribute.type) {
    case "float": return String(Number(attribute.value.toPrecision(6)));
    case "int": return String(attribute.value);
    case "string": return utf8.decode(attribute.value.subarray(0, ATTRIBUTE_CHARACTERS));
    case "floats":
    case "ints": return attribute.value.slice(0, DIMENSIONS_MAX).join(", ");
    case "graph": return `${attribute.value.nodes.length} nodes`;
    case "tensor": return `${attribute.value.elementType} [${attribute.value.dims.join(", ")}]`;
    default: return attribute.type;
  }
}
