import type { OnnxGraph, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex, subgraphs } from "@flotilla/runtime/ir";

/**
 * Who makes and who reads each value of a graph that is being edited. All edits of nodes go through it; a node that is in the graph
 * may not be changed behind its back. An edit costs what it touches, so that graphs of many thousand nodes can take as many edits.
 */
export class LiveIndex {
  readonly #graph: OnnxGraph;
  readonly #start: GraphIndex;
  /** Knows no node, so it looks at each anew. */
  readonly #fresh: GraphIndex;
  readonly #producers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, Set<OnnxNode>>();
  readonly #reads = new Map<OnnxNode, ReadonlySet<string>>();

  constructor(graph: OnnxGraph) {
    this.#graph = graph;
    this.#start = new GraphIndex(graph);
    this.#fresh = new GraphIndex({ ...graph, nodes: [], initializers: [], inputs: [], outputs: [] });
    for (const node of graph.nodes) this.#register(node);
  }

  /** The graph as it stood at first: its inputs, outputs, initializers and names do not change here. */
  get start(): GraphIndex {
    return this.#start;
  }

  has(node: OnnxNode): boolean {
    return this.#reads.has(node);
  }

  producer(name: string): OnnxNode | null {
    return this.#producers.get(name) ?? null;
  }

  /** Nodes that read the value, themselves or in their subgraphs, each once. */
  readers(name: string): readonly OnnxNode[] {
    return [...(this.#readers.get(name) ?? [])];
  }

  /** Puts `nodes` where `old` stands. */
  replace(old: OnnxNode, nodes: readonly OnnxNode[]): void {
    this.#graph.nodes.splice(this.#graph.nodes.indexOf(old), 1, ...nodes);
    this.#unregister(old);
    for (const node of nodes) this.#register(node);
  }

  /** Makes every reader of `from` read `to`. */
  renameReads(from: string, to: string): void {
    for (const node of this.readers(from)) {
      this.#unregister(node);
      renameIn(node, from, to);
      this.#register(node);
    }
  }

  /** Gives an output of the node another name; readers of the old one are left to the caller. */
  renameOutput(node: OnnxNode, from: string, to: string): void {
    this.#unregister(node);
    node.outputs = node.outputs.map((name) => (name === from ? to : name));
    this.#register(node);
  }

  #register(node: OnnxNode): void {
    const reads = this.#fresh.reads(node);
    this.#reads.set(node, reads);
    for (const name of node.outputs) if (name !== "") this.#producers.set(name, node);
    for (const name of reads) {
      const readers = this.#readers.get(name);
      if (readers === undefined) this.#readers.set(name, new Set([node]));
      else readers.add(node);
    }
  }

  #unregister(node: OnnxNode): void {
    for (const name of node.outputs) if (this.#producers.get(name) === node) this.#producers.delete(name);
    for (const name of this.#reads.get(node) ?? []) this.#readers.get(name)?.delete(node);
    this.#reads.delete(node);
  }
}

function renameIn(node: OnnxNode, from: string, to: string): void {
  node.inputs = node.inputs.map((name) => (name === from ? to : name));
  for (const body of subgraphs(node)) {
    for (const inner of body.nodes) renameIn(inner, from, to);
    for (const output of body.outputs) if (output.name === from) output.name = to;
  }
}
