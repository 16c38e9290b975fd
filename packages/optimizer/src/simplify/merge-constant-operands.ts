import type { OnnxNode } from "@flotilla/runtime/ir";
import { elementCount, makeNode } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import { fits, floatConstant, isFloatType } from "./float-constant.ts";
import type { GraphView } from "./graph-view.ts";
import { rewritePass } from "./rewrite-pass.ts";
import type { Rule } from "./rewrite-pass.ts";

export const mergeConstantOperands: Pass = rewritePass(
  {
    name: "merge-constant-operands",
    title: "Two constant factors, or two constant addends, in a row",
    expectedEffect: "one Mul for two, one Add for two",
    exactness: "rounding",
  },
  { Mul: merged((a, b) => a * b), Add: merged((a, b) => a + b) },
);

function merged(combine: (a: number, b: number) => number): Rule {
  return (node, view) => {
    const outer = splitOperands(node, view);
    const inner = outer === null ? null : view.privateProducer(outer.data);
    const nested = inner?.opType === node.opType && inner.domain === "" ? splitOperands(inner, view) : null;
    if (outer === null || inner === null || nested === null) return null;
    const constant = combined(nested.constant, outer.constant, view, combine);
    if (constant === null) return null;
    view.remove(inner);
    view.replace(node, makeNode(node.opType, [nested.data, constant], node.outputs, {}, { name: node.name }));
    return `two ${node.opType} with constants are one`;
  };
}

function splitOperands(node: OnnxNode, view: GraphView): { readonly data: string; readonly constant: string } | null {
  const [first = "", second = ""] = node.inputs;
  if (view.constant(second) !== null) return view.constant(first) === null ? { data: first, constant: second } : null;
  return view.constant(first) === null ? null : { data: second, constant: first };
}

/** Constants that others read too may be kept beside the merged one when they are this small. */
const SHARED_ELEMENTS_MAX = 256;

/** The elementwise result of two constants, if it is no larger than the larger of them and takes its place. */
function combined(first: string, second: string, view: GraphView, combine: (a: number, b: number) => number): string | null {
  const [a, b] = [view.constant(first), view.constant(second)];
  const [x, y] = [view.numbers(first), view.numbers(second)];
  if (a === null || b === null || x === null || y === null || !isFloatType(a.elementType)) return null;
  const dims = broadcast(a.dims, b.dims);
  const larger = x.length > y.length ? first : second;
  if (dims === null || elementCount(dims) > Math.max(x.length, y.length)) return null;
  if (view.uses(larger) > 1 && elementCount(dims) > SHARED_ELEMENTS_MAX) return null;
  const numbers = Float64Array.from({ length: elementCount(dims) }, (_, at) => combine(x[place(at, dims, a.dims)] ?? 0, y[place(at, dims, b.dims)] ?? 0));
  return fits(a.elementType, numbers) ? view.addConstant(second, floatConstant(a.elementType, dims, numbers)) : null;
}

function broadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const dims: number[] = [];
  for (let axis = 0; axis < rank; axis += 1) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    dims.push(x === 1 ? y : x);
  }
  return dims;
}

/** Where element `index` of a tensor of shape `dims` lies in one of shape `own` that was broadcast to it. */
function place(index: number, dims: readonly number[], own: readonly number[]): number {
  let rest = index;
  let offset = 0;
  let stride = 1;
  for (let back = 1; back <= own.length; back += 1) {
    const size = dims[dims.length - back] ?? 1;
    const ownSize = own[own.length - back] ?? 1;
    if (ownSize !== 1) offset += (rest % size) * stride;
    stride *= ownSize;
    rest = Math.floor(rest / size);
  }
  return offset;
}
