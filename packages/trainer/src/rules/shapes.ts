import { intAttribute, intsAttribute, stringAttribute } from "@flotilla/runtime/ir";
import { elementsIn } from "../autodiff/graph-math.ts";
import { frontAxis, ofOne, unsupported, type Rule, type RuleContext } from "./rule.ts";

const reshaped = ofOne(({ math, gradient, x, dims }) => math.reshape(gradient, dims(x)));

const transposed = ofOne(({ math, node, gradient, x, dims }) => {
  const rank = dims(x).length;
  const permutation = intsAttribute(node, "perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return math.transpose(gradient, inverse);
});

const concatenated: Rule = ({ math, node, inputs, gradient, dims }) => {
  const axis = frontAxis(intAttribute(node, "axis", 0), dims(gradient).length);
  return math.split(gradient, axis, inputs.map((input) => dims(input)[axis] ?? 0));
};

const split: Rule = ({ math, node, inputs: [x = ""], outputs, gradients, dims }) => {
  const axis = frontAxis(intAttribute(node, "axis", 0), dims(x).length);
  return [math.concat(outputs.map((output, i) => gradients[i] ?? math.zeros(dims(output), x)), axis)];
};

/** Zeros around the gradient; steps other than 1 put its rows back by number. */
const sliced: Rule = (context) => {
  const { math, node, inputs: [x = "", startsName, endsName, axesName, stepsName], gradient, dims, constant } = context;
  const shape = dims(x);
  const [starts, ends] = [constant(startsName), constant(endsName)];
  if (starts === null || ends === null) throw unsupported(node, "bounds that are computed");
  const axes = (constant(axesName) ?? starts.map((_, i) => i)).map((axis) => frontAxis(axis, shape.length));
  const steps = constant(stepsName) ?? starts.map(() => 1);
  const rows = axes.map((axis, i) => rowsOf(shape[axis] ?? 0, starts[i] ?? 0, ends[i] ?? 0, steps[i] ?? 1));
  if (steps.every((step) => step === 1)) {
    const at = (axis: number) => rows[axes.indexOf(axis)];
    return [math.pad(gradient, shape.map((_, axis) => at(axis)?.[0] ?? 0), shape.map((dim, axis) => { const taken = at(axis); return taken === undefined ? 0 : dim - (taken[0] ?? 0) - taken.length; }))];
  }
  return [axes.reduceRight((grown, axis, i) => scatterRows(context, grown, axis, rows[i] ?? [], shape[axis] ?? 0), gradient)];
};

/** The rows that ONNX's Slice takes of an axis. */
function rowsOf(length: number, start: number, end: number, step: number): number[] {
  const bound = (value: number): number => Math.min(Math.max(value < 0 ? value + length : value, step > 0 ? 0 : -1), step > 0 ? length : length - 1);
  const first = bound(start);
  const last = step < 0 && end < -length ? -1 : bound(end);
  return Array.from({ length: Math.max(0, Math.ceil((last - first) / step)) }, (_, i) => first + i * step);
}

function scatterRows({ math, dims }: RuleContext, gradient: string, axis: number, rows: readonly number[], length: number): string {
  const shape = dims(gradient);
  const order = [axis, ...shape.map((_, at) => at).filter((at) => at !== axis)];
  const front = math.transpose(gradient, order);
  const rest = math.dims(front).slice(1);
  const scattered = math.emit("ScatterND", [math.zeros([length, ...rest], gradient), math.builder.int64s(rows, [rows.length, 1]), front], [length, ...rest]);
  return math.transpose(scattered, order.map((_, at) => order.indexOf(at)));
}

const padded: Rule = ({ math, node, inputs: [x = "", padsName, , axesName], gradient, dims, constant }) => {
  if (stringAttribute(node, "mode", "constant") !== "constant") throw unsupported(node, "padding by repetition");
  const pads = constant(padsName);
  if (pads === null) throw unsupported(node, "padding that is computed");
  const axes = (constant(axesName) ?? dims(x).map((_, i) => i)).map((axis) => frontAxis(axis, dims(x).length));
  if (pads.some((n) => n < 0)) throw unsupported(node, "padding that cuts off");
  return [math.slice(gradient, axes, axes.map((_, i) => pads[i] ?? 0), axes.map((axis, i) => (pads[i] ?? 0) + (dims(x)[axis] ?? 0)))];
};

const tiled: Rule = ({ math, node, inputs: [x = "", repeatsName], gradient, dims, constant }) => {
  const repeats = constant(repeatsName);
  if (repeats === null) throw unsupported(node, "repeats that are computed");
  const apart = math.reshape(gradient, dims(x).flatMap((dim, axis) => [repeats[axis] ?? 1, dim]));
  return [math.reshape(math.sum(apart, dims(x).map((_, axis) => 2 * axis)), dims(x))];
};

/** Rows that were taken several times get the sum: scattered with addition (embeddings). */
const gathered: Rule = ({ math, node, inputs: [x = "", indices = ""], gradient, dims }) => {
  const shape = dims(x);
  const axis = frontAxis(intAttribute(node, "axis", 0), shape.length);
  const taken = elementsIn(dims(indices));
  const [outer, length, inner] = [elementsIn(shape.slice(0, axis)), shape[axis] ?? 1, elementsIn(shape.slice(axis + 1))];
  const rows = math.reshape(math.transpose(math.reshape(gradient, [outer, taken, inner]), [1, 0, 2]), [taken, outer * inner]);
  const numbers = math.cast(math.reshape(indices, [taken, 1]), "int64");
  const negative = math.emit("Less", [numbers, math.builder.int64s([0], [])], [taken, 1], {}, { elementType: "bool" });
  const fromFront = math.emit("Where", [negative, math.emit("Add", [numbers, math.builder.int64s([length], [])], [taken, 1]), numbers], [taken, 1], {}, { elementType: "int64" });
  const scattered = math.emit("ScatterND", [math.zeros([length, outer * inner], gradient), fromFront, rows], [length, outer * inner], { reduction: { string: "add" } });
  return [math.reshape(math.transpose(math.reshape(scattered, [length, outer, inner]), [1, 0, 2]), shape), null];
};

export const SHAPES: Readonly<Record<string, Rule>> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Identity: ofOne(({ gradient }) => gradient),
  Transpose: transposed,
  Concat: concatenated,
  Split: split,
  Slice: sliced,
  Pad: padded,
  Expand: ofOne(({ math, gradient, x }) => math.unbroadcast(gradient, x)),
  Tile: tiled,
  Gather: gathered,
};
