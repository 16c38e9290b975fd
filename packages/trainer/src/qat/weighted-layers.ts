import { intAttribute, type OnnxGraph, type OnnxNode, type OnnxTensor } from "@flotilla/runtime/ir";
import { isLearnt } from "../loop/freeze.ts";

/** A convolution or product whose second operand is a weight; `channelAxis` of the weight counts what the layer answers. */
export type WeightedLayer = { readonly node: OnnxNode; readonly input: string; readonly weight: OnnxTensor; readonly channelAxis: number };

/** The layers that integer kernels are for. Matrices of a formula, such as a Fourier transform, stay in float. */
export function weightedLayers(graph: OnnxGraph): WeightedLayer[] {
  const isWeight = isLearnt([]);
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  return graph.nodes.flatMap((node) => {
    const [input = "", name = ""] = node.inputs;
    const weight = tensors.get(name);
    const channelAxis = weight === undefined || node.domain !== "" ? null : channelAxisOf(node, weight.dims.length);
    if (weight === undefined || channelAxis === null || weight.elementType !== "float32" || tensors.has(input) || !isWeight(name)) return [];
    return [{ node, input, weight, channelAxis }];
  });
}

function channelAxisOf(node: OnnxNode, rank: number): number | null {
  if (node.opType === "Conv" && rank >= 3) return 0;
  if (node.opType === "Gemm" && rank === 2) return intAttribute(node, "transB", 0) === 1 ? 0 : 1;
  return node.opType === "MatMul" && rank >= 2 ? rank - 1 : null;
}
