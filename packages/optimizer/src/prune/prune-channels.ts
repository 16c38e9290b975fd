import type { Tensors } from "@flotilla/runtime";
import { ModelRefusal, openModel, syntheticFeeds } from "@flotilla/runtime";
import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, GraphIndex, inferShapes, writeOnnx } from "@flotilla/runtime/ir";
import type { ExampleSource } from "../examples.ts";
import { nodeMacs } from "../fusion/macs.ts";
import type { CalibrationContext } from "../quantize/sampler.ts";
import { largestError } from "../simplify/output-error.ts";
import type { ChannelFlow } from "./channel-flow.ts";
import type { FrozenChannels } from "./channel-groups.ts";
import { groupChannels } from "./channel-groups.ts";
import type { PruningShare } from "./choose-channels.ts";
import { chooseChannels } from "./choose-channels.ts";
import { ChannelCut, cutChannels } from "./cut-channels.ts";
import { followChannels } from "./follow-channels.ts";
import type { Observed } from "./make-up-for.ts";
import { makeUpFor, observeChannels, remediesFor } from "./make-up-for.ts";
import { maskChannels } from "./mask-channels.ts";
import { PruningRefusal } from "./pruning-refusal.ts";
import { rankedGroups } from "./rank-channels.ts";

type PruningGroupReport = {
  /** Nodes that make the channels of the group. */
  readonly nodes: readonly string[];
  readonly channels: number;
  readonly kept: number;
};

export type PruningReport = {
  readonly groups: readonly PruningGroupReport[];
  /** Channels that have to stay, and why. */
  readonly frozen: readonly FrozenChannels[];
  /** Multiply-accumulates of one run, named sizes counted as 1. */
  readonly macs: { readonly before: number; readonly after: number };
  /** Largest |Δ| / (1 + max|y|) between the result and the original with the removed channels set to 0. */
  readonly surgeryError: number;
  /** Biases that what was removed was added to, as its mean over the examples. */
  readonly compensatedBiases: number;
  /** Matrices of weights that what was removed was added to, as far as the channels that stay tell it. */
  readonly compensatedWeights: number;
};

export type PruningContext = CalibrationContext & {
  /** Seed of the inputs the result is checked on. Default 1. */
  readonly seed?: number;
};

const ERROR_MAX = 1e-4;
const CHECKS = 2;

/**
 * Removes channels: with examples those that products miss least, else those with the smallest weights. The graph stays the same, and its matrices get smaller. `model` stays untouched. With
 * examples, what the removed channels gave is put into the weights and biases behind them, as far as the channels that stay tell it. The cut itself is checked: the result computes
 * what the original does with those channels set to 0. Throws `PruningRefusal`; an aborted signal rejects with its reason.
 */
export async function pruneChannels(
  model: OnnxModel,
  share: PruningShare,
  examples: ExampleSource | null = null,
  context: PruningContext = {},
): Promise<{ readonly model: OnnxModel; readonly report: PruningReport }> {
  if (!(share.ratio > 0 && share.ratio < 1)) throw new RangeError(`a share lies between 0 and 1, not at ${share.ratio}`);
  if (!(Number.isInteger(share.roundTo) && share.roundTo >= 1)) throw new RangeError(`a block has at least one channel, not ${share.roundTo}`);
  const pruned = cloneModel(model);
  const flow = followChannels(pruned);
  const { groups: found, frozen } = groupChannels(flow);
  if (found.length === 0) throw new PruningRefusal("nothing_to_prune", `No channel of this model can be removed. ${reasonsOf(frozen, flow)}`);
  const observed: Observed = examples === null || examples.count === 0 ? new Map() : await observeChannels(pruned, flow, examples, context);
  const groups = rankedGroups(found, flow, new Map([...observed].map(([name, { fitted }]) => [name, fitted])));
  const chosen = chooseChannels(groups, share);
  if (chosen.every((classes) => classes.length === 0)) {
    const sizes = groups.map(({ classes }) => classes.length).slice(0, 8).join(", ");
    throw new PruningRefusal("share_too_small", `${Math.round(share.ratio * 100)} % of the channels is less than a block of ${share.roundTo} that a layer could lose. Layers have ${sizes} channels.`);
  }
  const cut = new ChannelCut(pruned.graph, flow, new Set(chosen.flat()));
  const masked = maskChannels(pruned, flow, cut);
  const remedies = remediesFor(flow, cut, observed);
  cutChannels(pruned, flow, cut);
  const surgeryError = await checked(masked, pruned, examples, context);
  const madeUp = makeUpFor(pruned, remedies, cut);
  new GraphIndex(pruned.graph).removeUnused();
  const report: PruningReport = {
    groups: groups.map(({ nodes, classes }, at) => ({ nodes, channels: classes.length, kept: classes.length - (chosen[at]?.length ?? 0) })),
    frozen,
    macs: { before: macsOf(model), after: macsOf(pruned) },
    surgeryError,
    compensatedBiases: madeUp.biases,
    compensatedWeights: madeUp.weights,
  };
  return { model: pruned, report };
}

function reasonsOf(frozen: readonly FrozenChannels[], flow: ChannelFlow): string {
  const reasons = [...frozen.map(({ node, reason }) => `${node}: ${reason}`), ...flow.stops.map(({ node, reason }) => `${node.opType} ${node.name}: ${reason}`)];
  return reasons.length === 0 ? "It has no products with constant weights." : `${[...new Set(reasons)].slice(0, 5).join(". ")}.`;
}

function macsOf(model: OnnxModel): number {
  const types = inferShapes(model);
  return model.graph.nodes.reduce((sum, node) => sum + (nodeMacs(node, types) ?? 0), 0);
}

/** Runs both models on the same inputs; throws where they differ. */
async function checked(masked: OnnxModel, pruned: OnnxModel, examples: ExampleSource | null, { seed = 1, signal }: PruningContext): Promise<number> {
  const expected = await outputsOf(masked, examples, seed, signal).catch((error: unknown) => {
    if (error instanceof ModelRefusal) throw new PruningRefusal("not_runnable", `The model could not be run to check the result: ${error.message}`);
    throw error;
  });
  const actual = await outputsOf(pruned, examples, seed, signal).catch((error: unknown) => {
    if (error instanceof ModelRefusal) throw new PruningRefusal("unsound_result", `The pruned model does not run: ${error.message}`);
    throw error;
  });
  const error = largestError(expected, actual);
  if (!(error <= ERROR_MAX)) throw new PruningRefusal("unsound_result", `The pruned model differs by ${error.toExponential(2)} from the original without those channels.`);
  return error;
}

/** On made-up inputs and, where there are any, on the first examples. */
async function outputsOf(model: OnnxModel, examples: ExampleSource | null, seed: number, signal: AbortSignal | undefined): Promise<Tensors[]> {
  const session = await openModel(writeOnnx(model), { graphOptimization: "basic" });
  try {
    const outputs: Tensors[] = [];
    for (let check = 0; check < CHECKS; check += 1) {
      signal?.throwIfAborted();
      outputs.push(await session.run(syntheticFeeds(session.inputs, seed + check)));
      if (examples !== null && check < examples.count) outputs.push(await session.run((await examples.read(check)).feeds));
    }
    return outputs;
  } finally {
    await session.close();
  }
}
