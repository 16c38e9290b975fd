import type { OnnxAttribute, OnnxAttributeValue, OnnxGraph, OnnxNode, OnnxTensor } from "./types.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** A value for an attribute, in the form code writes it. */
export type AttributeInput =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };

/** The attribute of that name, or null. */
export function attribute(node: OnnxNode, name: string): OnnxAttribute | null {
  return node.attributes.find((candidate) => candidate.name === name) ?? null;
}

/** An int attribute as a number (beyond 2^53 rounded), or the fallback when it is absent or of another type. */
export function intAttribute(node: OnnxNode, name: string, fallback: number): number {
  const found = attribute(node, name);
  return found?.type === "int" ? Number(found.value) : fallback;
}

/** An ints attribute as numbers (beyond 2^53 rounded), or null when it is absent or of another type. */
export function intsAttribute(node: OnnxNode, name: string): number[] | null {
  const found = attribute(node, name);
  return found?.type === "ints" ? found.value.map(Number) : null;
}

/** A float attribute, or the fallback when it is absent or of another type. */
export function floatAttribute(node: OnnxNode, name: string, fallback: number): number {
  const found = attribute(node, name);
  return found?.type === "float" ? found.value : fallback;
}

/** A string attribute, or the fallback when it is absent or of another type. */
export function stringAttribute(node: OnnxNode, name: string, fallback: string): string {
  const found = attribute(node, name);
  return found?.type === "string" ? DECODER.decode(found.value) : fallback;
}

/** Sets or replaces an attribute, in its place; `null` removes it. */
export function setAttribute(node: OnnxNode, name: string, input: AttributeInput | null): void {
  const at = node.attributes.findIndex((candidate) => candidate.name === name);
  if (input === null) {
    if (at !== -1) node.attributes.splice(at, 1);
    return;
  }
  const made: OnnxAttribute = { ...attributeValue(input), name, docString: "", unknownFields: [] };
  if (at === -1) node.attributes.push(made);
  else node.attributes[at] = made;
}

/** A node of the standard domain, or of `options.domain`. */
export function makeNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeInput>> = {},
  options: { readonly name?: string; readonly domain?: string } = {},
): OnnxNode {
  return {
    name: options.name ?? "",
    opType,
    domain: options.domain ?? "",
    overload: "",
    inputs: [...inputs],
    outputs: [...outputs],
    attributes: Object.entries(attributes).map(([name, input]) => ({ ...attributeValue(input), name, docString: "", unknownFields: [] })),
    docString: "",
    metadata: [],
    unknownFields: [],
  };
}

/** The graphs inside a node (branches and bodies of If, Loop, Scan and their kin). */
export function subgraphs(node: OnnxNode): OnnxGraph[] {
  const graphs: OnnxGraph[] = [];
  for (const candidate of node.attributes) {
    if (candidate.type === "graph") graphs.push(candidate.value);
    else if (candidate.type === "graphs") graphs.push(...candidate.value);
  }
  return graphs;
}

function attributeValue(input: AttributeInput): OnnxAttributeValue {
  if ("int" in input) return { type: "int", value: BigInt(input.int) };
  if ("float" in input) return { type: "float", value: Math.fround(input.float) };
  if ("string" in input) return { type: "string", value: ENCODER.encode(input.string) };
  if ("ints" in input) return { type: "ints", value: input.ints.map(BigInt) };
  if ("floats" in input) return { type: "floats", value: input.floats.map(Math.fround) };
  if ("strings" in input) return { type: "strings", value: input.strings.map((text) => ENCODER.encode(text)) };
  if ("tensor" in input) return { type: "tensor", value: input.tensor };
  return { type: "graph", value: input.graph };
}
