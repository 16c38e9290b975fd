import type { OnnxNode } from "@flotilla/runtime/ir";
import { int64s, makeNode } from "@flotilla/runtime/ir";
import type { GraphView } from "./graph-view.ts";
import { listArgument } from "./operator-arguments.ts";

/** What a Slice takes along one axis, as written: negative numbers count from the end, ends may lie beyond it. */
export type SliceRange = { readonly axis: number; readonly start: number; readonly end: number; readonly step: number };

/** The ranges of a Slice with constant arguments, axes counted from the front; null for others, and when an axis occurs twice. */
export function readSlice(node: OnnxNode, view: GraphView): readonly SliceRange[] | null {
  const starts = listArgument(node, view, "starts", 1);
  const ends = listArgument(node, view, "ends", 2);
  const axes = listArgument(node, view, "axes", 3);
  const steps = listArgument(node, view, "steps", 4);
  if (starts === null || starts === "absent" || ends === null || ends === "absent" || axes === null || steps === null) return null;
  const rank = view.shape(node.inputs[0])?.length ?? null;
  const ranges = starts.map((start, at) => {
    const axis = axes === "absent" ? at : (axes[at] ?? 0);
    const fromFront = axis < 0 && rank !== null ? axis + rank : axis;
    return { axis: fromFront, start: safe(start), end: safe(ends[at] ?? 0), step: steps === "absent" ? 1 : (steps[at] ?? 1) };
  });
  const distinct = new Set(ranges.map(({ axis }) => axis));
  return distinct.size === ranges.length && ranges.every(({ axis }) => axis >= 0) ? ranges : null;
}

/** Exporters write the largest int64 for "to the end", which is no exact number here; any end beyond every dimension is as good. */
function safe(index: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, index));
}

/** A Slice of these ranges, its arguments where this operator set wants them: attributes before 10, inputs since. Null when attributes cannot say it. */
export function sliceNode(view: GraphView, data: string, ranges: readonly SliceRange[], output: string, name: string): OnnxNode | null {
  const column = (pick: (range: SliceRange) => number) => ranges.map(pick);
  const starts = column(({ start }) => start);
  const ends = column(({ end }) => end);
  const axes = column(({ axis }) => axis);
  const steps = column(({ step }) => step);
  if (view.opset < 10) {
    if (steps.some((step) => step !== 1)) return null;
    return makeNode("Slice", [data], [output], { starts: { ints: starts }, ends: { ints: ends }, axes: { ints: axes } }, { name });
  }
  const list = (suffix: string, values: readonly number[]) => view.addConstant(`${output}_${suffix}`, int64s("", [values.length], values));
  const inputs = [data, list("starts", starts), list("ends", ends), list("axes", axes)];
  if (steps.some((step) => step !== 1)) inputs.push(list("steps", steps));
  return makeNode("Slice", inputs, [output], {}, { name });
}

/** Start and length of a range of step 1 in a dimension of known size. */
export function exactRange(range: SliceRange, size: number): { readonly start: number; readonly length: number } | null {
  if (range.step !== 1) return null;
  const place = (index: number) => Math.min(size, Math.max(0, index < 0 ? index + size : index));
  const start = place(range.start);
  return { start, length: Math.max(0, place(range.end) - start) };
}
