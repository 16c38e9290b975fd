import { numberToFloat16 } from "../../float16.ts";
import { quoteName } from "../../model-refusal.ts";
import { GraphIndex } from "../graph-index.ts";
import type { ValueType } from "../shapes/infer-shapes.ts";
import { floats, int64s, rawTensor } from "../tensors.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "../types.ts";
import { OpsetRefusal } from "./opset-refusal.ts";

/** What becomes of a node: the nodes in its place, and in a few words what changed. Null: it stays as it is. */
export type StepOutcome = { readonly nodes: readonly OnnxNode[]; readonly what: string } | null;

/** Brings one operator from the version before to the next. It gets a node of its own, which it may change and return. */
export type Step = (node: OnnxNode, context: StepContext) => StepOutcome;

export type Steps = Readonly<Record<string, Step>>;

/** What a step may ask and add. Constants it makes become initializers of the graph. */
export class StepContext {
  readonly #graph: OnnxGraph;
  readonly #index: GraphIndex;
  readonly #types: () => ReadonlyMap<string, ValueType>;
  #asked: ReadonlyMap<string, ValueType> | null = null;
  readonly #fresh: (prefix: string) => string;
  readonly #made: OnnxTensor[] = [];

  /** `types` is asked when a step needs it; `fresh` gives names that no graph of the model uses. */
  constructor(graph: OnnxGraph, types: () => ReadonlyMap<string, ValueType>, fresh: (prefix: string) => string) {
    this.#graph = graph;
    this.#index = new GraphIndex(graph);
    this.#types = types;
    this.#fresh = fresh;
  }

  /** Gives the graph the constants that steps made. */
  finish(): void {
    this.#graph.initializers.push(...this.#made);
  }

  constant(name: string | undefined): OnnxTensor | null {
    return name === undefined || name === "" ? null : this.#index.constantValue(name);
  }

  typeOf(name: string | undefined): ValueType | null {
    this.#asked ??= this.#types();
    return this.#asked.get(name ?? "") ?? null;
  }

  /** True when somebody reads the value or it leaves the graph. */
  isUsed(name: string | undefined): boolean {
    return name !== undefined && name !== "" && (this.#index.consumers(name).length > 0 || this.#index.isGraphOutput(name));
  }

  freshName(node: OnnxNode, part: string): string {
    return this.#fresh(`${nodeLabel(node)}_${part}`);
  }

  int64s(node: OnnxNode, part: string, values: readonly (number | bigint)[]): string {
    return this.#add(int64s(this.freshName(node, part), [values.length], values));
  }

  floats(node: OnnxNode, part: string, dims: readonly number[], values: readonly number[]): string {
    return this.#add(floats(this.freshName(node, part), dims, values));
  }

  /** A scalar of the floating type that another value has. */
  scalarLike(node: OnnxNode, part: string, value: number, like: string | undefined): string {
    const type = this.typeOf(like)?.elementType ?? "undefined";
    const name = this.freshName(node, part);
    switch (type) {
      case "float32":
        return this.#add(floats(name, [], [value]));
      case "float16":
        return this.#add(rawTensor(name, type, [], new Uint8Array(Uint16Array.of(numberToFloat16(value)).buffer)));
      case "float64":
        return this.#add(rawTensor(name, type, [], new Uint8Array(Float64Array.of(value).buffer)));
      default:
        throw refusal(node, `the type of its input is not known (${type})`);
    }
  }

  tensor(node: OnnxNode, part: string, tensor: OnnxTensor): string {
    return this.#add({ ...tensor, name: this.freshName(node, part) });
  }

  #add(tensor: OnnxTensor): string {
    this.#made.push(tensor);
    return tensor.name;
  }
}

/** A name for people and for the names of constants. */
export function nodeLabel(node: OnnxNode): string {
  return node.name !== "" ? node.name : (node.outputs.find((name) => name !== "") ?? node.opType);
}

export function refusal(node: OnnxNode, why: string): OpsetRefusal {
  return new OpsetRefusal(`${node.opType} "${quoteName(nodeLabel(node))}" cannot be brought to a newer operator set: ${why}`, nodeLabel(node), node.opType);
}
