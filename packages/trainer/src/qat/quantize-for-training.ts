import { cloneModel, floats, int64s, int8s, makeNode, uint8s, upgradeOpset, type AttributeInput, type OnnxModel, type OnnxNode, type OnnxTensor } from "@flotilla/runtime/ir";
import { OPSET } from "../graph/graph-builder.ts";
import type { ExampleSource } from "../loop/training-source.ts";
import { TrainingRefusal } from "../training-refusal.ts";
import { observeRanges, type ValueRange } from "./observe-ranges.ts";
import { weightedLayers, type WeightedLayer } from "./weighted-layers.ts";

export type QuantizationForTraining = {
  /** Weights lie on a grid of 2^bits − 1 steps around zero; they are stored in eight bits each. */
  readonly weightBits: 8 | 4 | 3;
  /** One scale for each output channel, or one for the whole tensor. */
  readonly perChannel: boolean;
};

export type ObservationContext = { readonly threads: number; readonly signal: AbortSignal };

const OBSERVED_EXAMPLES = 256;
const ACTIVATION_LEVELS = 255;
/** Scale of a weight that is zero everywhere. */
const LEAST_SCALE = 1e-12;

/**
 * The model as it will compute in integers, in a form that trains (Jacob et al. 2018): weights stay float32 initializers under their names, and the graph rounds them to the scale it takes
 * from their largest value, anew at each step; what goes into a layer is rounded to eight bits of the range that it had over the first 256 examples. Gradients go straight through the
 * rounding. Biases stay in float. Norms should have been folded into the layers before them. Throws TrainingRefusal `nothing_to_train` without a layer for integers.
 */
export async function quantizeForTraining(model: OnnxModel, source: ExampleSource, options: QuantizationForTraining, context: ObservationContext): Promise<OnnxModel> {
  const copy = cloneModel(model);
  upgradeOpset(copy, OPSET);
  const layers = weightedLayers(copy.graph);
  if (layers.length === 0) throw new TrainingRefusal("nothing_to_train", "No layer of this model computes in integers: it has no convolution or product with a float32 weight.");
  const ranges = await observeRanges(copy, [...new Set(layers.map(({ input }) => input))], source, { count: OBSERVED_EXAMPLES, ...context });
  new FakeQuantizer(copy, options, ranges).rewrite(layers);
  return copy;
}

class FakeQuantizer {
  readonly #graph: OnnxModel["graph"];
  readonly #options: QuantizationForTraining;
  readonly #ranges: ReadonlyMap<string, ValueRange>;
  readonly #taken: Set<string>;
  /** Rounded values by what they are the rounded form of. */
  readonly #rounded = new Map<string, string>();
  readonly #constants = new Map<string, string>();

  constructor({ graph }: OnnxModel, options: QuantizationForTraining, ranges: ReadonlyMap<string, ValueRange>) {
    this.#graph = graph;
    this.#options = options;
    this.#ranges = ranges;
    this.#taken = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name).concat(graph.nodes.flatMap(({ outputs }) => outputs)));
  }

  /** Each new node stands in front of the first layer that needs it. */
  rewrite(layers: readonly WeightedLayer[]): void {
    const byNode = new Map(layers.map((layer) => [layer.node, layer]));
    this.#graph.nodes = this.#graph.nodes.flatMap((node) => {
      const layer = byNode.get(node);
      if (layer === undefined) return [node];
      const before: OnnxNode[] = [];
      const input = this.#activation(layer.input, before);
      node.inputs = [input, this.#weight(layer, before), ...node.inputs.slice(2)];
      return [...before, node];
    });
  }

  #activation(value: string, before: OnnxNode[]): string {
    const range = this.#ranges.get(value);
    if (range === undefined) return value;
    return this.#once(`value ${value}`, () => {
      // Zero has to be one of the steps: padding is made of it.
      const [low, high] = [Math.min(0, range.low), Math.max(0, range.high)];
      const scale = Math.max(Math.fround((high - low) / ACTIVATION_LEVELS), LEAST_SCALE);
      const zero = Math.min(ACTIVATION_LEVELS, Math.max(0, Math.round(-low / scale)));
      return this.#pair(before, value, this.#initializer(`${value}/scale`, (name) => floats(name, [], [scale])), this.#initializer(`${value}/zero`, (name) => uint8s(name, [], [zero])), {});
    });
  }

  #weight({ weight, channelAxis }: WeightedLayer, before: OnnxNode[]): string {
    const { perChannel, weightBits } = this.#options;
    return this.#once(`weight ${weight.name} ${perChannel ? channelAxis : ""}`, () => {
      const axes = weight.dims.map((_, axis) => axis).filter((axis) => !perChannel || axis !== channelAxis);
      const emit = (opType: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}): string => {
        const output = this.#fresh(`${weight.name}/${opType}`);
        before.push(makeNode(opType, inputs, [output], attributes));
        return output;
      };
      const constant = (value: number): string => this.#shared(`number ${value}`, (name) => floats(name, [], [value]));
      const largest = emit("ReduceMax", [emit("Abs", [weight.name]), this.#shared(`axes ${axes.join()}`, (name) => int64s(name, [axes.length], axes))], { keepdims: { int: 0 } });
      const scale = emit("Max", [emit("Div", [largest, constant(2 ** (weightBits - 1) - 1)]), constant(LEAST_SCALE)]);
      const channels = perChannel ? [weight.dims[channelAxis] ?? 1] : [];
      const zero = this.#shared(`zero ${channels.join()}`, (name) => int8s(name, channels, new Int8Array(channels[0] ?? 1)));
      return this.#pair(before, weight.name, scale, zero, perChannel ? { axis: { int: channelAxis } } : {});
    });
  }

  #pair(before: OnnxNode[], value: string, scale: string, zero: string, attributes: Readonly<Record<string, AttributeInput>>): string {
    const [steps, rounded] = [this.#fresh(`${value}/steps`), this.#fresh(`${value}/rounded`)];
    before.push(makeNode("QuantizeLinear", [value, scale, zero], [steps], attributes), makeNode("DequantizeLinear", [steps, scale, zero], [rounded], attributes));
    return rounded;
  }

  #once(key: string, write: () => string): string {
    const known = this.#rounded.get(key) ?? write();
    this.#rounded.set(key, known);
    return known;
  }

  #shared(key: string, make: (name: string) => OnnxTensor): string {
    const known = this.#constants.get(key) ?? this.#initializer(`fixed/${key}`, make);
    this.#constants.set(key, known);
    return known;
  }

  #initializer(prefix: string, make: (name: string) => OnnxTensor): string {
    const name = this.#fresh(prefix);
    this.#graph.initializers.push(make(name));
    return name;
  }

  #fresh(prefix: string): string {
    let name = prefix;
    for (let i = 2; this.#taken.has(name); i += 1) name = `${prefix} ${i}`;
    this.#taken.add(name);
    return name;
  }
}
