import type { OnnxModel } from "@flotilla/runtime/ir";
import { cloneModel, floats, GraphIndex, makeNode } from "@flotilla/runtime/ir";
import { FIXED } from "./channel-classes.ts";
import type { ChannelFlow } from "./channel-flow.ts";
import type { ChannelCut } from "./cut-channels.ts";

/**
 * The uncut model with the weights that take removed channels in set to 0: it computes what the cut model has to compute. `model` is the
 * one that the flow was made on, before it is cut.
 */
export function maskChannels(model: OnnxModel, flow: ChannelFlow, cut: ChannelCut): OnnxModel {
  const masked = cloneModel(model);
  const names = new GraphIndex(masked.graph);
  const takers = new Map(model.graph.nodes.map((node, at) => [node, at]));
  const multiplied: (readonly [before: number, node: ReturnType<typeof makeNode>])[] = [];
  for (const { node, input, axis, labels, role } of flow.weights) {
    const at = takers.get(node);
    const twin = masked.graph.nodes[at ?? -1];
    if (role !== "takes" || at === undefined || twin === undefined || !cut.touches([labels])) continue;
    const weights = node.inputs[input] ?? "";
    const [mask, product] = [names.freshName(`${weights}_mask`), names.freshName(`${weights}_masked`)];
    const dims = (flow.shape(weights) ?? []).map((_, place) => (place === axis ? labels.length : 1));
    masked.graph.initializers.push(floats(mask, dims, Float32Array.from(labels, (atom) => (atom !== FIXED && cut.isRemoved(atom) ? 0 : 1))));
    twin.inputs[input] = product;
    multiplied.push([at, makeNode("Mul", [weights, mask], [product], {}, { name: product })]);
  }
  for (const [at, node] of multiplied.toReversed()) masked.graph.nodes.splice(at, 0, node);
  return masked;
}
