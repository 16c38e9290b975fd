import { attribute, floatAttribute, intsAttribute, makeNode } from "../attributes.ts";
import type { OnnxNode } from "../types.ts";
import type { Step, StepContext, StepOutcome } from "./step.ts";
import { refusal } from "./step.ts";

// Experimental operators that ONNX Runtime still runs below version 10 and that are gone from then on, written in standard ones.

/** scale · x + offset, without the half that changes nothing. `offset` has the shape `dims`. */
function scaleAndShift(node: OnnxNode, context: StepContext, scale: number, dims: readonly number[], offset: readonly number[]): StepOutcome {
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const scales = scale !== 1;
  const shifts = offset.some((value) => value !== 0);
  const between = scales && shifts ? context.freshName(node, "scaled") : scales ? output : input;
  const nodes: OnnxNode[] = [];
  if (scales) nodes.push(makeNode("Mul", [input, context.floats(node, "scale", [], [scale])], [between], {}, { name: context.freshName(node, "Mul") }));
  if (shifts) nodes.push(makeNode("Add", [between, context.floats(node, "offset", dims, offset)], [output], {}, { name: context.freshName(node, "Add") }));
  if (nodes.length === 0) nodes.push(makeNode("Identity", [input], [output], {}, { name: node.name }));
  return { nodes, what: `became ${nodes.map(({ opType }) => opType).join(" and ")}` };
}

const affine: Step = (node, context) => scaleAndShift(node, context, floatAttribute(node, "alpha", 1), [], [floatAttribute(node, "beta", 0)]);

const imageScaler: Step = (node, context) => {
  const bias = attribute(node, "bias");
  const offsets = bias?.type === "floats" ? bias.value : [0];
  return scaleAndShift(node, context, floatAttribute(node, "scale", 1), [offsets.length, 1, 1], offsets);
};

/** `border` is [left, top, right, bottom]; `scale` the height and width that stay from there on. */
const crop: Step = (node, context) => {
  const [left, top, right, bottom] = intsAttribute(node, "border") ?? [];
  if (left === undefined || top === undefined || right === undefined || bottom === undefined) throw refusal(node, "it has no border");
  const scale = intsAttribute(node, "scale");
  const fromEnd = (border: number) => (border === 0 ? 2 ** 31 - 1 : -border);
  const ends = scale === null ? [fromEnd(bottom), fromEnd(right)] : [top + (scale[0] ?? 0), left + (scale[1] ?? 0)];
  const bounds = [context.int64s(node, "starts", [top, left]), context.int64s(node, "ends", ends), context.int64s(node, "axes", [2, 3])];
  return { nodes: [makeNode("Slice", [node.inputs[0] ?? "", ...bounds], node.outputs, {}, { name: node.name })], what: "became Slice" };
};

export const REMOVED_AT_10 = { Affine: affine, ImageScaler: imageScaler, Crop: crop } as const;
