import { quoteName } from "../../model-refusal.ts";
import { intAttribute, subgraphs } from "../attributes.ts";
import { GraphIndex } from "../graph-index.ts";
import { tensorNumbers } from "../tensor-numbers.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "../types.ts";
import { nodeLabel } from "./check-graph.ts";
import type { ProblemList } from "./model-problem.ts";

/** Operators with constant weights in input 1: the axis that per-channel scales must run along, counted for `rank` dimensions. */
const WEIGHT_AXIS: Readonly<Record<string, (node: OnnxNode, rank: number) => number>> = {
  Conv: () => 0,
  ConvTranspose: () => 1,
  MatMul: (_, rank) => rank - 1,
  Gemm: (node) => (intAttribute(node, "transB", 0) === 0 ? 1 : 0),
};

/**
 * Hazards that ONNX Runtime lets pass in quantised graphs: per-channel weights along an axis that its fused kernels do not
 * expect (they then compute wrong numbers), and biases whose scale is not the product of the scales of input and weight
 * (the node then stays in float).
 */
export function checkQuantization(graph: OnnxGraph, problems: ProblemList): void {
  const index = new GraphIndex(graph);
  for (const node of graph.nodes) {
    for (const inner of subgraphs(node)) checkQuantization(inner, problems);
    if (node.domain !== "" && node.domain !== "com.microsoft") continue;
    if (node.opType === "DequantizeLinear") checkScaleCount(node, index, problems);
    const axisOf = Object.hasOwn(WEIGHT_AXIS, node.opType) ? WEIGHT_AXIS[node.opType] : undefined;
    if (axisOf === undefined) continue;
    checkWeightAxis(node, axisOf, index, problems);
    if (node.opType === "Conv" || node.opType === "Gemm") checkBiasScale(node, index, problems);
  }
}

type Dequantized = { readonly node: OnnxNode; readonly scale: OnnxTensor; readonly weight: OnnxTensor | null };

/** The DequantizeLinear with a constant scale behind a value, or null. */
function dequantized(name: string | undefined, index: GraphIndex): Dequantized | null {
  const node = name === undefined ? null : index.producer(name);
  if (node?.opType !== "DequantizeLinear") return null;
  const scale = index.constantValue(node.inputs[1] ?? "");
  return scale === null ? null : { node, scale, weight: index.constantValue(node.inputs[0] ?? "") };
}

function isPerChannel(scale: OnnxTensor, node: OnnxNode): boolean {
  return scale.dims.length === 1 && (scale.dims[0] ?? 1) > 1 && intAttribute(node, "block_size", 0) === 0;
}

function axisOf(node: OnnxNode, rank: number): number {
  const axis = intAttribute(node, "axis", 1);
  return axis < 0 ? axis + rank : axis;
}

function checkScaleCount(node: OnnxNode, index: GraphIndex, problems: ProblemList): void {
  const { scale, weight } = dequantized(node.outputs[0], index) ?? {};
  if (scale === undefined || weight === undefined || weight === null || !isPerChannel(scale, node)) return;
  const axis = axisOf(node, weight.dims.length);
  if (weight.dims[axis] === scale.dims[0]) return;
  const reason = `node "${quoteName(nodeLabel(node))}" has ${scale.dims[0]} scales along axis ${axis} of a weight of shape [${weight.dims.join(", ")}]`;
  problems.add("error", "scale_count", reason, nodeLabel(node));
}

function checkWeightAxis(node: OnnxNode, expectedAxis: (node: OnnxNode, rank: number) => number, index: GraphIndex, problems: ProblemList): void {
  const found = dequantized(node.inputs[1], index);
  if (found === null || found.weight === null || !isPerChannel(found.scale, found.node)) return;
  const rank = found.weight.dims.length;
  const axis = axisOf(found.node, rank);
  const expected = expectedAxis(node, rank);
  if (axis === expected) return;
  const reason = `the weights of ${node.opType} "${quoteName(nodeLabel(node))}" are scaled along axis ${axis}; integer kernels scale along axis ${expected} and would compute wrong numbers`;
  problems.add("hazard", "weight_axis", reason, nodeLabel(node));
}

/** ONNX Runtime 1.30 takes a bias scale as right within 1e-6 + 1 % (measured by bisection). */
const BIAS_SCALE_ABSOLUTE = 1e-6;
const BIAS_SCALE_RELATIVE = 0.01;

function checkBiasScale(node: OnnxNode, index: GraphIndex, problems: ProblemList): void {
  const input = dequantized(node.inputs[0], index);
  const weight = dequantized(node.inputs[1], index);
  const bias = dequantized(node.inputs[2], index);
  if (input === null || weight === null || bias === null || bias.weight?.elementType !== "int32") return;
  const inputScale = tensorNumbers(input.scale)[0] ?? 0;
  const weightScales = tensorNumbers(weight.scale);
  const biasScales = tensorNumbers(bias.scale);
  for (let channel = 0; channel < Math.max(weightScales.length, biasScales.length); channel += 1) {
    const expected = Math.fround(inputScale * (weightScales[weightScales.length === 1 ? 0 : channel] ?? Number.NaN));
    const actual = biasScales[biasScales.length === 1 ? 0 : channel] ?? Number.NaN;
    if (Math.abs(actual - expected) <= BIAS_SCALE_ABSOLUTE + BIAS_SCALE_RELATIVE * Math.abs(expected)) continue;
    const reason = `the bias of ${node.opType} "${quoteName(nodeLabel(node))}" has the scale ${actual} in channel ${channel}; input times weight is ${expected}, so the node stays in float`;
    problems.add("hazard", "bias_scale", reason, nodeLabel(node));
    return;
  }
}
