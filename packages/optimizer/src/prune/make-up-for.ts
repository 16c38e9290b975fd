import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { floatAttribute, floats, tensorNumbers } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { withTensorOutputs } from "../quantize/range-probes.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import { evenlyChosen, isHeldOut, Sampler } from "../quantize/sampler.ts";
import { FIXED } from "./channel-classes.ts";
import type { ChannelFlow, Taker } from "./channel-flow.ts";
import { ChannelMoments } from "./channel-moments.ts";
import type { ChannelCut } from "./cut-channels.ts";
import type { Explained } from "./explain-channels.ts";
import { explainChannels, explanationError, meansOf } from "./explain-channels.ts";
import type { WeightPlaces } from "./weight-places.ts";
import { isOutputLast, weightPlaces } from "./weight-places.ts";

const EXAMPLES = 128;
/** With more channels only means are taken: the work grows with the cube. */
const CHANNELS_MAX = 512;

/** What a product has in the place of its removed channels; `weights` and `shift` are of the uncut model. `weights` is null where they stay as they are. */
type Remedy = { readonly weights: Float64Array | null; readonly shift: Float64Array };

/** What the values that lose channels were on the examples: on most of them, and on those that are held out to judge by. */
export type Observed = ReadonlyMap<string, { readonly fitted: ChannelMoments; readonly heldOut: ChannelMoments }>;

/** Moments of all that products read channels of, on at most 128 examples. `model` is not cut yet. */
export async function observeChannels(model: OnnxModel, flow: ChannelFlow, examples: ExampleSource, context: CalibrationContext): Promise<Observed> {
  if (flow.takers.length === 0) return new Map();
  const chosen = evenlyChosen(examples, EXAMPLES);
  const moments = new Map(flow.takers.map(({ input, labels: { length } }) => {
    const kind = length > CHANNELS_MAX ? "means" : "covariances";
    return [input, { fitted: new ChannelMoments(length, kind), heldOut: new ChannelMoments(length, kind) }];
  }));
  await new Sampler(context, chosen.count).eachRun(withTensorOutputs(model, [...moments.keys()]), chosen, (results, feeds, index) => {
    for (const [name, { fitted, heldOut }] of moments) {
      const value = results[name] ?? feeds[name];
      if (value !== undefined) (isHeldOut(index) ? heldOut : fitted).add(value);
    }
  });
  return moments;
}

/**
 * Remedies for products that lose channels: what the others tell of the removed ones goes into the weights that read those, the rest of
 * their means into the bias. Where channels that stay tell no more than means do, on examples that were held out, it is the means alone.
 * At the edges of padded convolutions it is an approximation. The model is not cut yet.
 */
export function remediesFor(flow: ChannelFlow, cut: ChannelCut, observed: Observed): ReadonlyMap<Taker, Remedy> {
  const losing = flow.takers.filter(({ labels, node }) => cut.touches([labels]) && hasEditableBias(node, flow));
  return new Map(losing.flatMap((taker) => {
    const found = observed.get(taker.input);
    const remedy = found === undefined || found.fitted.rows === 0 || !found.fitted.isFinite || !found.heldOut.isFinite ? null : remedyFor(taker, found.fitted, found.heldOut, flow, cut);
    return remedy === null ? [] : [[taker, remedy] as const];
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

function remedyFor(taker: Taker, fitted: ChannelMoments, heldOut: ChannelMoments, flow: ChannelFlow, cut: ChannelCut): Remedy | null {
  const weights = flow.numbers(taker.node.inputs[1] ?? "");
  const places = weightPlaces(taker, flow);
  if (weights === null || places === null) return null;
  const kept = cut.kept(taker.labels);
  const removed = [...taker.labels.keys()].filter((position) => cut.isRemoved(taker.labels[position] ?? FIXED));
  const means = meansOf(fitted, kept, removed);
  // A group of a convolution sees only its own channels.
  const told = places.perGroup === taker.labels.length && fitted.hasCovariances && kept.length > 0 && heldOut.rows > 0 ? explainChannels(fitted, kept, removed) : null;
  const worth = removed.map((position) => places.squares(weights, position));
  const isBetter = told !== null && explanationError(told, heldOut, worth) < explanationError(means, heldOut, worth);
  return applied(isBetter ? told : means, weights, places, taker, floatAttribute(taker.node, "alpha", 1));
}

/** Weights and shift with what is told of the removed channels. */
function applied({ kept, removed, factors, offsets }: Explained, weights: Float64Array, places: WeightPlaces, { outputs }: Taker, alpha: number): Remedy {
  const changed = factors === null ? null : weights.slice();
  const shift = new Float64Array(outputs.length);
  for (const [r, position] of removed.entries()) {
    for (const { output, first } of places.slices(position)) {
      for (let tap = 0; tap < places.kernel; tap += 1) shift[output] = (shift[output] ?? 0) + (weights[first + tap] ?? 0) * (offsets[r] ?? 0) * alpha;
    }
    if (changed === null) continue;
    const from = places.slices(position);
    for (const [k, other] of kept.entries()) {
      const factor = factors?.[r]?.[k] ?? 0;
      for (const [at, { first }] of places.slices(other).entries()) {
        for (let tap = 0; tap < places.kernel; tap += 1) changed[first + tap] = (changed[first + tap] ?? 0) + (weights[(from[at]?.first ?? 0) + tap] ?? 0) * factor;
      }
    }
  }
  return { weights: changed, shift };
}

/** Puts the remedies into the cut model. Returns how many biases and how many matrices of weights were changed. */
export function makeUpFor(model: OnnxModel, remedies: ReadonlyMap<Taker, Remedy>, cut: ChannelCut): { readonly biases: number; readonly weights: number } {
  const tensors = new Map(model.graph.initializers.map((tensor) => [tensor.name, tensor]));
  let changed = 0;
  for (const [taker, { weights, shift }] of remedies) {
    const { node, outputs } = taker;
    const name = node.name === "" ? (node.outputs[0] ?? "") : node.name;
    const tensor = tensors.get(node.inputs[2] ?? "");
    const values = tensor === undefined ? null : tensorNumbers(tensor);
    const bias = Float32Array.from(cut.kept(outputs), (position, at) => (values?.[values.length === 1 ? 0 : at] ?? 0) + (shift[position] ?? 0));
    node.inputs[2] = cut.addConstant(`${name}_bias`, floats("", [bias.length], bias));
    const dims = tensors.get(node.inputs[1] ?? "")?.dims;
    if (weights === null || dims === undefined) continue;
    node.inputs[1] = cut.addConstant(`${name}_weights`, floats("", dims, keptOf(weights, taker, cut)));
    changed += 1;
  }
  return { biases: remedies.size, weights: changed };
}

/** The weights of one whole group, without what was cut. */
function keptOf(weights: Float64Array, { node, labels, outputs }: Taker, cut: ChannelCut): Float32Array {
  const [rows, columns] = isOutputLast(node) ? [labels, outputs] : [outputs, labels];
  const kernel = weights.length / (rows.length * columns.length);
  const keptColumns = cut.kept(columns);
  return Float32Array.from(cut.kept(rows).flatMap((row) => keptColumns.flatMap((column) => [...weights.subarray((row * columns.length + column) * kernel, (row * columns.length + column + 1) * kernel)])));
}
