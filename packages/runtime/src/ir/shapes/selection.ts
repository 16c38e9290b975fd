import { pick } from "./elements.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { frontAxis, UNKNOWN, value } from "./value.ts";

// Operators that take some elements of a tensor, or put some into it.

type Cut = { readonly start: number; readonly step: number; readonly length: number };

/** ONNX Slice-13: bounds count from the end when negative and are clamped. */
function cut(size: number, start: number, end: number, step: number): Cut {
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const clampedFrom = Math.min(Math.max(from, 0), step > 0 ? size : size - 1);
  const clampedTo = Math.min(Math.max(to, step > 0 ? 0 : -1), size);
  return { start: clampedFrom, step, length: Math.max(0, Math.ceil((clampedTo - clampedFrom) / step)) };
}

/** Exporters write "to the end" as a number beyond any size. */
const TO_THE_END = 2 ** 31 - 1;

function cutDim(dim: Dim, start: Dim | undefined, end: Dim | undefined, step: number | null): Cut | Dim {
  if (step === null || step === 0 || typeof start !== "number" || typeof end !== "number") return null;
  if (typeof dim === "number") return cut(dim, start, end, step);
  return start === 0 && end >= TO_THE_END && step === 1 ? dim : null;
}

type SliceBounds = { readonly starts: readonly Dim[] | null; readonly ends: readonly Dim[] | null; readonly axes: readonly number[] | null; readonly steps: readonly number[] | null };

function sliceBounds(view: NodeView): SliceBounds {
  if (view.opset < 10) {
    const starts = view.ints("starts");
    return { starts, ends: view.ints("ends"), axes: view.ints("axes") ?? starts?.map((_, axis) => axis) ?? null, steps: starts?.map(() => 1) ?? null };
  }
  const starts = view.input(1).numbers;
  const count = view.shape(1)?.[0];
  const plain = typeof count === "number" ? Array.from({ length: count }, (_, axis) => axis) : null;
  return {
    starts,
    ends: view.input(2).numbers,
    axes: view.has(3) ? view.numbers(3) : plain,
    steps: view.has(4) ? view.numbers(4) : (plain?.map(() => 1) ?? null),
  };
}

const slice: Rule = (view) => {
  const shape = view.shape(0);
  if (shape === null) return [value(view.type(0), null)];
  const { starts, ends, axes, steps } = sliceBounds(view);
  if (axes === null) return [value(view.type(0), shape.map(() => null))];
  const cuts: (Cut | Dim)[] = [...shape];
  for (const [at, given] of axes.entries()) {
    const axis = frontAxis(given, shape.length);
    if (axis !== null) cuts[axis] = cutDim(shape[axis] ?? null, starts?.[at], ends?.[at], steps?.[at] ?? null);
  }
  const out = cuts.map((part): Dim => (typeof part === "object" && part !== null ? part.length : part));
  const numbers = pick(view.input(0), out, (index) =>
    index.map((position, axis) => {
      const part = cuts[axis];
      return typeof part === "object" && part !== null ? part.start + position * part.step : position;
    }),
  );
  return [value(view.type(0), out, numbers)];
};

const gather: Rule = (view) => {
  const data = view.shape(0);
  const indices = view.shape(1);
  const axis = data === null ? null : view.axis(0, data.length);
  if (data === null || indices === null || axis === null) return [value(view.type(0), null)];
  const out = [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
  return [value(view.type(0), out, gatheredNumbers(view, data, indices.length, axis, out))];
};

function gatheredNumbers(view: NodeView, data: readonly Dim[], indicesRank: number, axis: number, out: readonly Dim[]): Dim[] | null {
  const size = data[axis];
  const picked = view.numbers(1);
  const strides = view.shape(1);
  if (picked === null || typeof size !== "number" || strides === null) return null;
  return pick(view.input(0), out, (index) => {
    let at = 0;
    for (let inner = 0; inner < indicesRank; inner += 1) at = at * Number(strides[inner]) + (index[axis + inner] ?? 0);
    const chosen = picked[at] ?? 0;
    return [...index.slice(0, axis), chosen < 0 ? chosen + size : chosen, ...index.slice(axis + indicesRank)];
  });
}

const gatherElements: Rule = (view) => [value(view.type(0), view.shape(1))];

const gatherNd: Rule = (view) => {
  const data = view.shape(0);
  const indices = view.shape(1);
  const depth = indices?.at(-1);
  if (data === null || indices === null || typeof depth !== "number") return [value(view.type(0), null)];
  return [value(view.type(0), [...indices.slice(0, -1), ...data.slice(view.int("batch_dims", 0) + depth)])];
};

const sameAsData: Rule = (view) => [value(view.type(0), view.shape(0))];

const pad: Rule = (view) => {
  const shape = view.shape(0);
  if (shape === null) return [value(view.type(0), null)];
  const axes = view.has(3) ? view.numbers(3) : shape.map((_, axis) => axis);
  const pads = view.opset < 11 ? (view.ints("pads") ?? view.ints("paddings")) : view.input(1).numbers;
  if (axes === null || pads === null) return [value(view.type(0), shape.map(() => null))];
  const out = [...shape];
  for (const [at, given] of axes.entries()) {
    const axis = frontAxis(given, shape.length);
    if (axis === null) continue;
    const [dim = null, before = null, after = null] = [shape[axis], pads[at], pads[at + axes.length]];
    if (before === 0 && after === 0) continue;
    out[axis] = typeof dim === "number" && typeof before === "number" && typeof after === "number" ? dim + before + after : null;
  }
  return [value(view.type(0), out)];
};

const topK: Rule = (view) => {
  const shape = view.shape(0);
  const axis = shape === null ? null : view.axis(-1, shape.length);
  const k = view.opset < 10 ? view.int("k", 0) : (view.input(1).numbers?.[0] ?? null);
  const out = shape === null || axis === null ? null : shape.map((dim, at) => (at === axis ? k : dim));
  return [value(view.type(0), out), value("int64", out)];
};

const oneHot: Rule = (view) => {
  const shape = view.shape(0);
  const depth = view.input(1).numbers?.[0] ?? null;
  const axis = shape === null ? null : view.axis(-1, shape.length + 1);
  const out = shape === null || axis === null ? null : [...shape.slice(0, axis), typeof depth === "number" ? Math.trunc(depth) : depth, ...shape.slice(axis)];
  return [value(view.type(2), out)];
};

/** Removed from ONNX, still run: cuts `border` [left, top, right, bottom] off an image. */
const crop: Rule = (view) => {
  const shape = view.shape(0);
  const [left, top, right, bottom] = view.ints("border") ?? [];
  if (shape?.length !== 4 || left === undefined || top === undefined || right === undefined || bottom === undefined) return [value(view.type(0), null)];
  const [height, width] = view.ints("scale") ?? [];
  const less = (dim: Dim | undefined, by: number): Dim => (typeof dim === "number" ? dim - by : null);
  return [value(view.type(0), [shape[0] ?? null, shape[1] ?? null, height ?? less(shape[2], top + bottom), width ?? less(shape[3], left + right)])];
};

const nonZero: Rule = (view) => [value("int64", [view.shape(0)?.length ?? null, null])];

const nonMaxSuppression: Rule = () => [value("int64", [null, 3])];

const roiAlign: Rule = (view) => [
  value(view.type(0), [view.shape(1)?.[0] ?? null, view.shape(0)?.[1] ?? null, view.int("output_height", 1), view.int("output_width", 1)]),
];

const gridSample: Rule = (view) => {
  const input = view.shape(0);
  const grid = view.shape(1);
  return [value(view.type(0), input === null || grid === null ? null : [input[0] ?? null, input[1] ?? null, ...grid.slice(1, -1)])];
};

/** How many elements are chosen is only known when it runs. */
const unknownCount: Rule = (view) => [value(view.type(0), view.hasAttribute("axis") ? (view.shape(0)?.map(() => null) ?? null) : [null])];

// ---- Resize and Upsample

function scaled(dim: Dim, scale: Dim | undefined): Dim {
  if (scale === 1) return dim;
  // ONNX Runtime multiplies in float32.
  return typeof dim === "number" && typeof scale === "number" ? Math.floor(Math.fround(Math.fround(dim) * Math.fround(scale))) : null;
}

const resize: Rule = (view) => {
  const shape = view.shape(0);
  if (shape === null) return [value(view.type(0), null)];
  const axes = (view.ints("axes") ?? shape.map((_, axis) => axis)).map((axis) => frontAxis(axis, shape.length));
  const out = [...shape];
  const scales = view.has(view.opset < 11 ? 1 : 2) ? view.input(view.opset < 11 ? 1 : 2) : UNKNOWN;
  const hasSizes = view.opset >= 11 && view.has(3);
  const followsSizes = view.string("keep_aspect_ratio_policy", "stretch") === "stretch";
  const cropped = view.string("coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  for (const [at, axis] of axes.entries()) {
    if (axis === null) continue;
    if (hasSizes) out[axis] = followsSizes ? (view.input(3).numbers?.[at] ?? null) : null;
    else out[axis] = cropped ? null : scaled(shape[axis] ?? null, scales.numbers?.[at] ?? undefined);
  }
  return [value(view.type(0), out)];
};

const upsample: Rule = (view) => {
  const given = view.node.attributes.find(({ name }) => name === "scales");
  const scales = given?.type === "floats" ? given.value : view.input(1).numbers;
  return [value(view.type(0), view.shape(0)?.map((dim, axis) => scaled(dim, scales?.[axis])) ?? null)];
};

export const SELECTION: Rules = {
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Scatter: sameAsData,
  ScatterElements: sameAsData,
  ScatterND: sameAsData,
  Pad: pad,
  TopK: topK,
  OneHot: oneHot,
  NonZero: nonZero,
  NonMaxSuppression: nonMaxSuppression,
  RoiAlign: roiAlign,
  GridSample: gridSample,
  Compress: unknownCount,
  Crop: crop,
  Resize: resize,
  Upsample: upsample,
};
