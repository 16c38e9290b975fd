import { attribute, subgraphs } from "./attributes.ts";
import { floats, int64s, rawTensor } from "./tensors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./types.ts";

const NOBODY: readonly OnnxNode[] = [];

/**
 * Who makes and who reads each value of one graph, as it stood when the index was made: after a change make a new one (a few
 * milliseconds for 5,000 nodes). A node whose subgraphs read a value of this graph counts as its consumer.
 */
export class GraphIndex {
  readonly graph: OnnxGraph;
  readonly #producers = new Map<string, OnnxNode>();
  readonly #consumers = new Map<string, OnnxNode[]>();
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: ReadonlySet<string>;
  readonly #outputs: ReadonlySet<string>;
  readonly #reads = new Map<OnnxNode, ReadonlySet<string>>();
  #names: Set<string> | null = null;

  constructor(graph: OnnxGraph) {
    this.graph = graph;
    this.#inputs = new Set(graph.inputs.map(({ name }) => name));
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const tensor of graph.initializers) this.#initializers.set(tensor.name, tensor);
    for (const node of graph.nodes) {
      for (const name of node.outputs) if (name !== "") this.#producers.set(name, node);
      const reads = namesRead(node);
      this.#reads.set(node, reads);
      for (const name of reads) {
        const list = this.#consumers.get(name);
        if (list === undefined) this.#consumers.set(name, [node]);
        else list.push(node);
      }
    }
  }

  /** The node that makes the value; null for inputs, initializers and values of an outer graph. */
  producer(name: string): OnnxNode | null {
    return this.#producers.get(name) ?? null;
  }

  /** Nodes that read the value, in the order of the graph, each once however often it reads it. */
  consumers(name: string): readonly OnnxNode[] {
    return this.#consumers.get(name) ?? NOBODY;
  }

  /** The one node that reads a value which is no output of the graph; else null. */
  onlyConsumer(name: string): OnnxNode | null {
    const list = this.consumers(name);
    return list.length === 1 && !this.isGraphOutput(name) ? (list[0] ?? null) : null;
  }

  /** Values the node reads: its inputs and what its subgraphs capture. */
  reads(node: OnnxNode): ReadonlySet<string> {
    return this.#reads.get(node) ?? namesRead(node);
  }

  isGraphInput(name: string): boolean {
    return this.#inputs.has(name);
  }

  isGraphOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  initializer(name: string): OnnxTensor | null {
    return this.#initializers.get(name) ?? null;
  }

  /** The value of a name that cannot change: an initializer that no caller can override, or the output of a Constant node. */
  constantValue(name: string): OnnxTensor | null {
    const tensor = this.#initializers.get(name);
    if (tensor !== undefined) return this.#inputs.has(name) ? null : tensor;
    const node = this.#producers.get(name);
    return node === undefined ? null : constantNodeValue(node);
  }

  /** A name nothing in this graph and its subgraphs bears: the prefix itself, or the prefix with a number. It is then taken. */
  freshName(prefix: string): string {
    this.#names ??= namesIn(this.graph, new Set());
    let name = prefix;
    for (let count = 1; name === "" || this.#names.has(name); count += 1) name = `${prefix}_${count}`;
    this.#names.add(name);
    return name;
  }

  /**
   * Brings the nodes of the graph into an order in which every value is made before it is read; nodes that were in order keep
   * their places as far as possible. False, and nothing changed, when nodes wait for each other in a circle.
   */
  sortTopologically(): boolean {
    const order = topologicalOrder(this);
    if (order === null) return false;
    this.graph.nodes = order;
    return true;
  }

  /**
   * Takes out of the graph, in place, nodes whose values nobody reads, initializers nobody reads (with the graph inputs that
   * let callers override them), and type entries of values that are gone.
   */
  removeUnused(): { readonly nodes: number; readonly initializers: number } {
    const { graph } = this;
    const alive = aliveNodes(this);
    const needed = new Set(this.#outputs);
    for (const node of alive) for (const name of this.reads(node)) needed.add(name);
    const before = { nodes: graph.nodes.length, initializers: graph.initializers.length };
    graph.nodes = graph.nodes.filter((node) => alive.has(node));
    graph.initializers = graph.initializers.filter(({ name }) => needed.has(name));
    graph.sparseInitializers = graph.sparseInitializers.filter(({ values }) => needed.has(values.name));
    graph.inputs = graph.inputs.filter(({ name }) => needed.has(name) || !this.#initializers.has(name));
    const made = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
    graph.valueInfos = graph.valueInfos.filter(({ name }) => made.has(name) || needed.has(name));
    return { nodes: before.nodes - graph.nodes.length, initializers: before.initializers - graph.initializers.length };
  }
}

/** Names a node reads from its own graph: inputs and free names of its subgraphs. */
function namesRead(node: OnnxNode): Set<string> {
  const names = new Set<string>();
  for (const name of node.inputs) if (name !== "") names.add(name);
  for (const graph of subgraphs(node)) collectFreeNames(graph, names);
  return names;
}

function collectFreeNames(graph: OnnxGraph, into: Set<string>): void {
  const own = new Set<string>();
  for (const { name } of graph.inputs) own.add(name);
  for (const { name } of graph.initializers) own.add(name);
  for (const { values } of graph.sparseInitializers) own.add(values.name);
  for (const node of graph.nodes) for (const name of node.outputs) own.add(name);
  for (const node of graph.nodes) for (const name of namesRead(node)) if (!own.has(name)) into.add(name);
  for (const { name } of graph.outputs) if (name !== "" && !own.has(name)) into.add(name);
}

function namesIn(graph: OnnxGraph, into: Set<string>): Set<string> {
  for (const { name } of [...graph.inputs, ...graph.outputs, ...graph.initializers]) into.add(name);
  for (const { values } of graph.sparseInitializers) into.add(values.name);
  for (const node of graph.nodes) {
    into.add(node.name);
    for (const name of node.inputs) into.add(name);
    for (const name of node.outputs) into.add(name);
    for (const inner of subgraphs(node)) namesIn(inner, into);
  }
  return into;
}

/** Depth first: what a node waits for is put in front of it, otherwise nodes keep their order. Null for a circle. */
function topologicalOrder(index: GraphIndex): OnnxNode[] | null {
  const { nodes } = index.graph;
  const done = new Set<OnnxNode>();
  const order: OnnxNode[] = [];
  for (const root of nodes) {
    const stack: { readonly node: OnnxNode; readonly waits: Iterator<string> }[] = [];
    const open = new Set<OnnxNode>();
    const visit = (node: OnnxNode) => {
      stack.push({ node, waits: index.reads(node).values() });
      open.add(node);
    };
    if (!done.has(root)) visit(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.waits.next();
      if (next.done === true) {
        stack.pop();
        open.delete(top.node);
        done.add(top.node);
        order.push(top.node);
        continue;
      }
      const producer = index.producer(next.value);
      if (producer === null || done.has(producer)) continue;
      if (open.has(producer)) return null;
      visit(producer);
    }
  }
  return order;
}

function aliveNodes(index: GraphIndex): Set<OnnxNode> {
  const alive = new Set<OnnxNode>();
  const waiting: string[] = index.graph.outputs.map(({ name }) => name);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = index.producer(name);
    if (node === null || alive.has(node)) continue;
    alive.add(node);
    waiting.push(...index.reads(node));
  }
  return alive;
}

/** The value of a Constant node, named after its output; null for other nodes and for sparse values. */
export function constantNodeValue(node: OnnxNode): OnnxTensor | null {
  if (node.opType !== "Constant" || node.domain !== "") return null;
  const name = node.outputs[0] ?? "";
  const tensor = attribute(node, "value");
  if (tensor?.type === "tensor") return { ...tensor.value, name };
  for (const value of node.attributes) {
    if (value.name === "value_float" && value.type === "float") return floats(name, [], [value.value]);
    if (value.name === "value_floats" && value.type === "floats") return floats(name, [value.value.length], value.value);
    if (value.name === "value_int" && value.type === "int") return int64s(name, [], [value.value]);
    if (value.name === "value_ints" && value.type === "ints") return int64s(name, [value.value.length], value.value);
    if (value.name === "value_string" && value.type === "string") return { ...rawTensor(name, "string", [], new Uint8Array(0)), data: [value.value] };
    if (value.name === "value_strings" && value.type === "strings") {
      return { ...rawTensor(name, "string", [value.value.length], new Uint8Array(0)), data: [...value.value] };
    }
  }
  return null;
}
