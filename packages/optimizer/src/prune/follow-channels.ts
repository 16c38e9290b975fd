import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { subgraphs } from "@flotilla/runtime/ir";
import { ChannelFlow } from "./channel-flow.ts";
import { ELEMENTWISE_RULES } from "./rules/elementwise.ts";
import { PRODUCT_RULES } from "./rules/products.ts";
import { REARRANGEMENT_RULES } from "./rules/rearrangement.ts";
import { RESHAPE_RULES } from "./rules/reshape.ts";
import type { ChannelRule } from "./rules/rule.ts";
import { SPATIAL_RULES } from "./rules/spatial.ts";

const RULES: Readonly<Record<string, ChannelRule>> = { ...PRODUCT_RULES, ...ELEMENTWISE_RULES, ...SPATIAL_RULES, ...REARRANGEMENT_RULES, ...RESHAPE_RULES };

const unknown: ChannelRule = () => "channels cannot be followed through it";

/** Follows channels through the main graph, whose nodes are in order (DepGraph, Fang et al. 2023, on the values of an ONNX graph). */
export function followChannels(model: OnnxModel): ChannelFlow {
  const flow = new ChannelFlow(model);
  for (const node of model.graph.nodes) {
    const reason = ruleOf(node)(node, flow);
    if (reason === null) continue;
    flow.stops.push({ node, reason });
    for (const name of flow.index.reads(node)) flow.freezeValue(name, `${node.opType} ${node.name}: ${reason}`);
  }
  flow.settle();
  return flow;
}

function ruleOf(node: OnnxNode): ChannelRule {
  if (node.domain !== "" || subgraphs(node).length > 0 || !Object.hasOwn(RULES, node.opType)) return unknown;
  return RULES[node.opType] ?? unknown;
}
