import { intAttribute, makeNode, setAttribute } from "../attributes.ts";
import type { ValueType } from "../shapes/infer-shapes.ts";
import type { Step } from "./step.ts";

/**
 * Softmax, LogSoftmax and Hardmax up to version 12 ran over all dimensions from `axis` on, laid out flat; from 13 on over one.
 * Where only one of those dimensions is more than 1 that is the same; else the flattening is written out.
 */
export const softmaxOverOneAxis: Step = (node, context) => {
  const axis = intAttribute(node, "axis", 1);
  const single = singleAxis(context.typeOf(node.inputs[0]), axis);
  if (single !== null) {
    setAttribute(node, "axis", { int: single });
    return { nodes: [node], what: `runs over axis ${single}` };
  }
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const [shape, flat, result] = ["shape", "flat", "result"].map((part) => context.freshName(node, part)) as [string, string, string];
  setAttribute(node, "axis", { int: 1 });
  node.inputs = [flat];
  node.outputs = [result];
  return {
    nodes: [
      makeNode("Shape", [input], [shape], {}, { name: shape }),
      makeNode("Flatten", [input], [flat], { axis: { int: axis } }, { name: flat }),
      node,
      makeNode("Reshape", [result, shape], [output], {}, { name: context.freshName(node, "reshape") }),
    ],
    what: `runs over everything from axis ${axis} on, flattened around it`,
  };
};

/** The one axis among those from `axis` on that may be more than 1; null when there are several, or the rank is not known. */
function singleAxis(type: ValueType | null, axis: number): number | null {
  const shape = type?.shape ?? null;
  if (shape === null) return null;
  const first = axis < 0 ? axis + shape.length : axis;
  if (first < 0 || first >= shape.length) return null;
  const wide = shape.flatMap((dim, at) => (at >= first && dim !== 1 ? [at] : []));
  return wide.length > 1 ? null : (wide[0] ?? shape.length - 1);
}
