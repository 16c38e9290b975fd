import { createHash } from "node:crypto";
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { GraphIndex, subgraphs } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { renameReads } from "./graph-view.ts";
import { isDeterministic } from "./operator-traits.ts";
import { nodeLabel } from "./rewrite-pass.ts";

export const shareEqualValues: Pass = {
  name: "share-equal-values",
  title: "What is computed or kept twice",
  expectedEffect: "one node for several that compute the same of the same, one copy of equal weights",
  exactness: "bit-equal",
  appliesTo: () => null,
  run({ graph }) {
    const index = new GraphIndex(graph);
    const changes: PassChange[] = [];
    const tensors = new Map<string, string>();
    const known = new Map<string, OnnxNode>();
    const replaced = new Map<string, string>();
    for (const tensor of graph.initializers) {
      const key = tensorKey(tensor);
      const first = tensors.get(key);
      // An initializer that is an input can be another tensor in each call.
      if (index.isGraphInput(tensor.name) || index.isGraphOutput(tensor.name)) continue;
      if (first === undefined) tensors.set(key, tensor.name);
      else {
        replaced.set(tensor.name, first);
        changes.push({ node: tensor.name, what: `is the same tensor as ${first}` });
      }
    }
    for (const [name, first] of replaced) renameReads(graph, name, first);
    graph.initializers = graph.initializers.filter(({ name }) => !replaced.has(name));
    const nodes = [...graph.nodes];
    for (const node of nodes) {
      if (!isDeterministic(node) || subgraphs(node).length > 0) continue;
      const key = nodeKey(node);
      const first = known.get(key);
      if (first === undefined) known.set(key, node);
      else if (!node.outputs.some((name) => index.isGraphOutput(name))) {
        for (const [at, name] of node.outputs.entries()) if (name !== "") renameReads(graph, name, first.outputs[at] ?? "");
        graph.nodes.splice(graph.nodes.indexOf(node), 1);
        changes.push({ node: nodeLabel(node), what: `computes the same as ${nodeLabel(first)}` });
      }
    }
    return changes;
  },
};

function tensorKey({ elementType, dims, data }: OnnxTensor): string {
  const hash = createHash("sha256").update(`${elementType}[${dims.join()}]`);
  for (const part of Array.isArray(data) ? data : [data]) hash.update(`${part.byteLength}:`).update(part);
  return hash.digest("base64");
}

/** Equal for nodes that give equal outputs. Which of the optional outputs are there is part of it. */
function nodeKey(node: OnnxNode): string {
  const attributes = node.attributes.map(attributeKey).sort();
  return JSON.stringify([node.domain, node.opType, node.overload, node.inputs, node.outputs.map((name) => name !== ""), attributes]);
}

function attributeKey(attribute: OnnxAttribute): string {
  if (attribute.type === "tensor") return `${attribute.name}=${tensorKey(attribute.value)}`;
  const value = JSON.stringify(attribute.value, (_, inner: unknown) => {
    if (typeof inner === "bigint") return inner.toString();
    return inner instanceof Uint8Array ? Buffer.from(inner).toString("latin1") : inner;
  });
  return `${attribute.name}:${attribute.type}=${value}`;
}
