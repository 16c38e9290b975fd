import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute } from "@flotilla/runtime/ir";
import type { Dimension, GraphView } from "./graph-view.ts";
import { numbersOf } from "./graph-view.ts";
import { readSlice } from "./slice-range.ts";

/** The elements of a list of sizes, or of one size, as far as they are known: numbers, symbols of dimensions, null. */
type ShapeVector = readonly Dimension[];

type Evaluate = (node: OnnxNode, view: GraphView, operand: (at: number) => ShapeVector | null) => ShapeVector | null;

const same: Evaluate = (_, __, operand) => operand(0);

/** Operators that exporters compute shapes with. */
const EVALUATORS: Readonly<Record<string, Evaluate>> = {
  Shape: shapeOf,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Identity: same,
  Squeeze: same,
  Unsqueeze: same,
  Cast: (node, view, operand) => (isInteger(view.elementType(node.inputs[0])) && isInteger(view.elementType(node.outputs[0])) ? operand(0) : null),
  Add: (_, __, operand) => combine(operand(0), operand(1), (a, b) => a + b),
  Sub: (_, __, operand) => combine(operand(0), operand(1), (a, b) => a - b),
  Mul: (_, __, operand) => combine(operand(0), operand(1), (a, b) => a * b),
  Div: (_, __, operand) => combine(operand(0), operand(1), (a, b) => (b === 0 ? null : Math.trunc(a / b))),
};

export const SHAPE_OPERATORS = Object.keys(EVALUATORS);

/** Shapes have as many elements as a tensor has dimensions; longer lists are data. */
const ELEMENTS_MAX = 64;
const DEPTH_MAX = 64;

/** What is known of an integer value that is computed from shapes; null if nothing. */
export function shapeVector(name: string, view: GraphView): ShapeVector | null {
  return evaluate(name, view, new Map(), 0);
}

function evaluate(name: string, view: GraphView, known: Map<string, ShapeVector | null>, depth: number): ShapeVector | null {
  const before = known.get(name);
  if (before !== undefined) return before;
  const value = depth > DEPTH_MAX ? null : evaluateNew(name, view, known, depth);
  const bounded = value !== null && value.length <= ELEMENTS_MAX ? value : null;
  known.set(name, bounded);
  return bounded;
}

function evaluateNew(name: string, view: GraphView, known: Map<string, ShapeVector | null>, depth: number): ShapeVector | null {
  const tensor = view.constant(name) ?? view.inferredConstant(name);
  if (tensor !== null) return isInteger(tensor.elementType) && tensor.dims.length <= 1 ? [...(numbersOf(tensor) ?? [])] : null;
  const node = view.producer(name);
  const isVector = (view.shape(name)?.length ?? 2) <= 1 && isInteger(view.elementType(name));
  if (node === null || node.domain !== "" || !isVector || !Object.hasOwn(EVALUATORS, node.opType)) return null;
  return EVALUATORS[node.opType]?.(node, view, (at) => evaluate(node.inputs[at] ?? "", view, known, depth + 1)) ?? null;
}

function isInteger(elementType: string | null): boolean {
  return elementType === "int64" || elementType === "int32";
}

function shapeOf(node: OnnxNode, view: GraphView): ShapeVector | null {
  const shape = view.shape(node.inputs[0]);
  return shape === null ? null : shape.slice(intAttribute(node, "start", 0), intAttribute(node, "end", shape.length));
}

function gather(node: OnnxNode, view: GraphView, operand: (at: number) => ShapeVector | null): ShapeVector | null {
  const data = operand(0);
  const indices = view.integers(node.inputs[1]);
  if (data === null || indices === null || intAttribute(node, "axis", 0) !== 0) return null;
  return indices.map((index) => data[index < 0 ? index + data.length : index] ?? null);
}

function slice(node: OnnxNode, view: GraphView, operand: (at: number) => ShapeVector | null): ShapeVector | null {
  const data = operand(0);
  const [range, ...more] = readSlice(node, view) ?? [];
  if (data === null || range === undefined || more.length > 0 || range.axis !== 0 || range.step !== 1) return null;
  return data.slice(range.start, range.end);
}

function concat(node: OnnxNode, _: GraphView, operand: (at: number) => ShapeVector | null): ShapeVector | null {
  const parts = node.inputs.map((__, at) => operand(at));
  return parts.every((part) => part !== null) ? parts.flat() : null;
}

/** Elementwise, a list of one element against each of the other. A symbol is known no longer once it is computed with. */
function combine(a: ShapeVector | null, b: ShapeVector | null, compute: (a: number, b: number) => number | null): ShapeVector | null {
  if (a === null || b === null || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return null;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => {
    const x = a[a.length === 1 ? 0 : index];
    const y = b[b.length === 1 ? 0 : index];
    return typeof x === "number" && typeof y === "number" ? compute(x, y) : null;
  });
}
