import type { OnnxNode } from "@flotilla/runtime/ir";
import { int32s, int64s, intAttribute } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import type { Dimension, GraphView } from "./graph-view.ts";
import { rewritePass } from "./rewrite-pass.ts";
import type { Rule } from "./rewrite-pass.ts";
import { SHAPE_OPERATORS, shapeVector } from "./shape-vector.ts";

const foldKnown: Rule = (node, view) => {
  const [output = ""] = node.outputs;
  const dims = view.staticShape(output);
  const vector = view.isGraphOutput(output) ? null : shapeVector(output, view);
  if (dims === null || vector === null || !vector.every(isExact)) return null;
  const tensor = view.elementType(output) === "int32" ? int32s(output, dims, vector) : int64s(output, dims, vector);
  view.remove(node);
  view.keepConstants([tensor]);
  return `${node.opType} gives ${vector.join(", ")}, whatever the input`;
};

export const foldShapeArithmetic: Pass = rewritePass(
  {
    name: "fold-shape-arithmetic",
    title: "Shapes that are known before the model runs",
    expectedEffect: "Shape, Gather, Concat and their kin become constants; a Reshape that copies symbolic dimensions gets a constant shape, the dimensions stay symbolic",
    exactness: "bit-equal",
  },
  { ...Object.fromEntries(SHAPE_OPERATORS.map((operator) => [operator, foldKnown])), Reshape: copyDimensions },
);

/** A target whose unknown sizes are dimensions of the input at the same place (0 copies them), or the one size that is left (-1). */
function copyDimensions(node: OnnxNode, view: GraphView): string | null {
  const [source = "", target = ""] = node.inputs;
  if (view.constant(target) !== null || intAttribute(node, "allowzero", 0) !== 0) return null;
  const vector = shapeVector(target, view);
  if (vector === null || !vector.every((size) => typeof size !== "number" || isExact(size))) return null;
  const from = view.shape(source);
  const copied = vector.map((size, axis) => (typeof size === "string" && from?.[axis] === size ? 0 : size));
  const open = copied.filter((size) => typeof size !== "number").length;
  if (open > 1 || (open === 1 && copied.includes(-1))) return null;
  const sizes = copied.map((size) => (typeof size === "number" ? size : -1));
  const constant = view.addConstant(`${target}_constant`, int64s("", [sizes.length], sizes));
  view.replace(node, { ...node, inputs: [source, constant] });
  return `Reshape to [${sizes.join(", ")}]`;
}

function isExact(size: Dimension): size is number {
  return Number.isSafeInteger(size);
}
