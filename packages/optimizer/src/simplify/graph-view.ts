import type { OnnxDimension, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, ValueType } from "@flotilla/runtime/ir";
import { inferShapes, tensorNumbers } from "@flotilla/runtime/ir";
import { LiveIndex } from "./live-index.ts";

export type Dimension = number | string | null;

/**
 * One graph with what is known of its values, and the edits rewrites are made of. Values keep their meaning: an edit may add
 * values and remove values, but a name never comes to stand for something else, so what was inferred stays true.
 */
export class GraphView {
  readonly model: OnnxModel;
  readonly graph: OnnxGraph;
  readonly #types: ReadonlyMap<string, ValueType>;
  readonly #added = new Map<string, OnnxTensor>();
  readonly #index: LiveIndex;

  constructor(model: OnnxModel) {
    this.model = model;
    this.graph = model.graph;
    this.#types = inferShapes(withNamedDimensions(model));
    this.#index = new LiveIndex(model.graph);
  }

  /** Whether the node is in the graph; edits take nodes out of it. */
  has(node: OnnxNode): boolean {
    return this.#index.has(node);
  }

  /** Version of the standard operators. */
  get opset(): number {
    return opsetOf(this.model);
  }

  /** The node that makes this value; null for inputs, constants and absent values. */
  producer(name: string): OnnxNode | null {
    return name === "" ? null : this.#index.producer(name);
  }

  /** As `producer`, if nothing else reads the value: the two nodes can become one. */
  privateProducer(name: string): OnnxNode | null {
    const node = this.producer(name);
    return node !== null && this.uses(name) === 1 ? node : null;
  }

  /** Nodes that read the value, themselves or in their subgraphs. */
  readers(name: string): readonly OnnxNode[] {
    return this.#index.readers(name);
  }

  /** How often the value is read: by nodes, inside subgraphs, and as an output of the graph. */
  uses(name: string): number {
    const byNodes = this.#index.readers(name).reduce((sum, node) => sum + Math.max(1, node.inputs.filter((input) => input === name).length), 0);
    return byNodes + (this.isGraphOutput(name) ? 1 : 0);
  }

  isUsed(name: string | undefined): boolean {
    return name !== undefined && name !== "" && this.uses(name) > 0;
  }

  isGraphOutput(name: string): boolean {
    return this.#index.start.isGraphOutput(name);
  }

  /** The tensor that the value always is, from an initializer or a `Constant` node. */
  constant(name: string | undefined): OnnxTensor | null {
    return name === undefined || name === "" ? null : (this.#added.get(name) ?? this.#index.start.constantValue(name));
  }

  initializer(name: string): OnnxTensor | null {
    return this.#index.start.initializer(name);
  }

  /** The elements of a constant as numbers; null for other values, text and complex numbers. */
  numbers(name: string | undefined): Float64Array | null {
    const tensor = this.constant(name);
    return tensor === null ? null : numbersOf(tensor);
  }

  integers(name: string | undefined): number[] | null {
    const numbers = this.numbers(name);
    return numbers === null ? null : [...numbers];
  }

  /** Numbers, names of symbolic dimensions, and null where nothing is known; null if not even the rank is. */
  shape(name: string | undefined): readonly Dimension[] | null {
    if (name === undefined) return null;
    return this.#added.get(name)?.dims ?? this.#types.get(name)?.shape ?? null;
  }

  staticShape(name: string | undefined): readonly number[] | null {
    const shape = this.shape(name);
    return shape !== null && shape.every((dim) => typeof dim === "number") ? shape : null;
  }

  elementType(name: string | undefined): string | null {
    if (name === undefined) return null;
    const known = this.#added.get(name)?.elementType ?? this.#types.get(name)?.elementType ?? null;
    return known === "undefined" ? null : known;
  }

  /** What inference knows the value to be, without there being an initializer of it. */
  inferredConstant(name: string): OnnxTensor | null {
    return this.#types.get(name)?.constant ?? null;
  }

  /** Both shapes known in every dimension, and the same. */
  hasSameShape(first: string | undefined, second: string | undefined): boolean {
    const [a, b] = [this.shape(first), this.shape(second)];
    return a !== null && b !== null && a.length === b.length && a.every((dim, axis) => dim !== null && dim === b[axis]);
  }

  freshName(prefix: string): string {
    return this.#index.start.freshName(prefix);
  }

  /** Adds a constant under a name of its own, which it returns. */
  addConstant(prefix: string, tensor: OnnxTensor): string {
    const name = this.freshName(prefix);
    const added = { ...tensor, name };
    this.graph.initializers.push(added);
    this.#added.set(name, added);
    return name;
  }

  /** Adds constants that stand for the values of nodes which are gone. */
  keepConstants(tensors: readonly OnnxTensor[]): void {
    for (const tensor of tensors) {
      this.graph.initializers.push(tensor);
      this.#added.set(tensor.name, tensor);
    }
  }

  /** Puts `nodes` where `old` stands; they make the values of `old` that are still read. */
  replace(old: OnnxNode, ...nodes: OnnxNode[]): void {
    this.#index.replace(old, nodes);
  }

  remove(node: OnnxNode): void {
    this.#index.replace(node, []);
  }

  /**
   * Removes a node of one used output whose value is `source`'s: readers read `source`. False, with nothing changed, where the names of the
   * graph's inputs and outputs forbid it.
   */
  bypass(node: OnnxNode, source: string): boolean {
    const output = node.outputs[0] ?? "";
    if (!this.isGraphOutput(output)) {
      this.remove(node);
      this.#index.renameReads(output, source);
      return true;
    }
    const producer = this.producer(source);
    if (producer === null || this.isGraphOutput(source)) return false;
    this.remove(node);
    this.#index.renameOutput(producer, source, output);
    this.#index.renameReads(source, output);
    return true;
  }
}

/** Version of the standard operators the model asks for; 1 where it names none. */
export function opsetOf(model: OnnxModel): number {
  return model.opsets.find(({ domain }) => domain === "")?.version ?? 1;
}

/** The same model with a symbol for each dimension that its inputs leave open, so that inference can tell where it comes back. */
function withNamedDimensions(model: OnnxModel): OnnxModel {
  const inputs = model.graph.inputs.map((input) => {
    if (input.type?.kind !== "tensor" || input.type.shape === null) return input;
    const shape = input.type.shape.map((dimension, axis): OnnxDimension =>
      dimension.kind === "unknown" ? { kind: "param", param: `${input.name}[${axis}]`, denotation: "" } : dimension,
    );
    return { ...input, type: { ...input.type, shape } };
  });
  return { ...model, graph: { ...model.graph, inputs } };
}

/** The elements of a tensor as numbers; null for text and complex numbers. */
export function numbersOf(tensor: OnnxTensor): Float64Array | null {
  return Array.isArray(tensor.data) || tensor.elementType.startsWith("complex") ? null : tensorNumbers(tensor);
}
