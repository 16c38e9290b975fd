import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute } from "@flotilla/runtime/ir";
import type { GraphView } from "./graph-view.ts";
import { exactRange, readSlice, sliceNode } from "./slice-range.ts";
import type { SliceRange } from "./slice-range.ts";

/** Slice of Slice: ranges on different axes stand side by side, those on the same axis are added up. */
export function mergeSlices(node: OnnxNode, view: GraphView): string | null {
  const inner = view.producer(node.inputs[0] ?? "");
  if (inner?.opType !== "Slice" || inner.domain !== "") return null;
  const [first, second] = [readSlice(inner, view), readSlice(node, view)];
  if (first === null || second === null) return null;
  const source = inner.inputs[0] ?? "";
  const merged = [...first];
  for (const range of second) {
    const at = merged.findIndex(({ axis }) => axis === range.axis);
    const same = merged[at];
    const size = view.shape(source)?.[range.axis];
    const joined = same === undefined ? range : nested(same, range, size ?? null);
    if (joined === null) return null;
    if (at === -1) merged.push(joined);
    else merged[at] = joined;
  }
  const slice = sliceNode(view, source, merged, node.outputs[0] ?? "", node.name);
  if (slice === null) return null;
  view.replace(node, slice);
  return "two Slice are one";
}

function nested(outer: SliceRange, inner: SliceRange, size: number | string | null): SliceRange | null {
  if (typeof size !== "number") return null;
  const first = exactRange(outer, size);
  const second = first === null ? null : exactRange(inner, first.length);
  if (first === null || second === null) return null;
  const start = first.start + second.start;
  return { axis: outer.axis, start, end: start + second.length, step: 1 };
}

/** A Slice along the axis of a Concat that lies within one of its inputs: of that input, or the input itself. */
export function sliceOfConcat(node: OnnxNode, view: GraphView): string | null {
  const concat = view.producer(node.inputs[0] ?? "");
  const [range, ...more] = readSlice(node, view) ?? [];
  if (concat?.opType !== "Concat" || concat.domain !== "" || range === undefined || more.length > 0) return null;
  const rank = view.shape(node.inputs[0])?.length ?? 0;
  const axis = intAttribute(concat, "axis", 1);
  if ((axis < 0 ? axis + rank : axis) !== range.axis) return null;
  const sizes = concat.inputs.map((name) => view.shape(name)?.[range.axis]);
  if (!sizes.every((size) => typeof size === "number")) return null;
  const taken = exactRange(range, sizes.reduce((sum, size) => sum + size, 0));
  let offset = 0;
  for (const [at, size] of sizes.entries()) {
    const source = concat.inputs[at] ?? "";
    if (taken !== null && taken.length > 0 && taken.start >= offset && taken.start + taken.length <= offset + size) {
      return readInstead(node, view, source, { ...range, start: taken.start - offset, end: taken.start - offset + taken.length }, size);
    }
    offset += size;
  }
  return null;
}

function readInstead(node: OnnxNode, view: GraphView, source: string, range: SliceRange, size: number): string | null {
  if (range.start === 0 && range.end === size) return view.bypass(node, source) ? "Slice takes one input of a Concat" : null;
  const slice = sliceNode(view, source, [range], node.outputs[0] ?? "", node.name);
  if (slice === null) return null;
  view.replace(node, slice);
  return "Slice reads the one input of a Concat it lies in";
}

/** Concat of a Concat along the same axis that nothing else reads: one Concat of all inputs. */
export function mergeConcats(node: OnnxNode, view: GraphView): string | null {
  const axis = intAttribute(node, "axis", 1);
  const inner = node.inputs
    .map((name) => view.privateProducer(name))
    .find((producer) => producer?.opType === "Concat" && producer.domain === "" && intAttribute(producer, "axis", 1) === axis);
  if (inner == null) return null;
  const [value = ""] = inner.outputs;
  const inputs = node.inputs.flatMap((name) => (name === value ? inner.inputs : [name]));
  view.remove(inner);
  view.replace(node, { ...node, inputs });
  return "two Concat are one";
}
