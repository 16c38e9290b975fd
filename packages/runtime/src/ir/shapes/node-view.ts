import { attribute, floatAttribute, intAttribute, intsAttribute, stringAttribute } from "../attributes.ts";
import type { OnnxGraph, OnnxNode } from "../types.ts";
import type { Dim, Value } from "./value.ts";
import { frontAxis, knownNumbers, UNKNOWN } from "./value.ts";

/** Infers the outputs of a graph inside a node, whose inputs are these. */
export type SubgraphInference = (graph: OnnxGraph, inputs: readonly Value[]) => Value[];

/** What a rule sees of a node. Rules give one value per output, fewer when the rest is unknown. */
export class NodeView {
  readonly node: OnnxNode;
  /** Version of the node's operator set. */
  readonly opset: number;
  readonly inferGraph: SubgraphInference;
  readonly #inputs: readonly Value[];

  constructor(node: OnnxNode, opset: number, inputs: readonly Value[], inferGraph: SubgraphInference) {
    this.node = node;
    this.opset = opset;
    this.inferGraph = inferGraph;
    this.#inputs = inputs;
  }

  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  /** The value of an input; an absent one is unknown. */
  input(index: number): Value {
    return this.#inputs[index] ?? UNKNOWN;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? "") !== "";
  }

  shape(index: number): readonly Dim[] | null {
    return this.input(index).shape;
  }

  type(index: number): string {
    return this.input(index).elementType;
  }

  /** All elements of an input, or null. */
  numbers(index: number): readonly number[] | null {
    return knownNumbers(this.input(index).numbers);
  }

  int(name: string, fallback: number): number {
    return intAttribute(this.node, name, fallback);
  }

  ints(name: string): number[] | null {
    return intsAttribute(this.node, name);
  }

  float(name: string, fallback: number): number {
    return floatAttribute(this.node, name, fallback);
  }

  string(name: string, fallback: string): string {
    return stringAttribute(this.node, name, fallback);
  }

  hasAttribute(name: string): boolean {
    return attribute(this.node, name) !== null;
  }

  /**
   * A list that newer versions take as an input and older ones as an attribute. "absent" when there is neither, null when it
   * is there but not known.
   */
  list(attributeName: string, inputIndex: number): readonly number[] | "absent" | null {
    const given = this.ints(attributeName);
    if (given !== null) return given;
    return this.has(inputIndex) ? this.numbers(inputIndex) : "absent";
  }

  /** The `axis` attribute counted from the front; null when it makes no sense for the rank. */
  axis(fallback: number, rank: number): number | null {
    return frontAxis(this.int("axis", fallback), rank);
  }
}

/** The values of a node's outputs, from what is known of its inputs. Where little is known, little may be said, but nothing wrong. */
export type Rule = (view: NodeView) => Value[];

export type Rules = Readonly<Record<string, Rule>>;
