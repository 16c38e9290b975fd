import type { OnnxNode } from "@flotilla/runtime/ir";
import { elementCount, intAttribute } from "@flotilla/runtime/ir";
import type { ChannelFlow, Taker } from "./channel-flow.ts";

/** Where in the weights of a product what it reads of one channel lies. */
export type WeightPlaces = {
  readonly perGroup: number;
  readonly kernel: number;
  /** The outputs that read the channel, each with the place of its first weight for it. */
  slices(channel: number): { readonly output: number; readonly first: number }[];
  /** Σ w² of the weights that read the channel. */
  squares(weights: Float64Array, channel: number): number;
};

/** Null where the sizes of the weights are not known. */
export function weightPlaces({ node, labels, outputs }: Taker, flow: ChannelFlow): WeightPlaces | null {
  const dims = flow.shape(node.inputs[1])?.map(Number);
  if (dims === undefined) return null;
  const isLast = isOutputLast(node);
  const perGroup = isLast ? labels.length : (dims[1] ?? 1);
  const outputsPerGroup = outputs.length / (labels.length / perGroup);
  const kernel = elementCount(dims.slice(2));
  const slices: WeightPlaces["slices"] = (channel) => {
    const [group, position] = [Math.floor(channel / perGroup), channel % perGroup];
    return Array.from({ length: outputsPerGroup }, (_, at) => {
      const output = group * outputsPerGroup + at;
      return { output, first: isLast ? position * outputs.length + output : (output * perGroup + position) * kernel };
    });
  };
  const squaresAt = (weights: Float64Array, first: number): number => weights.subarray(first, first + kernel).reduce((sum, weight) => sum + weight * weight, 0);
  return { perGroup, kernel, slices, squares: (weights, channel) => slices(channel).reduce((sum, { first }) => sum + squaresAt(weights, first), 0) };
}

/** Whether the weights are [inputs, outputs]. */
export function isOutputLast(node: OnnxNode): boolean {
  return node.opType === "Gemm" && intAttribute(node, "transB", 0) === 0;
}
