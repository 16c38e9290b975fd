import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, int64s, makeNode, tensorNumbers } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { weightInput } from "../fusion/matrix.ts";
import { dequantise } from "./number-formats.ts";
import { withTensorOutputs } from "./range-probes.ts";
import type { CalibrationContext } from "./sampler.ts";
import { evenlyChosen, Sampler } from "./sampler.ts";
import { channelLayout, forEachWeight } from "./weight-quantisation.ts";
import type { WriteOptions } from "./write-qdq.ts";
import { quantisedProduct, writeQdq } from "./write-qdq.ts";

export type BiasCorrection = {
  /**
   * "fast": every layer is fed what the float model gives it, quantised. "sequential": layer after layer, each fed by the quantised and
   * corrected ones in front of it; one run of the quantised model per example and layer.
   */
  readonly kind: "fast" | "sequential";
  /** Examples to measure on, evenly chosen. Default 64. */
  readonly examples?: number;
};

const EXAMPLES = 64;
/** A shift of more than this many times the largest bias says that the layer is broken, not shifted (NNCF uses the same bound). */
const LARGEST_SHIFT = 2;

/**
 * What to add to the biases of quantised layers so that the mean of each output channel is that of the float model (Nagel et al.,
 * "Data-Free Quantization", 2019, section 4.2, measured instead of derived). Keys are node names; values one number per channel.
 */
export async function correctBiases(
  model: OnnxModel,
  plan: WriteOptions,
  examples: ExampleSource,
  options: BiasCorrection,
  context: CalibrationContext,
): Promise<Map<string, Float64Array>> {
  const chosen = evenlyChosen(examples, options.examples ?? EXAMPLES);
  const layers = model.graph.nodes.filter((node) => plan.placement.integer.has(node) && weightInput(node, 2)?.biasInput != null);
  const passes = options.kind === "fast" ? 1 : layers.length + 1;
  const means = new ChannelMeans(new Sampler(context, chosen.count * passes), chosen);
  const corrections = new Map<string, Float64Array>();
  const index = new GraphIndex(model.graph);
  if (options.kind === "fast") {
    const { probed, twins } = withQuantisedTwins(model, layers, plan);
    const found = await means.of(probed, layers.flatMap((node) => [node.outputs[0] ?? "", twins.get(node) ?? ""]));
    for (const node of layers) keep(corrections, node, index, found.get(node.outputs[0] ?? ""), found.get(twins.get(node) ?? ""));
    return corrections;
  }
  const wanted = await means.of(model, layers.map(({ outputs }) => outputs[0] ?? ""));
  for (const node of layers) {
    const written = writeQdq(model, { ...plan, biasCorrections: corrections });
    const output = written.graph.nodes.find(({ name }) => name === node.name)?.outputs[0] ?? "";
    keep(corrections, node, index, wanted.get(node.outputs[0] ?? ""), (await means.of(written, [output])).get(output));
  }
  return corrections;
}

function keep(corrections: Map<string, Float64Array>, node: OnnxNode, index: GraphIndex, wanted: Float64Array | undefined, got: Float64Array | undefined): void {
  if (wanted === undefined || got === undefined || wanted.length !== got.length) return;
  const shift = wanted.map((mean, channel) => mean - (got[channel] ?? mean));
  const bias = index.constantValue(node.inputs[2] ?? "");
  const largest = (values: Float64Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const isPlausible = Number.isFinite(largest(shift)) && (bias === null || largest(shift) < LARGEST_SHIFT * largest(tensorNumbers(bias)));
  if (isPlausible) corrections.set(node.name, shift);
}

/** The float model with a second one beside each layer: same input quantised, weights quantised. */
function withQuantisedTwins(model: OnnxModel, layers: readonly OnnxNode[], plan: WriteOptions): { readonly probed: OnnxModel; readonly twins: ReadonlyMap<OnnxNode, string> } {
  const probed = cloneModel(model);
  const index = new GraphIndex(model.graph);
  const twins = new Map<OnnxNode, string>();
  for (const node of layers) {
    const [source = "", weights = ""] = node.inputs;
    const input = plan.activations.get(source);
    if (input === undefined) continue;
    const names = ["scale", "zero", "integers", "real", "weights", "output"].map((part) => index.freshName(`${node.name}_twin_${part}`));
    const [scale = "", zero = "", integers = "", real = "", twinWeights = "", output = ""] = names;
    const zeroBytes = input.format.elementType === "int8" ? Int8Array.of(input.zeroPoint) : Uint8Array.of(input.zeroPoint);
    probed.graph.initializers.push(floats(scale, [], [input.scale]), { ...floats(zero, [], [0]), elementType: input.format.elementType, data: new Uint8Array(zeroBytes.buffer) });
    probed.graph.initializers.push(floats(twinWeights, index.constantValue(weights)?.dims ?? [], roundedWeights(node, index, plan)));
    probed.graph.nodes.push(
      makeNode("QuantizeLinear", [source, scale, zero], [integers], {}, { name: index.freshName(`${integers}_node`) }),
      makeNode("DequantizeLinear", [integers, scale, zero], [real], {}, { name: index.freshName(`${real}_node`) }),
      { ...node, name: index.freshName(`${output}_node`), inputs: [real, twinWeights, ...node.inputs.slice(2)], outputs: [output] },
    );
    twins.set(node, output);
  }
  return { probed, twins };
}

/** The weights as the integer kernel sees them, in float. */
function roundedWeights(node: OnnxNode, index: GraphIndex, plan: WriteOptions): Float32Array {
  const { weights, dims, layoutAxis } = quantisedProduct(node, index, plan);
  const rounded = new Float32Array(weights.values.length);
  const channels = Array.from(weights.scales, (scale) => ({ scale, zeroPoint: weights.zeroPoint }));
  forEachWeight(channelLayout(dims, layoutAxis), (at, channel) => {
    const params = channels[channel];
    if (params !== undefined) rounded[at] = dequantise(weights.values[at] ?? 0, params);
  });
  return rounded;
}

export class ChannelMeans {
  readonly #sampler: Sampler;
  readonly #examples: ExampleSource;

  constructor(sampler: Sampler, examples: ExampleSource) {
    this.#sampler = sampler;
    this.#examples = examples;
  }

  /** Mean over the examples of each channel (axis 1) of the named values; only the means leave the runtime. */
  async of(model: OnnxModel, names: readonly string[]): Promise<Map<string, Float64Array>> {
    const { probed, means } = withChannelMeans(model, names);
    const sums = new Map<string, Float64Array>();
    await this.#sampler.eachRun(probed, this.#examples, (results) => {
      for (const [name, mean] of means) {
        const data = results[mean]?.data;
        if (!(data instanceof Float32Array)) continue;
        const sum = sums.get(name) ?? new Float64Array(data.length);
        for (let channel = 0; channel < sum.length; channel += 1) sum[channel] = (sum[channel] ?? 0) + (data[channel] ?? 0) / this.#examples.count;
        sums.set(name, sum);
      }
    });
    return sums;
  }
}

/** [N, C, …] → [N, C, rest] → mean over rest and over N. A product of two dimensions has one value as its rest. */
function withChannelMeans(model: OnnxModel, names: readonly string[]): { readonly probed: OnnxModel; readonly means: ReadonlyMap<string, string> } {
  const probed = cloneModel(model);
  const index = new GraphIndex(probed.graph);
  const isAxesInput = (model.opsets.find(({ domain }) => domain === "")?.version ?? 0) >= 18;
  const shape = index.freshName("channel_means_shape");
  const axes = index.freshName("channel_means_axes");
  // 0 keeps the size of N and C, −1 takes the rest.
  probed.graph.initializers.push(int64s(shape, [3], [0, 0, -1]), int64s(axes, [2], [0, 2]));
  const means = new Map<string, string>();
  for (const name of names) {
    const [flat, mean] = [index.freshName(`${name}_flat`), index.freshName(`${name}_mean`)];
    const attributes = { keepdims: { int: 0 }, ...(isAxesInput ? {} : { axes: { ints: [0, 2] } }) };
    probed.graph.nodes.push(
      makeNode("Reshape", [name, shape], [flat], {}, { name: index.freshName(`${flat}_node`) }),
      makeNode("ReduceMean", isAxesInput ? [flat, axes] : [flat], [mean], attributes, { name: index.freshName(`${mean}_node`) }),
    );
    means.set(name, mean);
  }
  return { probed: withTensorOutputs(probed, [...means.values()]), means };
}
