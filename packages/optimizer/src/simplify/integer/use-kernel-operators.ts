import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, makeNode } from "@flotilla/runtime/ir";
import type { Pass } from "../../pass.ts";
import { fits, floatConstant, isFloatType } from "../float-constant.ts";
import type { GraphView } from "../graph-view.ts";
import { listArgument, normalAxes } from "../operator-arguments.ts";
import { rewritePass } from "../rewrite-pass.ts";

/** Forms with as many nodes, of operators that ONNX Runtime has integer kernels for. They cost nothing in float. */
export const useKernelOperators: Pass = rewritePass(
  {
    name: "use-kernel-operators",
    title: "Operators that have integer kernels instead of equal ones that have none",
    expectedEffect: "ReduceMean over the image, Div and Sub of a constant and PRelu of one slope stay in the integer chain once quantised",
    exactness: "rounding",
  },
  { ReduceMean: globalAveragePool, Div: multiplyByReciprocal, Sub: addNegative, PRelu: leakyRelu },
);

/** ReduceMean over all spatial axes is GlobalAveragePool; without keepdims a Flatten follows, which the integer chain passes through. */
function globalAveragePool(node: OnnxNode, view: GraphView): string | null {
  const [source = ""] = node.inputs;
  const rank = view.shape(source)?.length ?? 0;
  const listed = listArgument(node, view, "axes", 1);
  const axes = Array.isArray(listed) ? normalAxes(listed, rank) : null;
  if (axes === null || rank < 3 || !isFloatType(view.elementType(source))) return null;
  const isSpatial = axes.length === rank - 2 && new Set(axes).size === axes.length && axes.every((axis) => axis >= 2);
  if (!isSpatial) return null;
  if (intAttribute(node, "keepdims", 1) !== 0) {
    view.replace(node, makeNode("GlobalAveragePool", [source], node.outputs, {}, { name: node.name }));
    return "ReduceMean over the image is GlobalAveragePool";
  }
  const pooled = view.freshName(`${node.outputs[0] ?? ""}_pooled`);
  view.replace(node, makeNode("GlobalAveragePool", [source], [pooled], {}, { name: node.name }), makeNode("Flatten", [pooled], node.outputs, { axis: { int: 1 } }, { name: view.freshName(`${node.name}_flatten`) }));
  return "ReduceMean over the image is GlobalAveragePool and Flatten";
}

function multiplyByReciprocal(node: OnnxNode, view: GraphView): string | null {
  return replaceConstant(node, view, "Mul", (value) => 1 / value);
}

function addNegative(node: OnnxNode, view: GraphView): string | null {
  return replaceConstant(node, view, "Add", (value) => -value);
}

function replaceConstant(node: OnnxNode, view: GraphView, opType: string, convert: (value: number) => number): string | null {
  const [source = "", operand = ""] = node.inputs;
  const tensor = view.constant(operand);
  const numbers = view.numbers(operand)?.map(convert);
  if (tensor === null || numbers === undefined || !isFloatType(tensor.elementType) || !fits(tensor.elementType, numbers)) return null;
  const constant = view.addConstant(operand, floatConstant(tensor.elementType, tensor.dims, numbers));
  view.replace(node, makeNode(opType, [source, constant], node.outputs, {}, { name: node.name }));
  return `${node.opType} with a constant is ${opType}`;
}

function leakyRelu(node: OnnxNode, view: GraphView): string | null {
  const slopes = view.numbers(node.inputs[1]);
  const [slope] = slopes ?? [];
  if (slopes === null || slope === undefined || slopes.some((value) => value !== slope) || !isFloatType(view.elementType(node.inputs[0]))) return null;
  view.replace(node, makeNode("LeakyRelu", [node.inputs[0] ?? ""], node.outputs, { alpha: { float: slope } }, { name: node.name }));
  return "PRelu of one slope is LeakyRelu";
}

