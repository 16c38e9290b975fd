import type { OnnxModel, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, makeNode, rawTensor, tensorNumbers } from "@flotilla/runtime/ir";
import { weightInput } from "../fusion/matrix.ts";
import type { Quantisation } from "../quantize/number-formats.ts";
import type { WriteOptions } from "../quantize/write-qdq.ts";
import { quantisedProduct } from "../quantize/write-qdq.ts";
import { channelLayout, forEachWeight } from "../quantize/weight-quantisation.ts";

export type Gate = {
  /** Name of the float node. */
  readonly node: string;
  /** Graph input, a float scalar: 0 leaves the node in float, 1 quantises what it reads and what it gives. */
  readonly input: string;
  /** Graph outputs, float scalars: Σ y² of what the node gives, and Σ (ŷ − y)² of what it would give on integers for the same input. */
  readonly energy: string;
  readonly error: string;
};

export type GatedModel = { readonly model: OnnxModel; readonly gates: readonly Gate[] };

/**
 * The float model with a switch on every node that would run on integers: x + g·(x̂ − x) in the place of each value it reads, of its weights
 * and of what it gives, where x̂ is x quantised and back. One session then says what each node costs.
 */
export function gatedModel(model: OnnxModel, candidates: readonly OnnxNode[], plan: WriteOptions): GatedModel {
  const builder = new GateBuilder(model, plan);
  const wanted = new Set(candidates);
  for (const node of model.graph.nodes) builder.add(node, wanted.has(node));
  return builder.finish();
}

class GateBuilder {
  readonly #model: OnnxModel;
  readonly #plan: WriteOptions;
  readonly #index: GraphIndex;
  readonly #nodes: OnnxNode[] = [];
  readonly #added: OnnxTensor[] = [];
  readonly #gates: Gate[] = [];
  /** Value → the name of its rounding error x̂ − x, computed once. */
  readonly #errors = new Map<string, string>();
  /** Value that a gated node gives (behind a merged Relu) → gate. */
  readonly #given = new Map<string, { readonly gate: Gate; readonly exact: string }>();

  constructor(model: OnnxModel, plan: WriteOptions) {
    this.#model = model;
    this.#plan = plan;
    this.#index = new GraphIndex(model.graph);
  }

  add(node: OnnxNode, isGated: boolean): void {
    const made: OnnxNode = { ...node, inputs: [...node.inputs], outputs: [...node.outputs] };
    if (isGated) this.#gate(node, made);
    else this.#nodes.push(made);
    const given = this.#given.get(node.outputs[0] ?? "");
    // Behind a merged Relu or Clip: what the readers get is rounded there.
    if (given !== undefined && !isGated) {
      made.outputs[0] = given.exact;
      this.#switchOutput(node.outputs[0] ?? "", given.exact, given.gate);
    }
  }

  #gate(node: OnnxNode, made: OnnxNode): void {
    const fresh = (part: string) => this.#index.freshName(`${node.name}_${part}`);
    const gate: Gate = { node: node.name, input: fresh("gate"), energy: fresh("energy"), error: fresh("error") };
    const twin: OnnxNode = { ...made, name: fresh("twin"), inputs: [...node.inputs], outputs: [fresh("twin_output")] };
    const product = weightInput(node, 2);
    for (const [position, name] of node.inputs.entries()) {
      const error = product !== null && position === product.input ? this.#weightError(node) : this.#errorOf(name);
      if (error === null) continue;
      made.inputs[position] = this.#switched(name, error, gate.input);
      twin.inputs[position] = this.#sum(name, error);
    }
    const output = node.outputs[0] ?? "";
    const behind = this.#behind(node);
    const exact = this.#plan.activations.has(behind) ? fresh("exact") : output;
    if (behind === output) made.outputs[0] = exact;
    this.#nodes.push(made);
    if (made.outputs.length === 1) this.#probe(made.outputs[0] ?? "", twin, gate);
    if (exact !== output && behind === output) this.#switchOutput(output, exact, gate);
    else if (exact !== output) this.#given.set(behind, { gate, exact });
    this.#gates.push(gate);
  }

  /** The value that a node gives once a Relu or Clip behind it is merged into its quantiser. */
  #behind(node: OnnxNode): string {
    const next = this.#index.onlyConsumer(node.outputs[0] ?? "");
    return next !== null && this.#plan.placement.merged.get(next) === node ? (next.outputs[0] ?? "") : (node.outputs[0] ?? "");
  }

  #emit(opType: string, inputs: readonly string[], prefix: string, attributes: Parameters<typeof makeNode>[3] = {}): string {
    const output = this.#index.freshName(prefix);
    this.#nodes.push(makeNode(opType, inputs, [output], attributes, { name: output }));
    return output;
  }

  #switchOutput(name: string, exact: string, gate: Gate): void {
    const quantisation = this.#plan.activations.get(name);
    if (quantisation === undefined) return;
    const error = this.#rounded(exact, quantisation);
    const scaled = this.#emit("Mul", [gate.input, error], `${name}_gated`);
    this.#nodes.push(makeNode("Add", [exact, scaled], [name], {}, { name: this.#index.freshName(`${name}_switch`) }));
  }

  #switched(name: string, error: string, gate: string): string {
    return this.#emit("Add", [name, this.#emit("Mul", [gate, error], `${name}_gated`)], `${name}_switched`);
  }

  #sum(name: string, error: string): string {
    return this.#emit("Add", [name, error], `${name}_rounded`);
  }

  /** x̂ − x of an activation; null for values that are not quantised. */
  #errorOf(name: string): string | null {
    const quantisation = this.#plan.activations.get(name);
    if (quantisation === undefined) return null;
    const known = this.#errors.get(name) ?? this.#rounded(name, quantisation);
    this.#errors.set(name, known);
    return known;
  }

  #rounded(name: string, { scale, zeroPoint, format }: Quantisation): string {
    const [scaleName, zeroName] = [this.#index.freshName(`${name}_scale`), this.#index.freshName(`${name}_zero`)];
    const zero = format.elementType === "int8" ? Int8Array.of(zeroPoint) : Uint8Array.of(zeroPoint);
    this.#added.push(floats(scaleName, [], [scale]), rawTensor(zeroName, format.elementType, [], new Uint8Array(zero.buffer)));
    const integers = this.#emit("QuantizeLinear", [name, scaleName, zeroName], `${name}_integers`);
    return this.#emit("Sub", [this.#emit("DequantizeLinear", [integers, scaleName, zeroName], `${name}_real`), name], `${name}_error`);
  }

  #weightError(node: OnnxNode): string | null {
    const constant = this.#index.constantValue(node.inputs[1] ?? "");
    if (constant === null) return null;
    const exact = tensorNumbers(constant);
    const { weights, layoutAxis } = quantisedProduct(node, this.#index, this.#plan);
    const error = new Float32Array(exact.length);
    forEachWeight(channelLayout(constant.dims, layoutAxis), (at, channel) => {
      error[at] = ((weights.values[at] ?? 0) - weights.zeroPoint) * (weights.scales[channel] ?? 1) - (exact[at] ?? 0);
    });
    const name = this.#index.freshName(`${node.name}_weight_error`);
    this.#added.push(floats(name, constant.dims, error));
    return name;
  }

  /** With all gates at 0 the twin is fed as the node is, and rounded. */
  #probe(output: string, twin: OnnxNode, gate: Gate): void {
    this.#nodes.push(twin);
    const difference = this.#emit("Sub", [twin.outputs[0] ?? "", output], `${gate.error}_difference`);
    for (const [name, value] of [[gate.energy, output], [gate.error, difference]] as const) {
      this.#nodes.push(makeNode("ReduceSumSquare", [value], [name], { keepdims: { int: 0 } }, { name }));
    }
  }

  finish(): GatedModel {
    const model = cloneModel(this.#model);
    const info = (name: string) => ({ name, type: { kind: "tensor" as const, elementType: "float32", shape: [], denotation: "" }, docString: "", metadata: [], unknownFields: [] });
    model.graph.nodes = this.#nodes;
    model.graph.initializers.push(...this.#added);
    model.graph.inputs.push(...this.#gates.map(({ input }) => info(input)));
    model.graph.valueInfos = [];
    const made = new Set(this.#nodes.flatMap(({ outputs }) => outputs));
    model.graph.outputs.push(...this.#gates.flatMap(({ energy, error }) => [energy, error]).filter((name) => made.has(name)).map(info));
    return { model, gates: this.#gates };
  }
}
