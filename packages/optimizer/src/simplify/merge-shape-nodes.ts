import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, intsAttribute, makeNode, setAttribute } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import type { GraphView } from "./graph-view.ts";
import { axesNode, listArgument, normalAxes } from "./operator-arguments.ts";
import { rewritePass } from "./rewrite-pass.ts";
import { mergeConcats, mergeSlices, sliceOfConcat } from "./merge-slices.ts";

export const mergeShapeNodes: Pass = rewritePass(
  {
    name: "merge-shape-nodes",
    title: "Consecutive nodes that only move elements",
    expectedEffect: "one node for each run of Transpose, Reshape, Flatten, Squeeze, Unsqueeze, Slice or Concat nodes",
    exactness: "bit-equal",
  },
  {
    Transpose: mergeTransposes,
    Reshape: reshapeOverShapeNode,
    Flatten: mergeFlattens,
    Squeeze: (node, view) => cancelUnsqueeze(node, view) ?? mergeSqueezes(node, view),
    Unsqueeze: mergeUnsqueezes,
    Slice: (node, view) => mergeSlices(node, view) ?? sliceOfConcat(node, view),
    Concat: mergeConcats,
  },
);

function before(node: OnnxNode, view: GraphView, opType: string): OnnxNode | null {
  const producer = view.producer(node.inputs[0] ?? "");
  return producer?.opType === opType && producer.domain === "" ? producer : null;
}

function mergeTransposes(node: OnnxNode, view: GraphView): string | null {
  const inner = before(node, view, "Transpose");
  const first = inner === null ? null : intsAttribute(inner, "perm");
  const second = intsAttribute(node, "perm");
  if (inner === null || first === null || second === null) return null;
  const perm = second.map((axis) => first[axis] ?? 0);
  view.replace(node, makeNode("Transpose", [inner.inputs[0] ?? ""], node.outputs, { perm: { ints: perm } }, { name: node.name }));
  return "two Transpose are one";
}

/** Operators that change the shape alone, so that a Reshape behind them can read what they read. */
const SHAPE_ONLY = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze"]);

function reshapeOverShapeNode(node: OnnxNode, view: GraphView): string | null {
  const inner = view.producer(node.inputs[0] ?? "");
  const target = view.integers(node.inputs[1]);
  if (inner === null || inner.domain !== "" || !SHAPE_ONLY.has(inner.opType) || target === null) return null;
  // A 0 copies a dimension of what the Reshape reads now.
  if (target.includes(0)) return null;
  view.replace(node, { ...node, inputs: [inner.inputs[0] ?? "", node.inputs[1] ?? ""] });
  return `Reshape reads what the ${inner.opType} before it reads`;
}

/** Flatten(a) gives a matrix; of that, Flatten(1) is itself, Flatten(0) one row and Flatten(2) one column. */
function mergeFlattens(node: OnnxNode, view: GraphView): string | null {
  const inner = before(node, view, "Flatten");
  if (inner === null) return null;
  const source = inner.inputs[0] ?? "";
  const rank = view.shape(source)?.length;
  const outer = intAttribute(node, "axis", 1);
  const axis = outer < 0 ? outer + 2 : outer;
  const merged = [0, intAttribute(inner, "axis", 1), rank][axis];
  if (merged === undefined) return null;
  const flatten = { ...node, inputs: [source], attributes: [...node.attributes] };
  setAttribute(flatten, "axis", { int: merged });
  view.replace(node, flatten);
  return "two Flatten are one";
}

/** Axes of a Squeeze or Unsqueeze, counted from the front of a shape of `rank` dimensions. */
function axesOf(node: OnnxNode, view: GraphView, rank: number): number[] | null {
  const axes = listArgument(node, view, "axes", 1);
  return axes === null || axes === "absent" ? null : normalAxes(axes, rank);
}

function cancelUnsqueeze(node: OnnxNode, view: GraphView): string | null {
  const inner = before(node, view, "Unsqueeze");
  const rank = view.shape(node.inputs[0])?.length;
  if (inner === null || rank === undefined) return null;
  const [put, taken] = [axesOf(inner, view, rank), axesOf(node, view, rank)];
  if (put === null || taken === null || String(ascending(put)) !== String(ascending(taken))) return null;
  return view.bypass(node, inner.inputs[0] ?? "") ? "Squeeze takes back the Unsqueeze before it" : null;
}

function mergeSqueezes(node: OnnxNode, view: GraphView): string | null {
  const inner = before(node, view, "Squeeze");
  const source = inner?.inputs[0] ?? "";
  const rank = view.shape(source)?.length;
  const first = inner === null || rank === undefined ? null : axesOf(inner, view, rank);
  if (rank === undefined || first === null) return null;
  const left = range(rank).filter((axis) => !first.includes(axis));
  const second = axesOf(node, view, left.length);
  if (second === null) return null;
  const axes = ascending([...first, ...second.map((axis) => left[axis] ?? 0)]);
  view.replace(node, axesNode("Squeeze", view, source, axes, node.outputs, node.name));
  return "two Squeeze are one";
}

function mergeUnsqueezes(node: OnnxNode, view: GraphView): string | null {
  const inner = before(node, view, "Unsqueeze");
  const source = inner?.inputs[0] ?? "";
  const rank = view.shape(source)?.length;
  const innerCount = inner === null ? null : listArgument(inner, view, "axes", 1);
  const outerCount = listArgument(node, view, "axes", 1);
  if (inner === null || rank === undefined || !Array.isArray(innerCount) || !Array.isArray(outerCount)) return null;
  const finalRank = rank + innerCount.length + outerCount.length;
  const second = normalAxes(outerCount, finalRank);
  const first = normalAxes(innerCount, rank + innerCount.length);
  if (first === null || second === null) return null;
  const left = range(finalRank).filter((axis) => !second.includes(axis));
  const axes = ascending([...second, ...first.map((axis) => left[axis] ?? 0)]);
  view.replace(node, axesNode("Unsqueeze", view, source, axes, node.outputs, node.name));
  return "two Unsqueeze are one";
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function ascending(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
