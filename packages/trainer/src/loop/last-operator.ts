import type { OnnxModel } from "@flotilla/runtime/ir";

/** The operator that a model's first answer comes from, whatever hands it on; null where it is an input or a weight. */
export function lastOperator({ graph }: OnnxModel): string | null {
  let name = graph.outputs[0]?.name ?? "";
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.includes(name)) continue;
    if (node.opType !== "Identity" || node.domain !== "") return node.opType;
    [name = ""] = node.inputs;
  }
  return null;
}
