import type { OnnxModel, OnnxNode } from "@flotilla/runtime/ir";
import { checkModel, GraphIndex } from "@flotilla/runtime/ir";
import { fusionRule } from "../fusion/matrix.ts";
import type { QdqParams } from "../fusion/qdq-view.ts";
import { isDequantize, isQuantize, qdqParams, sameParams } from "../fusion/qdq-view.ts";

/**
 * What must hold of a model this quantiser has written, beyond that it is a sound model (`checkModel` looks for scales along the wrong
 * axis and biases of the wrong scale, which ONNX Runtime answers with wrong numbers): one pair of parameters through operators that
 * only move values, zero point 0 for weights with a scale per channel, nothing kept that nothing reads. One sentence a problem.
 */
export function qdqProblems(model: OnnxModel): string[] {
  const index = new GraphIndex(model.graph);
  const found = checkModel(model).map(({ reason }) => reason);
  for (const node of model.graph.nodes) found.push(...moverProblems(node, index), ...zeroPointProblems(node, index));
  const unread = model.graph.initializers.filter(({ name }) => index.consumers(name).length === 0 && !index.isGraphOutput(name));
  return [...found, ...unread.map(({ name }) => `nothing reads the constant ${name}`)];
}

function paramsBehind(name: string | undefined, index: GraphIndex): QdqParams | null {
  const node = index.producer(name ?? "");
  return node !== null && isDequantize(node) ? qdqParams(index, node) : null;
}

function zeroPointProblems(node: OnnxNode, index: GraphIndex): string[] {
  const params = isDequantize(node) ? qdqParams(index, node) : null;
  const isOff = params !== null && params.scales.length > 1 && params.zeroPoints.some((zero) => zero !== 0);
  return isOff ? [`${node.name}: weights with a scale per channel need the zero point 0`] : [];
}

function moverProblems(node: OnnxNode, index: GraphIndex): string[] {
  const input = paramsBehind(node.inputs[0], index);
  if (fusionRule(node).kind !== "moves-values" || input === null) return [];
  return node.outputs.flatMap((name) => {
    const quantize = index.consumers(name).find(isQuantize);
    const output = quantize === undefined ? null : qdqParams(index, quantize);
    return output === null || sameParams(input, output) ? [] : [`${node.name}: scale and zero point differ before and behind it`];
  });
}
