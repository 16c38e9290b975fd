import { quoteName } from "../../model-refusal.ts";
import { elementCount, elementLayout, tensorByteLength } from "../element-layout.ts";
import { subgraphs } from "../attributes.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "../types.ts";
import { STANDARD_OPERATORS } from "../standard-operators.ts";
import { allowedAttributeTypes } from "./attribute-types.ts";
import type { ProblemList } from "./model-problem.ts";

/** Names made so far in one graph; inner graphs see the outer ones as they stand at the node. */
export type Scope = { readonly parent: Scope | null; readonly names: Set<string> };

type Domains = ReadonlySet<string>;

export function nodeLabel(node: OnnxNode): string {
  return node.name !== "" ? node.name : (node.outputs.find((name) => name !== "") ?? node.opType);
}

/** Checks one graph and the graphs inside its nodes. */
export function checkGraph(graph: OnnxGraph, parent: Scope | null, domains: Domains, problems: ProblemList): void {
  const scope: Scope = { parent, names: new Set() };
  const inputNames = new Set(graph.inputs.map(({ name }) => name));
  for (const { name } of graph.inputs) define(name, scope, problems, null);
  const tensors = [...graph.initializers, ...graph.sparseInitializers.map(({ values }) => values)];
  const seen = new Set<string>();
  for (const tensor of tensors) {
    if (tensor.name === "") problems.add("error", "tensor_nameless", "an initializer has no name");
    if (seen.has(tensor.name)) problems.add("error", "value_made_twice", `there are two initializers "${quoteName(tensor.name)}"`);
    // An initializer with the name of an input is the input's default.
    else if (!inputNames.has(tensor.name)) define(tensor.name, scope, problems, null);
    seen.add(tensor.name);
  }
  for (const tensor of graph.initializers) checkTensor(tensor, problems, null);
  checkNodes(graph.nodes, scope, domains, problems);
  checkOutputs(graph.outputs.map(({ name }) => name), scope, problems);
}

/** Checks nodes in their order; names they make are added to the scope. */
export function checkNodes(nodes: readonly OnnxNode[], scope: Scope, domains: Domains, problems: ProblemList): void {
  const madeAnywhere = new Set(nodes.flatMap(({ outputs }) => outputs));
  const nodeNames = new Set<string>();
  for (const node of nodes) {
    const label = nodeLabel(node);
    if (node.name !== "" && nodeNames.has(node.name)) problems.add("hazard", "node_name_twice", `two nodes are called "${quoteName(node.name)}"`, label);
    nodeNames.add(node.name);
    if (node.opType === "") problems.add("error", "operator_nameless", `node "${quoteName(label)}" names no operator`, label);
    if (!domains.has(node.domain)) {
      problems.add("error", "domain_unknown", `node "${quoteName(label)}" uses the domain "${quoteName(node.domain)}", which the model does not import`, label);
    }
    if (node.outputs.every((name) => name === "")) problems.add("error", "node_without_outputs", `node "${quoteName(label)}" has no outputs`, label);
    for (const name of node.inputs) if (name !== "") checkRead(name, label, scope, madeAnywhere, problems);
    checkAttributes(node, label, problems);
    for (const graph of subgraphs(node)) checkGraph(graph, scope, domains, problems);
    for (const name of node.outputs) if (name !== "") define(name, scope, problems, label);
  }
}

/** Outputs of a graph or function must be made in it (or, for a branch, outside it) and be named once. */
export function checkOutputs(names: readonly string[], scope: Scope, problems: ProblemList): void {
  for (const [index, name] of names.entries()) {
    if (!isVisible(name, scope)) problems.add("error", "output_missing", `nothing makes the output "${quoteName(name)}"`);
    if (names.indexOf(name) !== index) problems.add("error", "output_twice", `the output "${quoteName(name)}" is listed twice`);
  }
}

function define(name: string, scope: Scope, problems: ProblemList, node: string | null): void {
  if (isVisible(name, scope)) problems.add("error", "value_made_twice", `the value "${quoteName(name)}" is made more than once`, node);
  scope.names.add(name);
}

function isVisible(name: string, scope: Scope): boolean {
  for (let at: Scope | null = scope; at !== null; at = at.parent) if (at.names.has(name)) return true;
  return false;
}

function checkRead(name: string, label: string, scope: Scope, madeAnywhere: ReadonlySet<string>, problems: ProblemList): void {
  if (isVisible(name, scope)) return;
  if (madeAnywhere.has(name)) {
    problems.add("error", "value_read_too_early", `node "${quoteName(label)}" reads "${quoteName(name)}" before it is made`, label);
  } else {
    problems.add("error", "value_undefined", `node "${quoteName(label)}" reads "${quoteName(name)}", which nothing makes`, label);
  }
}

function checkAttributes(node: OnnxNode, label: string, problems: ProblemList): void {
  const seen = new Set<string>();
  for (const attribute of node.attributes) {
    const what = `attribute "${quoteName(attribute.name)}" of node "${quoteName(label)}"`;
    if (seen.has(attribute.name)) problems.add("error", "attribute_twice", `the ${what} is given twice`, label);
    seen.add(attribute.name);
    const allowed = node.domain === "" && STANDARD_OPERATORS.has(node.opType) ? allowedAttributeTypes(node, attribute.name) : null;
    if (allowed !== null && attribute.type !== "reference" && !allowed.includes(attribute.type)) {
      problems.add("error", "attribute_type", `the ${what} is of type ${attribute.type}; ${node.opType} takes ${allowed.join(" or ")}`, label);
    }
    if (attribute.type === "tensor") checkTensor(attribute.value, problems, label);
    else if (attribute.type === "tensors") for (const tensor of attribute.value) checkTensor(tensor, problems, label);
  }
}

function checkTensor(tensor: OnnxTensor, problems: ProblemList, node: string | null): void {
  const what = `tensor "${quoteName(tensor.name)}"`;
  if (elementLayout(tensor.elementType) === null) {
    problems.add("error", "tensor_type", `${what} is of the unknown type ${quoteName(tensor.elementType)}`, node);
    return;
  }
  if (tensor.dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) {
    problems.add("error", "tensor_size", `${what} has the impossible shape [${tensor.dims.join(", ")}]`, node);
  } else if (Array.isArray(tensor.data) !== (tensor.elementType === "string")) {
    problems.add("error", "tensor_type", `${what} is of type ${tensor.elementType} but holds ${Array.isArray(tensor.data) ? "texts" : "numbers"}`, node);
  } else if (Array.isArray(tensor.data)) {
    const count = elementCount(tensor.dims);
    if (tensor.data.length !== count) problems.add("error", "tensor_size", `${what} needs ${count} texts for its shape but holds ${tensor.data.length}`, node);
  } else {
    const expected = tensorByteLength(tensor.elementType, tensor.dims);
    if (tensor.data.byteLength !== expected) {
      problems.add("error", "tensor_size", `${what} needs ${expected} bytes for its shape but holds ${tensor.data.byteLength}`, node);
    }
  }
}
