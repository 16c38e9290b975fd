import type { OnnxModel, OnnxNode, ValueType } from "@flotilla/runtime/ir";
import { GraphIndex, inferShapes, subgraphs } from "@flotilla/runtime/ir";
import { nodeMacs } from "../fusion/macs.ts";
import type { FusionRule } from "../fusion/matrix.ts";
import { fusionRule, weightInput } from "../fusion/matrix.ts";
import { clipsAtZeroPoint, isHead, rowVector } from "./placement-rules.ts";
import { TensorGroups } from "./tensor-groups.ts";

export type PlacementOptions = {
  /** Names of nodes that stay float whatever the matrix says. What only moves values may still be done on the integers around it: it comes out the same. */
  readonly keepFloat?: readonly string[];
  /** A product of fewer multiply-accumulates that needs a quantiser of its own in front stays float: the quantiser costs more. Default 50,000. */
  readonly smallestMacs?: number;
  /** Convolutions whose values leave the model as an image of results (detectors, segmentation) stay float. Default true. */
  readonly keepHeadsFloat?: boolean;
};

export type NodeDecision = {
  readonly node: string;
  readonly opType: string;
  /** "merged": taken out, since the quantiser behind it clips alike. */
  readonly state: "integer" | "merged" | "float";
  /** Why it stays float; null when it does not. */
  readonly reason: string | null;
};

/** Where quantisers go. Node and value names are those of the float model. */
export type Placement = {
  readonly decisions: readonly NodeDecision[];
  readonly integer: ReadonlySet<OnnxNode>;
  /** Relu and Clip nodes that go, with the node whose output they clip. */
  readonly merged: ReadonlyMap<OnnxNode, OnnxNode>;
  /** Values that get Q and DQ, in the order of the graph. */
  readonly quantised: readonly string[];
  readonly groups: TensorGroups;
  /** Values that always lie in [0, 1]. */
  readonly unitRange: ReadonlySet<string>;
};

const SMALLEST_MACS = 50_000;
const UNIT_RANGE_OPERATORS = new Set(["Softmax", "Sigmoid", "HardSigmoid"]);

/**
 * Decides, from the fusion matrix of the runtime, which nodes of a float model will run on integers and which values have to be
 * quantised for that: never one that no integer kernel makes or takes. The nodes of the graph are in order and have unique names.
 */
export function placeQuantisers(model: OnnxModel, options: PlacementOptions = {}): Placement {
  const placer = new Placer(model, options);
  placer.forward();
  placer.prune();
  return placer.placement();
}

class Placer {
  readonly #model: OnnxModel;
  readonly #options: PlacementOptions;
  readonly #index: GraphIndex;
  readonly #types: ReadonlyMap<string, ValueType>;
  readonly #captured: ReadonlySet<string>;
  readonly #integer = new Set<OnnxNode>();
  readonly #merged = new Map<OnnxNode, OnnxNode>();
  readonly #reasons = new Map<OnnxNode, string>();

  constructor(model: OnnxModel, options: PlacementOptions) {
    this.#model = model;
    this.#options = options;
    this.#index = new GraphIndex(model.graph);
    this.#types = inferShapes(model);
    this.#captured = new Set(model.graph.nodes.filter((node) => subgraphs(node).length > 0).flatMap((node) => [...this.#index.reads(node)]));
  }

  /** Takes every node that can run on integers given what stands in front of it. */
  forward(): void {
    for (const node of this.#model.graph.nodes) {
      const rule = fusionRule(node);
      const refusal = this.#refusal(node, rule);
      if (refusal !== null) this.#reasons.set(node, refusal);
      else if (rule.kind === "clips") this.#merged.set(node, this.#producerBehind(node) ?? node);
      else this.#integer.add(node);
    }
  }

  #refusal(node: OnnxNode, rule: FusionRule): string | null {
    if (this.#options.keepFloat?.includes(node.name) === true) return "it was asked to stay float";
    if (rule.kind === "float") return rule.instead === null ? rule.why : `${rule.why}; it can be replaced by: ${rule.instead}`;
    if (rule.kind === "nothing" || rule.kind === "reads-integers") return "it computes nothing that integers make quicker";
    if (node.outputs.some((name) => this.#captured.has(name))) return "an inner graph reads its output";
    if (this.#types.get(node.outputs[0] ?? "")?.elementType !== "float32") return "its values are not float32";
    if (rule.kind === "clips") return this.#clipRefusal(node);
    const condition = rule.unless?.(node) ?? null;
    if (condition !== null) return condition;
    if (rule.kind === "moves-values") return this.#isMadeOfIntegers(node.inputs[0] ?? "") ? null : "nothing in front of it runs on integers";
    return weightInput(node, 2) === null ? this.#elementwiseRefusal(node) : this.#productRefusal(node);
  }

  #clipRefusal(node: OnnxNode): string | null {
    const producer = this.#producerBehind(node);
    if (producer === null || !this.#integer.has(producer)) return "nothing in front of it runs on integers";
    if (fusionRule(producer).kind !== "kernel") return "the operator in front of it only moves values";
    if (this.#index.onlyConsumer(node.inputs[0] ?? "") === null) return "its input has other readers";
    return clipsAtZeroPoint(node, this.#index) ? null : "it clips away 0, which quantised values always have";
  }

  #producerBehind(node: OnnxNode): OnnxNode | null {
    return this.#index.producer(node.inputs[0] ?? "");
  }

  #elementwiseRefusal(node: OnnxNode): string | null {
    const values = this.#activations(node);
    if (!values.some((name) => this.#isMadeOfIntegers(name))) return "nothing in front of it runs on integers";
    const others = node.inputs.filter((name) => name !== "" && !values.includes(name)).map((name) => this.#types.get(name)?.elementType);
    return others.every((type) => type === "float32" || type === "bool") ? null : "its inputs are of mixed types";
  }

  #productRefusal(node: OnnxNode): string | null {
    const weights = this.#index.constantValue(node.inputs[1] ?? "");
    const biasName = node.inputs[2] ?? "";
    if (weights?.elementType !== "float32") return "its weights are computed while the model runs";
    if (node.opType === "MatMul" && weights.dims.length !== 2) return "its weights are not a matrix";
    const outputs = node.opType === "Conv" ? weights.dims[0] : weights.dims[weightInput(node, weights.dims.length)?.channelAxis ?? 0];
    const bias = biasName === "" ? null : this.#index.constantValue(biasName);
    if (biasName !== "" && bias?.elementType !== "float32") return "its bias is computed while the model runs";
    if (bias !== null && rowVector(bias, outputs ?? 0) === null) return "its bias has more than one row";
    if (this.#isMadeOfIntegers(node.inputs[0] ?? "")) return null;
    const macs = nodeMacs(node, this.#types);
    const smallest = this.#options.smallestMacs ?? SMALLEST_MACS;
    return macs !== null && macs < smallest ? `${macs} multiply-accumulates are too few to pay for a quantiser in front` : null;
  }

  /** Inputs that are neither constants nor conditions. */
  #activations(node: OnnxNode): string[] {
    if (fusionRule(node).kind === "moves-values") return node.inputs.slice(0, 1);
    return node.inputs.filter((name) => name !== "" && this.#index.constantValue(name) === null && this.#types.get(name)?.elementType === "float32");
  }

  #isMadeOfIntegers(name: string): boolean {
    const producer = this.#index.producer(name);
    return producer !== null && (this.#integer.has(producer) || this.#merged.has(producer));
  }

  /** The value a node leaves once what clips it is merged. */
  #outputOf(node: OnnxNode): string {
    const name = node.outputs[0] ?? "";
    const next = this.#index.onlyConsumer(name);
    return next !== null && this.#merged.has(next) ? (next.outputs[0] ?? "") : name;
  }

  #feedsIntegers(node: OnnxNode): boolean {
    const names = node.outputs.length > 1 ? node.outputs : [this.#outputOf(node)];
    return names.some((name) => this.#index.consumers(name).some((reader) => this.#integer.has(reader) && this.#activations(reader).includes(name)));
  }

  /** Gives up, from the outputs backwards and until nothing changes, nodes whose integers nobody takes. */
  prune(): void {
    const nodes = this.#model.graph.nodes.toReversed();
    for (let before = -1; before !== this.#integer.size; ) {
      before = this.#integer.size;
      for (const node of nodes) {
        if (!this.#integer.has(node) || this.#feedsIntegers(node)) continue;
        const reason = this.#reasonToGiveUp(node);
        if (reason !== null) this.#giveUp(node, reason);
        else if (givesFloat(node) && !this.#isClipSeen(node)) this.#freeClip(node);
      }
    }
  }

  #reasonToGiveUp(node: OnnxNode): string | null {
    if (weightInput(node, 2) === null) return "nothing behind it takes integers, and its values are finer in float";
    const clip = this.#index.onlyConsumer(node.outputs[0] ?? "");
    if (givesFloat(node) && this.#isClipSeen(node) && clip !== null && !this.#merged.has(clip)) return `the ${clip.opType} behind it is not what a quantiser clips`;
    if (this.#options.keepHeadsFloat === false || node.opType !== "Conv") return null;
    return isHead(this.#outputOf(node), this.#index, this.#types) ? "its values leave the model one by one, as an image of results" : null;
  }

  /** Whether a Relu or Clip stands behind a node in the way that the runtime looks at when it fuses: alone, with one reader. */
  #isClipSeen(node: OnnxNode): boolean {
    const clip = this.#index.onlyConsumer(node.outputs[0] ?? "");
    return clip !== null && fusionRule(clip).kind === "clips" && this.#index.onlyConsumer(clip.outputs[0] ?? "") !== null;
  }

  #giveUp(node: OnnxNode, reason: string): void {
    this.#freeClip(node);
    this.#integer.delete(node);
    this.#reasons.set(node, reason);
  }

  #freeClip(node: OnnxNode): void {
    const clip = this.#index.onlyConsumer(node.outputs[0] ?? "");
    if (clip === null || !this.#merged.delete(clip)) return;
    this.#reasons.set(clip, "what it clips is left in float");
  }

  /** A matrix product whose values nobody takes as integers gives float at no cost, unless a Relu was merged into its quantiser. */
  #needsQuantisedOutput(node: OnnxNode): boolean {
    return !givesFloat(node) || this.#feedsIntegers(node) || this.#outputOf(node) !== node.outputs[0];
  }

  placement(): Placement {
    const { nodes } = this.#model.graph;
    const groups = new TensorGroups();
    const needed = new Set<string>();
    const unitRange = new Set<string>();
    for (const node of nodes.filter((candidate) => this.#integer.has(candidate))) {
      for (const name of this.#activations(node)) needed.add(name);
      const outputs = node.outputs.length > 1 ? node.outputs : [this.#outputOf(node)];
      if (this.#needsQuantisedOutput(node)) for (const name of outputs) needed.add(name);
      if (fusionRule(node).kind === "moves-values") for (const name of outputs) groups.join(node.inputs[0] ?? "", name);
      if (UNIT_RANGE_OPERATORS.has(node.opType)) unitRange.add(node.outputs[0] ?? "");
    }
    const order = [...this.#model.graph.inputs.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)];
    return {
      decisions: nodes.map((node) => this.#decision(node)),
      integer: this.#integer,
      merged: this.#merged,
      quantised: order.filter((name) => needed.has(name)),
      groups,
      unitRange,
    };
  }

  #decision(node: OnnxNode): NodeDecision {
    const state = this.#integer.has(node) ? "integer" : this.#merged.has(node) ? "merged" : "float";
    return { node: node.name, opType: node.opType, state, reason: state === "float" ? (this.#reasons.get(node) ?? null) : null };
  }
}

/** Whether an integer kernel takes the place of the node also when its output stays float. */
function givesFloat(node: OnnxNode): boolean {
  const rule = fusionRule(node);
  return rule.kind === "kernel" && rule.floatOutputKernel !== null;
}
