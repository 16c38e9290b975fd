import { createHash } from "node:crypto";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor } from "@flotilla/runtime/ir";
import { subgraphs } from "@flotilla/runtime/ir";
import type { Pass, PassChange } from "../pass.ts";
import { LiveIndex } from "./live-index.ts";
import { isDeterministic } from "./operator-traits.ts";
import { nodeLabel } from "./rewrite-pass.ts";

export const shareEqualValues: Pass = {
  name: "share-equal-values",
  title: "What is computed or kept twice",
  expectedEffect: "one node for several that compute the same of the same, one copy of equal weights",
  exactness: "bit-equal",
  appliesTo: () => null,
  run({ graph }) {
    const index = new LiveIndex(graph);
    return [...shareTensors(graph, index), ...shareNodes(graph, index)];
  },
};

function shareTensors(graph: OnnxGraph, index: LiveIndex): PassChange[] {
  const changes: PassChange[] = [];
  const known = new Map<string, string>();
  graph.initializers = graph.initializers.filter((tensor) => {
    // An initializer that is an input can be another tensor in each call.
    if (index.start.isGraphInput(tensor.name) || index.start.isGraphOutput(tensor.name)) return true;
    const key = tensorKey(tensor);
    const first = known.get(key);
    if (first === undefined) {
      known.set(key, tensor.name);
      return true;
    }
    index.renameReads(tensor.name, first);
    changes.push({ node: tensor.name, what: `is the same tensor as ${first}` });
    return false;
  });
  return changes;
}

function shareNodes(graph: OnnxGraph, index: LiveIndex): PassChange[] {
  const changes: PassChange[] = [];
  const known = new Map<string, OnnxNode>();
  const nodes = [...graph.nodes];
  for (const node of nodes) {
    if (!isDeterministic(node) || subgraphs(node).length > 0) continue;
    const key = nodeKey(node);
    const first = known.get(key);
    if (first === undefined) known.set(key, node);
    else if (!node.outputs.some((name) => index.start.isGraphOutput(name))) {
      index.replace(node, []);
      for (const [at, name] of node.outputs.entries()) if (name !== "") index.renameReads(name, first.outputs[at] ?? "");
      changes.push({ node: nodeLabel(node), what: `computes the same as ${nodeLabel(first)}` });
    }
  }
  return changes;
}

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
