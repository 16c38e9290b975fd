import type { OnnxModel, OnnxNode, OnnxTensor, ValueType } from "@flotilla/runtime/ir";
import { GraphIndex, inferShapes, intAttribute, tensorByteLength, tensorNumbers } from "@flotilla/runtime/ir";
import { channelLayout, forEachWeight } from "../quantize/weight-quantisation.ts";
import type { AxisLabels } from "./channel-classes.ts";
import { ChannelClasses } from "./channel-classes.ts";
import type { ChannelCut } from "./cut-channels.ts";

/** Labels per axis of a value; null for an axis that nothing is removed from. */
export type Labels = readonly (AxisLabels | null)[];

/** What an axis of a constant is to the channels along it: its slices make them, scale them or take them in; "beside" does none of it (a bias). */
export type AxisRole = "makes" | "scales" | "takes" | "beside";

export type BoundConstant = { readonly name: string; readonly labels: (AxisLabels | null)[] };

/** An axis of weights whose slices say how much a channel matters. */
export type WeightAxis = { readonly node: OnnxNode; readonly input: number; readonly axis: number; readonly labels: AxisLabels; readonly role: Exclude<AxisRole, "beside"> };

/** A product that sums over labelled channels of `input`; what it loses with them can be put into its bias. */
export type Taker = { readonly node: OnnxNode; readonly input: string; readonly labels: AxisLabels; readonly outputs: AxisLabels };

export type ChannelRoot = { readonly node: string; readonly labels: AxisLabels };

/** Change of a node beside its constants, made when some of these channels go. */
export type NodeEdit = { readonly labels: Labels; readonly apply: (cut: ChannelCut) => void };

/**
 * Which positions of which axes of values and constants can only go together: rules of the operators write it down node by node, in the
 * order of the graph. Works on the model that is cut later.
 */
export class ChannelFlow {
  readonly index: GraphIndex;
  readonly opset: number;
  readonly classes = new ChannelClasses();
  readonly roots: ChannelRoot[] = [];
  readonly values = new Map<string, Labels>();
  readonly constants = new Map<string, BoundConstant>();
  readonly weights: WeightAxis[] = [];
  readonly takers: Taker[] = [];
  readonly edits: NodeEdit[] = [];
  /** Nodes that channels could not be followed through. */
  readonly stops: { readonly node: OnnxNode; readonly reason: string }[] = [];
  readonly #types: ReadonlyMap<string, ValueType>;
  readonly #uses = new Map<string, { readonly nodes: Map<OnnxNode, Set<number>>; readonly labels: Set<AxisLabels> }>();

  constructor(model: OnnxModel) {
    this.index = new GraphIndex(model.graph);
    this.#types = inferShapes(model);
    this.opset = model.opsets.find(({ domain }) => domain === "")?.version ?? 0;
  }

  shape(name: string | undefined): readonly (number | string | null)[] | null {
    return this.#types.get(name ?? "")?.shape ?? null;
  }

  labels(name: string | undefined): Labels | null {
    return this.values.get(name ?? "") ?? null;
  }

  axis(name: string | undefined, axis: number): AxisLabels | null {
    return this.labels(name)?.[axis] ?? null;
  }

  set(name: string | undefined, labels: Labels): void {
    if (name !== undefined && name !== "" && labels.some((entry) => entry !== null)) this.values.set(name, labels);
  }

  /** New channels that `node` makes. */
  root(node: OnnxNode, count: number): AxisLabels {
    const labels = this.classes.fresh(count);
    this.roots.push({ node: node.name === "" ? (node.outputs[0] ?? "") : node.name, labels });
    return labels;
  }

  onCut(labels: Labels, apply: NodeEdit["apply"]): void {
    this.edits.push({ labels, apply });
  }

  freezeValue(name: string, reason: string): void {
    for (const labels of this.labels(name) ?? []) this.classes.freeze(labels, reason);
  }

  /** Whether the value is an unchangeable tensor, or one stored in integers and dequantised. */
  isConstant(name: string | undefined): boolean {
    const given = name ?? "";
    return this.index.constantValue(given) !== null || this.#dequantised(given) !== null;
  }

  /** Numbers of such a constant, row-major. */
  numbers(name: string): Float64Array | null {
    const constant = this.index.constantValue(name);
    if (constant !== null) return constant.elementType === "string" ? null : tensorNumbers(constant);
    const stored = this.#dequantised(name);
    return stored === null ? null : dequantisedNumbers(stored, this.index);
  }

  #dequantised(name: string): { readonly node: OnnxNode; readonly integers: OnnxTensor } | null {
    const node = this.index.producer(name);
    if (node?.opType !== "DequantizeLinear" || node.domain !== "") return null;
    const integers = this.index.constantValue(node.inputs[0] ?? "");
    return integers === null ? null : { node, integers };
  }

  /** Integers of a constant shape, list of axes or sizes; null when it is not constant. */
  integers(name: string | undefined): number[] | null {
    const constant = this.index.constantValue(name ?? "");
    return constant === null || constant.elementType === "string" ? null : Array.from(tensorNumbers(constant));
  }

  /** Says that `node` reads a constant with these channels along its axes. */
  bind(node: OnnxNode, input: number, labels: Labels, roles: readonly AxisRole[] = []): void {
    const name = node.inputs[input] ?? "";
    for (const [axis, role] of roles.entries()) {
      const entry = labels[axis];
      if (role !== "beside" && entry !== undefined && entry !== null) this.weights.push({ node, input, axis, labels: entry, role });
    }
    this.#bindThrough(name, node, input, labels);
  }

  #bindThrough(name: string, node: OnnxNode, input: number, labels: Labels): void {
    this.#noteUse(name, node, input, labels);
    const stored = this.#dequantised(name);
    if (stored === null) {
      this.#bindTensor(name, labels);
      return;
    }
    this.#bindThrough(stored.node.inputs[0] ?? "", stored.node, 0, labels);
    const axis = intAttribute(stored.node, "axis", 1);
    const along = labels[axis < 0 ? axis + labels.length : axis] ?? null;
    for (const parameter of [1, 2]) {
      const read = stored.node.inputs[parameter] ?? "";
      if (read !== "" && this.index.constantValue(read)?.dims.length === 1) this.#bindThrough(read, stored.node, parameter, [along]);
    }
  }

  #bindTensor(name: string, labels: Labels): void {
    const known = this.constants.get(name);
    if (known === undefined) this.constants.set(name, { name, labels: [...labels] });
    else known.labels.forEach((entry, axis) => (known.labels[axis] = this.#joined(entry, labels[axis] ?? null)));
  }

  #joined(a: AxisLabels | null, b: AxisLabels | null): AxisLabels | null {
    return a === null && b === null ? null : this.classes.unite(a, b, "its weights are shared with an operator that needs all of them");
  }

  #noteUse(name: string, node: OnnxNode, input: number, labels: Labels): void {
    const uses = this.#uses.get(name) ?? { nodes: new Map<OnnxNode, Set<number>>(), labels: new Set<AxisLabels>() };
    const inputs = uses.nodes.get(node) ?? new Set<number>();
    uses.nodes.set(node, inputs.add(input));
    for (const entry of labels) if (entry !== null) uses.labels.add(entry);
    this.#uses.set(name, uses);
  }

  /** Freezes what the whole graph forbids: channels of its outputs, and constants that somebody reads in another way. */
  settle(): void {
    for (const { name } of this.index.graph.outputs) this.freezeValue(name, "it is an output of the model");
    for (const [name, { nodes, labels }] of this.#uses) {
      const reason = this.#sharingProblem(name, nodes);
      if (reason !== null) for (const entry of labels) this.classes.freeze(entry, reason);
    }
  }

  #sharingProblem(name: string, nodes: ReadonlyMap<OnnxNode, ReadonlySet<number>>): string | null {
    if (this.index.isGraphOutput(name)) return "its weights are an output of the model";
    for (const reader of this.index.consumers(name)) {
      const count = reader.inputs.filter((read) => read === name).length;
      if (count === 0 || nodes.get(reader)?.size !== count) return `its weights are also read by ${reader.opType} ${reader.name}`;
    }
    const tensor = this.index.constantValue(name);
    if (tensor !== null && tensorByteLength(tensor.elementType, [1]) !== tensorByteLength(tensor.elementType, [2])) return null;
    return tensor === null ? null : `its weights are packed ${tensor.elementType}`;
  }
}

function dequantisedNumbers({ node, integers }: { readonly node: OnnxNode; readonly integers: OnnxTensor }, index: GraphIndex): Float64Array | null {
  const scaleTensor = index.constantValue(node.inputs[1] ?? "");
  const zeroTensor = index.constantValue(node.inputs[2] ?? "");
  if (scaleTensor === null) return null;
  const [scales, zeros] = [tensorNumbers(scaleTensor), zeroTensor === null ? null : tensorNumbers(zeroTensor)];
  const axis = intAttribute(node, "axis", 1);
  const numbers = tensorNumbers(integers);
  const along = scales.length === 1 ? null : axis < 0 ? axis + integers.dims.length : axis;
  forEachWeight(channelLayout(integers.dims, along), (at, channel) => {
    numbers[at] = ((numbers[at] ?? 0) - (zeros?.[channel] ?? 0)) * (scales[channel] ?? 1);
  });
  return numbers;
}
