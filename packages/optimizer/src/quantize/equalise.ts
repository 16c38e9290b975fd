import type { OnnxGraph, OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { floats, GraphIndex, intAttribute, tensorNumbers } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { channelLayout, forEachWeight } from "./weight-quantisation.ts";

/** Operators that give c·y for c·x, channel by channel and for positive c. */
const SCALE_EQUIVARIANT = new Set(["Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool"]);
const ROUNDS = 3;

type Pair = { readonly first: OnnxNode; readonly second: OnnxNode };

/**
 * Cross-layer equalisation (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019): where one
 * convolution alone feeds another, each channel between them is scaled so that its weights are as large on both sides. In float nothing
 * changes; with one scale per tensor small channels no longer drown beside large ones.
 */
export const equaliseLayers: Pass = {
  name: "equalise-layers",
  title: "Weights of convolutions in a row are brought to one size, channel by channel",
  expectedEffect: "int8 with one scale per tensor loses less accuracy; with a scale per channel little changes",
  exactness: "rounding",
  appliesTo: ({ graph }) => (pairs(graph).length > 0 ? null : "no convolution alone feeds another"),
  run({ graph }: OnnxModel): PassChange[] {
    const found = pairs(graph);
    const editor = new WeightEditor(graph);
    for (let round = 0; round < ROUNDS; round += 1) for (const pair of found) equalise(pair, editor);
    editor.write();
    return found.map(({ first, second }) => ({ node: first.name, what: `is equalised with ${second.name}` }));
  },
};

function pairs(graph: OnnxGraph): Pair[] {
  const index = new GraphIndex(graph);
  return graph.nodes.flatMap((first) => {
    if (!isEditable(first, index)) return [];
    let next = index.onlyConsumer(first.outputs[0] ?? "");
    while (next !== null && next.domain === "" && SCALE_EQUIVARIANT.has(next.opType) && next.outputs.length === 1) next = index.onlyConsumer(next.outputs[0] ?? "");
    if (next === null || !isEditable(next, index)) return [];
    const channels = index.constantValue(first.inputs[1] ?? "")?.dims[0] ?? 0;
    return inputAxis(next, channels, index) === null ? [] : [{ first, second: next }];
  });
}

/** A convolution whose float32 weights and bias nobody else reads. */
function isEditable(node: OnnxNode, index: GraphIndex): boolean {
  if (node.opType !== "Conv" || node.domain !== "") return false;
  return node.inputs.slice(1).every((name) => name === "" || (index.initializer(name)?.elementType === "float32" && index.constantValue(name) !== null && index.onlyConsumer(name) === node));
}

/** Axis of the weights that the input's channels stand along: 1, or 0 when each channel has a filter of its own. Null for groups between. */
function inputAxis(node: OnnxNode, channels: number, index: GraphIndex): 0 | 1 | null {
  const dims = index.constantValue(node.inputs[1] ?? "")?.dims ?? [];
  const group = intAttribute(node, "group", 1);
  if (group === 1) return dims[1] === channels ? 1 : null;
  return group === channels && dims[0] === channels && dims[1] === 1 ? 0 : null;
}

class WeightEditor {
  readonly #graph: OnnxGraph;
  readonly index: GraphIndex;
  readonly #numbers = new Map<string, Float64Array>();

  constructor(graph: OnnxGraph) {
    this.#graph = graph;
    this.index = new GraphIndex(graph);
  }

  dims(name: string): readonly number[] {
    return this.index.initializer(name)?.dims ?? [];
  }

  numbers(name: string): Float64Array {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const tensor = this.index.initializer(name);
    const read = tensor === null ? new Float64Array(0) : tensorNumbers(tensor);
    this.#numbers.set(name, read);
    return read;
  }

  /** Largest magnitude along each position of an axis. */
  magnitudes(name: string, axis: number): Float64Array {
    const layout = channelLayout(this.dims(name), axis);
    const values = this.numbers(name);
    const largest = new Float64Array(layout.channels);
    forEachWeight(layout, (at, channel) => {
      largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(values[at] ?? 0));
    });
    return largest;
  }

  multiply(name: string, axis: number, factors: Float64Array): void {
    const values = this.numbers(name);
    forEachWeight(channelLayout(this.dims(name), axis), (at, channel) => {
      values[at] = (values[at] ?? 0) * (factors[channel] ?? 1);
    });
  }

  write(): void {
    this.#graph.initializers = this.#graph.initializers.map((tensor) => {
      const values = this.#numbers.get(tensor.name);
      return values === undefined ? tensor : { ...tensor, ...floats(tensor.name, tensor.dims, Float32Array.from(values)) };
    });
  }
}

/** s = √(r₁/r₂): the first layer's channel is divided by it, the second's multiplied. A channel without weights on a side is left. */
function equalise({ first, second }: Pair, editor: WeightEditor): void {
  const [weights = "", bias = ""] = first.inputs.slice(1);
  const next = second.inputs[1] ?? "";
  const before = editor.magnitudes(weights, 0);
  const axis = inputAxis(second, before.length, editor.index);
  if (axis === null) return;
  const after = editor.magnitudes(next, axis);
  const factors = before.map((size, channel) => {
    const factor = Math.sqrt(size / (after[channel] ?? 0));
    return Number.isFinite(factor) && factor > 0 ? factor : 1;
  });
  const inverse = factors.map((factor) => 1 / factor);
  editor.multiply(weights, 0, inverse);
  if (bias !== "") editor.multiply(bias, 0, inverse);
  editor.multiply(next, axis, factors);
}
