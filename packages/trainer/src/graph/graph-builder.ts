import { elementCount, floats, int64s, makeNode, type AttributeInput, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValueInfo } from "@flotilla/runtime/ir";
import type { StaticType } from "./static-type.ts";
import { withoutCopies } from "./without-copies.ts";

/** Operators are written as this set has them (ONNX 1.15: the first with Gelu). */
export const OPSET = 20;
const IR_VERSION = 9;

type Attributes = Readonly<Record<string, AttributeInput>>;
type NodeOptions = { readonly domain?: string };

/**
 * Writes an ONNX graph node by node, operands before what uses them, and knows the static type of every value. Names that it makes up
 * collide with none it has seen; equal constants are written once.
 */
export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValueInfo[] = [];
  readonly #outputs: OnnxValueInfo[] = [];
  readonly #types = new Map<string, StaticType>();
  readonly #constants = new Map<string, string>();
  readonly #domains = new Set<string>();
  readonly #taken: ReadonlySet<string>;
  #counter = 0;

  /** `taken`: names that are given away and come later; none of them is made up. */
  constructor(name: string, taken: Iterable<string> = []) {
    this.#name = name;
    this.#taken = new Set(taken);
  }

  /** A name that nothing here has yet. */
  freshName(prefix: string): string {
    for (;;) {
      const name = `${prefix}_${this.#counter++}`;
      if (!this.#types.has(name) && !this.#taken.has(name)) return name;
    }
  }

  /** Something the caller feeds. */
  input(name: string, type: StaticType): string {
    this.#declare(name, type);
    this.#inputs.push(valueInfo(name, type));
    return name;
  }

  /** Has the graph answer a value, under `name` when that is given. */
  output(value: string, name: string = value): string {
    if (name !== value) this.rename(value, name);
    this.#outputs.push(valueInfo(name, this.typeOf(value)));
    return name;
  }

  /** Takes a tensor over under its own name. */
  initializer(tensor: OnnxTensor): string {
    this.#declare(tensor.name, { elementType: tensor.elementType, dims: tensor.dims });
    this.#initializers.set(tensor.name, tensor);
    return tensor.name;
  }

  /** A float32 constant. */
  floats(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#constant(`f [${dims.join()}] ${values.map(String).join()}`, (name) => floats(name, dims, values));
  }

  scalar(value: number): string {
    return this.floats([value], []);
  }

  /** An int64 constant: axes, shapes, indices. */
  int64s(values: readonly number[], dims: readonly number[] = [values.length]): string {
    return this.#constant(`i [${dims.join()}] ${values.join()}`, (name) => int64s(name, dims, values));
  }

  /** Writes a node of one output and answers the output's name. */
  emit(opType: string, inputs: readonly string[], type: StaticType, attributes: Attributes = {}, options: NodeOptions = {}): string {
    const output = this.freshName(opType);
    this.adopt(makeNode(opType, inputs, [output], attributes, options), [type]);
    return output;
  }

  /** Writes a node of several outputs; null leaves an optional output out (its name is then ""). */
  emitAll(opType: string, inputs: readonly string[], types: readonly (StaticType | null)[], attributes: Attributes = {}, options: NodeOptions = {}): string[] {
    const outputs = types.map((type) => (type === null ? "" : this.freshName(opType)));
    this.adopt(makeNode(opType, inputs, outputs, attributes, options), types);
    return outputs;
  }

  /** Takes a node over as it is, with the names of its outputs; null for outputs that are absent. */
  adopt(node: OnnxNode, types: readonly (StaticType | null)[]): void {
    for (const [position, name] of node.outputs.entries()) {
      const type = types[position];
      if (name !== "" && type) this.#declare(name, type);
    }
    this.#domains.add(node.domain);
    this.#nodes.push(node);
  }

  /** Gives the value under a second name. */
  rename(value: string, name: string): string {
    this.adopt(makeNode("Identity", [value], [name]), [this.typeOf(value)]);
    return name;
  }

  has(name: string): boolean {
    return this.#types.has(name);
  }

  /** @throws RangeError for a value that nothing here has made. */
  typeOf(name: string): StaticType {
    const type = this.#types.get(name);
    if (type === undefined) throw new RangeError(`no value "${name}" in the graph ${this.#name}`);
    return type;
  }

  dimsOf(name: string): readonly number[] {
    return this.typeOf(name).dims;
  }

  elementsOf(name: string): number {
    return elementCount(this.dimsOf(name));
  }

  /** The model: nodes that no output depends on, and constants that none of the others reads, are left out. */
  toModel(): OnnxModel {
    const live = new Set(this.#outputs.map(({ name }) => name));
    const nodes = this.#nodes.toReversed().filter((node) => {
      if (!node.outputs.some((name) => live.has(name))) return false;
      for (const name of valuesReadBy(node)) live.add(name);
      return true;
    }).reverse().map((node) => withoutUnread(node, live));
    const graph: OnnxGraph = {
      name: this.#name, nodes: withoutCopies(nodes, new Set(this.#outputs.map(({ name }) => name))), initializers: [...this.#initializers.values()].filter(({ name }) => live.has(name)), sparseInitializers: [],
      inputs: this.#inputs, outputs: this.#outputs, valueInfos: [], docString: "", metadata: [], unknownFields: [],
    };
    const opsets = [{ domain: "", version: OPSET }, ...[...this.#domains].filter((domain) => domain !== "").map((domain) => ({ domain, version: 1 }))];
    return { irVersion: IR_VERSION, producerName: "flotilla", producerVersion: "", domain: "", modelVersion: 0n, docString: "", graph, opsets, metadata: [], functions: [], unknownFields: [] };
  }

  #declare(name: string, type: StaticType): void {
    if (this.#types.has(name)) throw new RangeError(`two values "${name}" in the graph ${this.#name}`);
    this.#types.set(name, type);
  }

  #constant(key: string, make: (name: string) => OnnxTensor): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.initializer(make(this.freshName("const")));
    this.#constants.set(key, name);
    return name;
  }
}

/** Their second outputs may be absent, and cost time (MaxPool's places: ten times the pool's own) where nothing reads them. */
const OPTIONAL_OUTPUTS: ReadonlySet<string> = new Set(["MaxPool", "LayerNormalization"]);

function withoutUnread(node: OnnxNode, live: ReadonlySet<string>): OnnxNode {
  const read = node.outputs.findLastIndex((name) => live.has(name)) + 1;
  return OPTIONAL_OUTPUTS.has(node.opType) && node.domain === "" && read < node.outputs.length ? { ...node, outputs: node.outputs.slice(0, read) } : node;
}

/** Inputs of the node and everything its subgraphs take from outside; inner names may be among them, which does no harm. */
function valuesReadBy(node: OnnxNode): string[] {
  const inner = node.attributes.flatMap((attribute) => (attribute.type === "graph" ? [attribute.value] : attribute.type === "graphs" ? attribute.value : []));
  return [...node.inputs, ...inner.flatMap((graph) => [...graph.nodes.flatMap(valuesReadBy), ...graph.outputs.map(({ name }) => name)])];
}

function valueInfo(name: string, { elementType, dims }: StaticType): OnnxValueInfo {
  const shape = dims.map((value) => ({ kind: "value" as const, value, denotation: "" }));
  return { name, type: { kind: "tensor", elementType, shape, denotation: "" }, docString: "", metadata: [], unknownFields: [] };
}
