import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex, makeNode } from "@flotilla/runtime/ir";
import { fusionRule, weightInput } from "../fusion/matrix.ts";
import { predictFusion } from "../fusion/predict.ts";

/** An operator that was written to keep a node in float. */
export type Guard = { readonly node: string; readonly guard: string };

/**
 * From its level "basic" on ONNX Runtime takes an operator for an integer kernel wherever a DequantizeLinear stands in front of it and a
 * QuantizeLinear behind it, maybe behind operators that let both pass; float weights it quantises by itself then, with one scale for all.
 * What was meant to stay float does so when an operator that it does not look through stands in between. A LeakyRelu of slope 0 is a Relu,
 * one of slope 1 nothing, and both are computed inside of a convolution or a product at no cost.
 *
 * Guards the nodes of `floats` whose weights would be quantised like that, and those of `asked` whatever they are, except where they only
 * move values, which come out the same. Edits `model` in place. What is guarded is decided by `predictFusion`.
 */
export function keepInFloat(model: OnnxModel, floats: ReadonlySet<string>, asked: ReadonlySet<string>): Guard[] {
  const guards: Guard[] = [];
  const open = new Set(floats);
  while (open.size > 0) {
    const fused = fusedNodes(model, open, asked);
    if (fused.length === 0) break;
    guards.push(...fused.map((node) => guarded(model, node)));
    for (const { name } of fused) open.delete(name);
  }
  return guards;
}

/** Nodes that the runtime would run on integers though they are to stay float. */
function fusedNodes(model: OnnxModel, floats: ReadonlySet<string>, asked: ReadonlySet<string>): OnnxNode[] {
  const index = new GraphIndex(model.graph);
  const byName = new Map(model.graph.nodes.map((node) => [node.name, node]));
  const predicted = new Set((["x86", "arm"] as const).flatMap((target) => predictFusion(model, target).flatMap(({ node, state }) => (state === "integer" && floats.has(node) ? [node] : []))));
  return [...predicted].flatMap((name) => {
    const node = byName.get(name);
    if (node === undefined || fusionRule(node).kind !== "kernel") return [];
    return asked.has(name) || hasFloatWeights(node, index) ? [node] : [];
  });
}

function hasFloatWeights(node: OnnxNode, index: GraphIndex): boolean {
  const weight = weightInput(node, 2);
  return weight !== null && index.constantValue(node.inputs[weight.input] ?? "")?.elementType === "float32";
}

function guarded(model: OnnxModel, node: OnnxNode): Guard {
  const index = new GraphIndex(model.graph);
  const { nodes } = model.graph;
  const rule = fusionRule(node);
  const isFusedWithFloatOutput = rule.kind === "kernel" && rule.floatOutputKernel !== null && !hasFloatWeights(node, index);
  const guard = index.freshName(`${node.name}_stays_float`);
  const real = index.freshName(`${guard}_value`);
  if (isFusedWithFloatOutput) {
    nodes.splice(nodes.indexOf(node), 0, makeNode("LeakyRelu", [node.inputs[0] ?? ""], [real], { alpha: { float: 1 } }, { name: guard }));
    node.inputs[0] = real;
    return { node: node.name, guard };
  }
  const next = index.onlyConsumer(node.outputs[0] ?? "");
  if (next?.opType === "Relu" && next.domain === "") {
    nodes[nodes.indexOf(next)] = makeNode("LeakyRelu", next.inputs, next.outputs, { alpha: { float: 0 } }, { name: next.name });
    return { node: node.name, guard: next.name };
  }
  const output = node.outputs[0] ?? "";
  node.outputs[0] = real;
  nodes.splice(nodes.indexOf(node) + 1, 0, makeNode("LeakyRelu", [real], [output], { alpha: { float: 1 } }, { name: guard }));
  return { node: node.name, guard };
}
