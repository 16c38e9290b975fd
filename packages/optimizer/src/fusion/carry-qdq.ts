import type { OnnxGraph, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { GraphIndex, makeNode, rawTensor, tensorNumbers } from "@flotilla/runtime/ir";
import { fusionRule } from "./matrix.ts";
import { isDequantize, isQuantize, qdqParams } from "./qdq-view.ts";

/**
 * What ONNX Runtime does to quantised graphs before it fuses, on a copy of the graph: pairs of QuantizeLinear and DequantizeLinear
 * are carried past operators that only move values, and on x86 signed activations become unsigned. Edits `graph` in place.
 */
export function carryQdq(graph: OnnxGraph, isSignedKept: boolean): GraphIndex {
  const carrier = new Carrier(graph);
  for (const quantize of graph.nodes.filter(isQuantize)) carrier.backward(quantize);
  for (const dequantize of graph.nodes.filter(isDequantize)) carrier.forward(dequantize);
  if (!isSignedKept) signedToUnsigned(graph, carrier.index);
  return new GraphIndex(graph);
}

function letsPass(node: OnnxNode | null): node is OnnxNode {
  if (node === null) return false;
  const rule = fusionRule(node);
  return rule.kind === "moves-values" && rule.letsPass;
}

class Carrier {
  readonly #graph: OnnxGraph;
  index: GraphIndex;

  constructor(graph: OnnxGraph) {
    this.#graph = graph;
    this.index = new GraphIndex(graph);
  }

  /** Q behind a chain of value-moving operators: each gets a pair in front of it, up to the one behind a DQ. */
  backward(quantize: OnnxNode): void {
    if (qdqParams(this.index, quantize)?.isScalar !== true) return;
    let behind = quantize.inputs[0] ?? "";
    for (;;) {
      const mover = this.index.producer(behind);
      const before = mover?.inputs[0] ?? "";
      if (!letsPass(mover) || this.index.onlyConsumer(behind) === null || this.index.onlyConsumer(before) === null) return;
      if (isDequantize(this.index.producer(before)) || this.index.initializer(before) !== null) return;
      this.#insertPair(before, quantize.inputs.slice(1));
      behind = before;
    }
  }

  /** DQ in front of value-moving operators: each gets a pair behind it, unless something quantises there already. */
  forward(dequantize: OnnxNode): void {
    if (qdqParams(this.index, dequantize)?.isScalar !== true) return;
    const name = dequantize.outputs[0] ?? "";
    // The runtime gives each reader of a DQ one of its own first, so each is carried on by itself.
    const waiting = this.index.consumers(name).filter((reader) => reader.inputs[0] === name);
    for (let mover = waiting.pop(); mover !== undefined; mover = waiting.pop()) {
      if (!letsPass(mover)) continue;
      const output = mover.outputs[0] ?? "";
      const readers = [...this.index.consumers(output)];
      if (readers.some(isQuantize) || (readers.length === 0 && !this.index.isGraphOutput(output))) continue;
      const real = this.#insertPair(output, dequantize.inputs.slice(1));
      waiting.push(...readers.filter((reader) => reader.inputs[0] === real));
    }
  }

  /** Puts Q → DQ with the given parameters between a value and its readers; returns the name of the value behind the pair. */
  #insertPair(name: string, params: readonly string[]): string {
    const { index } = this;
    const integers = index.freshName(`${name}_carried_q`);
    const isOutput = index.isGraphOutput(name);
    // A graph output keeps its name: what made it makes another value, and the DQ makes the output.
    const source = isOutput ? index.freshName(`${name}_carried_from`) : name;
    const real = isOutput ? name : index.freshName(`${name}_carried_dq`);
    const producer = index.producer(name);
    if (isOutput && producer !== null) producer.outputs = producer.outputs.map((output) => (output === name ? source : output));
    for (const reader of index.consumers(name)) reader.inputs = reader.inputs.map((input) => (input === name ? real : input));
    const at = producer === null ? 0 : this.#graph.nodes.indexOf(producer) + 1;
    const quantize = makeNode("QuantizeLinear", [source, ...params], [integers], {}, { name: integers });
    this.#graph.nodes.splice(at, 0, quantize, makeNode("DequantizeLinear", [integers, ...params], [real], {}, { name: `${integers}_dq` }));
    this.index = new GraphIndex(this.#graph);
    return real;
  }
}

/** int8 Q with one int8 DQ behind it: both become uint8 with the zero point moved by 128. A branching Q stays signed. */
function signedToUnsigned(graph: OnnxGraph, index: GraphIndex): void {
  for (const quantize of graph.nodes.filter(isQuantize)) {
    const dequantize = index.onlyConsumer(quantize.outputs[0] ?? "");
    const params = qdqParams(index, quantize);
    if (!isDequantize(dequantize) || params?.elementType !== "int8" || !params.isScalar) continue;
    const zeroName = index.freshName(`${quantize.inputs[2] ?? "zero"}_unsigned`);
    graph.initializers.push(unsignedZero(zeroName, index.constantValue(quantize.inputs[2] ?? "")));
    for (const node of [quantize, dequantize]) node.inputs = [node.inputs[0] ?? "", node.inputs[1] ?? "", zeroName];
  }
}

function unsignedZero(name: string, zero: OnnxTensor | null): OnnxTensor {
  const values = zero === null ? [0] : [...tensorNumbers(zero)];
  return rawTensor(name, "uint8", zero?.dims ?? [], Uint8Array.from(values, (value) => value + 128));
}
