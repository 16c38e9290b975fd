import { eachIndex, smallDims, stridesOf } from "./elements.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { frontAxis, value } from "./value.ts";

// Reductions over axes: an attribute up to opset 17 (ReduceSum: 12), an input from then on.

/** Axes counted from the front; all of them when none are given. Null when they are not known. */
function reducedAxes(view: NodeView, rank: number): ReadonlySet<number> | null {
  const given = view.list("axes", 1);
  if (given === null) return null;
  if (given === "absent" || given.length === 0) {
    return view.int("noop_with_empty_axes", 0) === 0 ? new Set(Array.from({ length: rank }, (_, axis) => axis)) : new Set();
  }
  const axes = given.map((axis) => frontAxis(axis, rank));
  return axes.includes(null) ? null : new Set(axes as number[]);
}

function reducedShape(shape: readonly Dim[], axes: ReadonlySet<number> | null, keeps: boolean): Dim[] | null {
  if (axes === null) return keeps ? shape.map(() => null) : null;
  return shape.flatMap((dim, axis): Dim[] => (axes.has(axis) ? (keeps ? [1] : []) : [dim]));
}

function reduce(fold?: (elements: readonly number[]) => number): Rule {
  return (view) => {
    const shape = view.shape(0);
    if (shape === null) return [value(view.type(0), null)];
    const keeps = view.int("keepdims", 1) !== 0;
    const axes = reducedAxes(view, shape.length);
    const numbers = fold === undefined || axes === null ? null : reducedNumbers(view, axes, fold);
    return [value(view.type(0), reducedShape(shape, axes, keeps), numbers)];
  };
}

/** Follows whole numbers only: sums of fractions depend on their order. */
function reducedNumbers(view: NodeView, axes: ReadonlySet<number>, fold: (elements: readonly number[]) => number): Dim[] | null {
  const numbers = view.numbers(0);
  const dims = smallDims(view.shape(0));
  if (numbers === null || dims === null || !["int64", "int32"].includes(view.type(0))) return null;
  const outDims = dims.map((dim, axis) => (axes.has(axis) ? 1 : dim));
  const strides = stridesOf(outDims);
  const groups: number[][] = Array.from({ length: outDims.reduce((product, dim) => product * dim, 1) }, () => []);
  let at = 0;
  eachIndex(dims, (index) => {
    const group = index.reduce((sum, position, axis) => sum + (axes.has(axis) ? 0 : position * (strides[axis] ?? 0)), 0);
    groups[group]?.push(numbers[at] ?? 0);
    at += 1;
  });
  return groups.map((elements) => {
    const folded = elements.length === 0 ? Number.NaN : fold(elements);
    return Number.isSafeInteger(folded) ? folded : null;
  });
}

const argOf: Rule = (view) => {
  const shape = view.shape(0);
  const axis = shape === null ? null : view.axis(0, shape.length);
  if (shape === null || axis === null) return [value("int64", null)];
  return [value("int64", reducedShape(shape, new Set([axis]), view.int("keepdims", 1) !== 0))];
};

const PLAIN = "ReduceMean ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare".split(" ");

export const REDUCTION: Rules = {
  ...Object.fromEntries(PLAIN.map((name) => [name, reduce()])),
  ReduceSum: reduce((elements) => elements.reduce((sum, element) => sum + element, 0)),
  ReduceProd: reduce((elements) => elements.reduce((product, element) => product * element, 1)),
  ReduceMax: reduce((elements) => Math.max(...elements)),
  ReduceMin: reduce((elements) => Math.min(...elements)),
  ArgMax: argOf,
  ArgMin: argOf,
};
