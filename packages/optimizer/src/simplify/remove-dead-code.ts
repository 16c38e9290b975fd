import { GraphIndex } from "@flotilla/runtime/ir";
import type { OnnxGraph } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";

/** Operators whose further outputs are optional, each with how many it must have. */
const REQUIRED_OUTPUTS: Readonly<Record<string, number>> = { Dropout: 1, MaxPool: 1, BatchNormalization: 1, LayerNormalization: 1 };

export const removeDeadCode: Pass = {
  name: "remove-dead-code",
  title: "Nodes and weights that nothing reads",
  expectedEffect: "smaller files; work less where a result was thrown away",
  exactness: "bit-equal",
  appliesTo: () => null,
  run({ graph }) {
    const changes: PassChange[] = [];
    const { nodes, initializers } = new GraphIndex(graph).removeUnused();
    if (nodes > 0) changes.push({ node: graph.name, what: `${nodes} nodes that nothing reads` });
    if (initializers > 0) changes.push({ node: graph.name, what: `${initializers} constants that nothing reads` });
    const outputs = dropUnreadOutputs(graph);
    if (outputs > 0) changes.push({ node: graph.name, what: `${outputs} optional outputs that nothing reads` });
    return changes;
  },
};

function dropUnreadOutputs(graph: OnnxGraph): number {
  const index = new GraphIndex(graph);
  let dropped = 0;
  for (const node of graph.nodes) {
    const required = node.domain === "" ? REQUIRED_OUTPUTS[node.opType] : undefined;
    if (required === undefined) continue;
    const isRead = (name: string) => index.consumers(name).length > 0 || index.isGraphOutput(name);
    while (node.outputs.length > required && !isRead(node.outputs.at(-1) ?? "")) {
      node.outputs.pop();
      dropped += 1;
    }
  }
  return dropped;
}
