import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { floatAttribute, floats, intAttribute, tensorNumbers } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { ChannelMeans } from "../quantize/bias-correction.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import { evenlyChosen, Sampler } from "../quantize/sampler.ts";
import { FIXED } from "./channel-classes.ts";
import type { ChannelFlow, Taker } from "./channel-flow.ts";
import type { ChannelCut } from "./cut-channels.ts";

const EXAMPLES = 64;

/**
 * What products lose on average with the removed channels, W[:, removed] · E[removed], per output channel of the uncut model. At the edges
 * of padded convolutions it is an approximation. Measured on at most 64 examples; `model` is not cut yet.
 */
export async function lostMeans(model: OnnxModel, flow: ChannelFlow, cut: ChannelCut, examples: ExampleSource, context: CalibrationContext): Promise<ReadonlyMap<Taker, Float64Array>> {
  const losing = flow.takers.filter(({ labels, node }) => cut.touches([labels]) && hasEditableBias(node, flow));
  if (losing.length === 0) return new Map();
  const chosen = evenlyChosen(examples, EXAMPLES);
  const means = await new ChannelMeans(new Sampler(context, chosen.count), chosen).of(model, [...new Set(losing.map(({ input }) => input))]);
  return new Map(losing.flatMap((taker) => {
    const inputMeans = means.get(taker.input);
    const lost = inputMeans?.length === taker.labels.length && inputMeans.every(Number.isFinite) ? lostBy(taker, inputMeans, flow, cut) : null;
    return lost === null ? [] : [[taker, lost] as const];
  }));
}

/** Float32 weights, and a bias that is one number an output, or none. */
function hasEditableBias(node: OnnxNode, flow: ChannelFlow): boolean {
  const weights = flow.index.constantValue(node.inputs[1] ?? "");
  const bias = node.inputs[2] ?? "";
  if (weights?.elementType !== "float32" || floatAttribute(node, "beta", 1) !== 1) return false;
  const tensor = flow.index.initializer(bias);
  return bias === "" || (tensor?.elementType === "float32" && tensor.dims.reduce((product, size) => product * size, 1) === tensor.dims.at(-1));
}

function lostBy({ node, labels, outputs }: Taker, means: Float64Array, flow: ChannelFlow, cut: ChannelCut): Float64Array | null {
  const weights = flow.numbers(node.inputs[1] ?? "");
  const dims = flow.shape(node.inputs[1])?.map(Number);
  if (weights === null || dims === undefined) return null;
  const isOutputLast = node.opType === "Gemm" && intAttribute(node, "transB", 0) === 0;
  const perGroup = isOutputLast ? labels.length : (dims[1] ?? 1);
  const outputsPerGroup = outputs.length / (labels.length / perGroup);
  const kernel = dims.slice(2).reduce((product, size) => product * size, 1);
  const alpha = floatAttribute(node, "alpha", 1);
  return Float64Array.from(outputs, (_, output) => {
    const firstInput = Math.floor(output / outputsPerGroup) * perGroup;
    let lost = 0;
    for (let position = 0; position < perGroup; position += 1) {
      if (!cut.isRemoved(labels[firstInput + position] ?? FIXED)) continue;
      const start = isOutputLast ? position * outputs.length + output : (output * perGroup + position) * kernel;
      for (let at = start; at < start + kernel; at += 1) lost += (weights[at] ?? 0) * (means[firstInput + position] ?? 0) * alpha;
    }
    return lost;
  });
}

/** Adds to the biases of the cut model what was lost. Returns how many were changed. */
export function addToBiases(model: OnnxModel, lost: ReadonlyMap<Taker, Float64Array>, cut: ChannelCut): number {
  const tensors = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  for (const [{ node, outputs }, shift] of lost) {
    const kept = cut.kept(outputs);
    const tensor = tensors.get(node.inputs[2] ?? "");
    const values = tensor === undefined ? null : tensorNumbers(tensor);
    const bias = Float32Array.from(kept, (position, at) => (values?.[values.length === 1 ? 0 : at] ?? 0) + (shift[position] ?? 0));
    node.inputs[2] = cut.addConstant(`${node.name === "" ? (node.outputs[0] ?? "") : node.name}_bias`, floats("", [bias.length], bias));
  }
  return lost.size;
}
