import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex, makeNode } from "@flotilla/runtime/ir";
import { fusionRule } from "../fusion/matrix.ts";
import { isDequantize, isQuantize } from "../fusion/qdq-view.ts";

/**
 * ONNX Runtime quantises the float weights of a product by itself, with one scale, where a DequantizeLinear stands in front of it and a
 * QuantizeLinear behind it, maybe behind a Relu or Clip: from its level "basic" on, a product that was meant to stay float does not. An
 * operator in between that it does not look through prevents that. A LeakyRelu of slope 0 is a Relu, one of slope 1 nothing, and both are
 * computed inside the convolution. Edits `model` in place; gives the names of the products that it kept.
 */
export function keepProductsFloat(model: OnnxModel, wanted: ReadonlySet<string>): string[] {
  const index = new GraphIndex(model.graph);
  const kept: string[] = [];
  const nodes: OnnxNode[] = [];
  const slopes = new Map<OnnxNode, number>();
  for (const node of model.graph.nodes) {
    if (!wanted.has(node.name) || !isQuantisedAround(node, index)) continue;
    const next = index.onlyConsumer(node.outputs[0] ?? "");
    if (next?.opType === "Relu") slopes.set(next, 0);
    else slopes.set(node, 1);
    kept.push(node.name);
  }
  for (const node of model.graph.nodes) {
    const slope = slopes.get(node);
    const output = node.outputs[0] ?? "";
    if (slope === undefined) nodes.push(node);
    else if (slope === 0) nodes.push(makeNode("LeakyRelu", node.inputs, node.outputs, { alpha: { float: 0 } }, { name: node.name }));
    else {
      const exact = index.freshName(`${output}_float`);
      nodes.push({ ...node, outputs: [exact] }, makeNode("LeakyRelu", [exact], [output], { alpha: { float: 1 } }, { name: index.freshName(`${node.name}_stays_float`) }));
    }
  }
  model.graph.nodes = nodes;
  return kept;
}

function isQuantisedAround(node: OnnxNode, index: GraphIndex): boolean {
  const rule = fusionRule(node);
  if (rule.kind !== "kernel" || !rule.quantisesItself.weight) return false;
  const before = index.producer(node.inputs[0] ?? "");
  if (before === null || !isDequantize(before)) return false;
  const readers = index.consumers(node.outputs[0] ?? "");
  return readers.some((reader) => isQuantize(reader) || (fusionRule(reader).kind === "clips" && index.consumers(reader.outputs[0] ?? "").some(isQuantize)));
}
