import { channelLayout, forEachWeight } from "../quantize/weight-quantisation.ts";
import type { AxisLabels } from "./channel-classes.ts";
import { FIXED } from "./channel-classes.ts";
import type { ChannelFlow } from "./channel-flow.ts";
import type { ScoredGroup } from "./choose-channels.ts";

/** Classes of channels that stand along the same axes everywhere. */
export type ChannelGroup = ScoredGroup & {
  /** Nodes that make the channels. */
  readonly nodes: readonly string[];
};

export type FrozenChannels = { readonly node: string; readonly channels: number; readonly reason: string };

/** Classes that may go, in groups, and those that stay with the reason. */
export function groupChannels(flow: ChannelFlow): { readonly groups: ChannelGroup[]; readonly frozen: FrozenChannels[] } {
  const places = placesOf(flow);
  const worth = channelNorms(flow);
  const members = new Map<string, { classes: number[]; nodes: Set<string> }>();
  for (const { node, labels } of flow.roots) {
    for (const atom of labels) {
      const own = flow.classes.find(atom);
      if (flow.classes.frozen(own) !== null) continue;
      const key = (places.get(own) ?? []).join();
      const group = members.get(key) ?? { classes: [], nodes: new Set<string>() };
      if (!group.classes.includes(own)) group.classes.push(own);
      group.nodes.add(node);
      members.set(key, group);
    }
  }
  const groups = [...members.values()].map(({ classes, nodes }) => {
    const norms = classes.map((own) => worth.get(own) ?? 0);
    const mean = norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
    return { classes, nodes: [...nodes], scores: norms.map((norm) => (mean > 0 ? norm / mean : 1)) };
  });
  return { groups, frozen: frozenRoots(flow) };
}

/** Class → numbers of the axes it stands along, in order. */
function placesOf(flow: ChannelFlow): ReadonlyMap<number, readonly number[]> {
  const axes = new Set<AxisLabels>(flow.roots.map(({ labels }) => labels));
  for (const labels of flow.values.values()) for (const entry of labels) if (entry !== null) axes.add(entry);
  const places = new Map<number, number[]>();
  for (const [place, labels] of [...axes].entries()) {
    for (const atom of labels) {
      if (atom === FIXED) continue;
      const own = flow.classes.find(atom);
      const known = places.get(own);
      if (known === undefined) places.set(own, [place]);
      else if (known.at(-1) !== place) known.push(place);
    }
  }
  return places;
}

function frozenRoots(flow: ChannelFlow): FrozenChannels[] {
  return flow.roots.flatMap(({ node, labels }) => {
    const reasons = Array.from(labels, (atom) => flow.classes.frozen(atom)).filter((reason) => reason !== null);
    const [reason] = reasons;
    return reason === undefined ? [] : [{ node, channels: reasons.length, reason }];
  });
}

/** Sum over all weights of the Euclidean norms of the slices that belong to each class. */
function channelNorms(flow: ChannelFlow): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { node, input, axis, labels } of flow.weights) {
    const name = node.inputs[input] ?? "";
    const dims = flow.shape(name)?.map(Number);
    const numbers = flow.numbers(name);
    if (dims === undefined || numbers === null || dims[axis] !== labels.length) continue;
    const squares = new Float64Array(labels.length);
    forEachWeight(channelLayout(dims, axis), (at, channel) => {
      squares[channel] = (squares[channel] ?? 0) + (numbers[at] ?? 0) ** 2;
    });
    for (const [position, atom] of labels.entries()) {
      if (atom === FIXED) continue;
      const own = flow.classes.find(atom);
      sums.set(own, (sums.get(own) ?? 0) + Math.sqrt(squares[position] ?? 0));
    }
  }
  return sums;
}
