import type { OnnxNode } from "@flotilla/runtime/ir";
import { attribute, floatAttribute, int64s, intsAttribute, makeNode } from "@flotilla/runtime/ir";
import type { GraphView } from "./graph-view.ts";

/** Arguments that were attributes in older operator sets and are inputs in newer ones. */

/** The list of numbers; "absent" where neither form is there, null where it is an input that is not constant. */
export function listArgument(node: OnnxNode, view: GraphView, name: string, input: number): number[] | "absent" | null {
  const attribute = intsAttribute(node, name);
  if (attribute !== null) return attribute;
  const source = node.inputs[input] ?? "";
  return source === "" ? "absent" : view.integers(source);
}

/** As `listArgument`, for one number; `fallback` where neither form is there. */
export function numberArgument(node: OnnxNode, view: GraphView, name: string, input: number, fallback: number): number | null {
  if (attribute(node, name) !== null) return floatAttribute(node, name, fallback);
  const source = node.inputs[input] ?? "";
  return source === "" ? fallback : (view.numbers(source)?.[0] ?? null);
}

/** Counts negative axes from the end; null when one lies outside. */
export function normalAxes(axes: readonly number[], rank: number): number[] | null {
  const normal = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  return normal.every((axis) => axis >= 0 && axis < rank) ? normal : null;
}

/** Squeeze or Unsqueeze with the axes where this operator set wants them: an attribute before 13, an input since. */
export function axesNode(opType: "Squeeze" | "Unsqueeze", view: GraphView, data: string, axes: readonly number[], outputs: readonly string[], name = ""): OnnxNode {
  if (view.opset < 13) return makeNode(opType, [data], outputs, { axes: { ints: axes } }, { name });
  return makeNode(opType, [data, view.addConstant(`${outputs[0] ?? opType}_axes`, int64s("", [axes.length], axes))], outputs, {}, { name });
}

/** Reshape to a constant shape; 0 keeps a dimension, -1 takes what is left. */
export function reshapeNode(view: GraphView, data: string, shape: readonly number[], output: string, name = ""): OnnxNode {
  return makeNode("Reshape", [data, view.addConstant(`${output}_shape`, int64s("", [shape.length], shape))], [output], {}, { name });
}
