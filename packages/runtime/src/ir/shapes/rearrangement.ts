import { pick, smallDims } from "./elements.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import { concatShape } from "./quantization.ts";
import type { Dim, Value } from "./value.ts";
import { broadcast, frontAxis, knownCount, value } from "./value.ts";

// Operators that give the same elements another shape or order.

/**
 * The target shape of a Reshape: 0 copies (unless `allowzero`), and one size that is not known, -1 among them, is what the
 * others leave of the elements. Named sizes cancel against those of the input.
 */
function reshapedTo(input: readonly Dim[] | null, target: readonly Dim[], allowZero: boolean): Dim[] {
  const wanted = target.map((dim, axis): Dim => {
    if (dim === 0 && !allowZero) return input?.[axis] ?? null;
    return dim === -1 ? null : dim;
  });
  const open = wanted.flatMap((dim, axis) => (dim === null ? [axis] : []));
  const [axis] = open;
  if (axis === undefined || open.length > 1 || input === null) return wanted;
  wanted[axis] = quotient(input, wanted.filter((dim) => dim !== null));
  return wanted;
}

/** Product of the input's sizes over the product of the others, where it can be told. */
function quotient(input: readonly Dim[], others: readonly Dim[]): Dim {
  const names = input.filter((dim) => typeof dim !== "number");
  let elements = input.reduce<number>((product, dim) => (typeof dim === "number" ? product * dim : product), 1);
  for (const other of others) {
    if (typeof other === "number") {
      elements /= other;
      continue;
    }
    const at = names.indexOf(other);
    if (at === -1) return null;
    names.splice(at, 1);
  }
  if (names.length === 0) return Number.isInteger(elements) ? elements : null;
  return names.length === 1 && elements === 1 ? (names[0] ?? null) : null;
}

const reshape: Rule = (view) => {
  const target = view.opset < 5 ? view.ints("shape") : view.input(1).numbers;
  if (target !== null) {
    const shape = reshapedTo(view.shape(0), target, view.int("allowzero", 0) !== 0);
    return [value(view.type(0), shape, view.input(0).numbers)];
  }
  const rank = view.shape(1)?.[0];
  return [value(view.type(0), typeof rank === "number" ? Array.from({ length: rank }, () => null) : null)];
};

const flatten: Rule = (view) => {
  const shape = view.shape(0);
  if (shape === null) return [value(view.type(0), [null, null])];
  const asked = view.int("axis", 1);
  const axis = asked < 0 ? asked + shape.length : asked;
  const part = (dims: readonly Dim[]): Dim => quotient(dims, []);
  return [value(view.type(0), [part(shape.slice(0, axis)), part(shape.slice(axis))], view.input(0).numbers)];
};

const transpose: Rule = (view) => {
  const shape = view.shape(0);
  const order = view.ints("perm") ?? shape?.map((_, axis) => shape.length - 1 - axis) ?? null;
  if (order === null) return [value(view.type(0), null)];
  const out = order.map((axis) => shape?.[axis] ?? null);
  const numbers = pick(view.input(0), out, (index) => {
    const from = [...index];
    for (const [to, axis] of order.entries()) from[axis] = index[to] ?? 0;
    return from;
  });
  return [value(view.type(0), out, numbers)];
};

const squeeze: Rule = (view) => {
  const shape = view.shape(0);
  const given = view.list("axes", 1);
  if (shape === null || given === null) return [value(view.type(0), null)];
  if (given === "absent") {
    // Without axes every size must be known to tell which are 1.
    const isKnown = shape.every((dim) => typeof dim === "number");
    return [value(view.type(0), isKnown ? shape.filter((dim) => dim !== 1) : null, view.input(0).numbers)];
  }
  const axes = new Set(given.map((axis) => frontAxis(axis, shape.length)));
  return [value(view.type(0), shape.filter((_, axis) => !axes.has(axis)), view.input(0).numbers)];
};

const unsqueeze: Rule = (view) => {
  const shape = view.shape(0);
  const given = view.list("axes", 1);
  if (shape === null || given === null || given === "absent") return [value(view.type(0), null)];
  const rank = shape.length + given.length;
  const axes = new Set(given.map((axis) => frontAxis(axis, rank)));
  const rest = [...shape];
  const out = Array.from({ length: rank }, (_, axis): Dim => (axes.has(axis) ? 1 : (rest.shift() ?? null)));
  return [value(view.type(0), out, view.input(0).numbers)];
};

const concat: Rule = (view) => {
  const type = view.inputs.find(({ elementType }) => elementType !== "undefined")?.elementType ?? "undefined";
  const shape = concatShape(view, view.inputs.map((part) => part.shape));
  // Shape arithmetic concatenates vectors; a part nothing is known of leaves the others standing.
  const isVector = shape?.length === 1 && view.inputs.some((part) => part.numbers !== null);
  return [value(type, shape, isVector ? view.inputs.flatMap(elementsOrGaps) : null)];
};

function elementsOrGaps(part: Value): readonly Dim[] {
  const count = smallDims(part.shape)?.[0] ?? 0;
  return part.numbers ?? Array.from({ length: count }, () => null);
}

function splitSizes(view: NodeView, size: Dim): readonly Dim[] {
  const parts = view.node.outputs.length;
  const given = view.list("split", 1);
  if (given === null) return Array.from({ length: parts }, () => null);
  if (given !== "absent") return given;
  if (typeof size !== "number") return Array.from({ length: parts }, () => (parts === 1 ? size : null));
  const chunk = Math.ceil(size / view.int("num_outputs", parts));
  return Array.from({ length: parts }, (_, part) => Math.max(0, Math.min(chunk, size - part * chunk)));
}

const split: Rule = (view) => {
  const shape = view.shape(0);
  const axis = shape === null ? null : view.axis(0, shape.length);
  if (shape === null || axis === null) return view.node.outputs.map(() => value(view.type(0), null));
  let start: number | null = 0;
  return splitSizes(view, shape[axis] ?? null).map((size) => {
    const out = shape.map((dim, at) => (at === axis ? size : dim));
    const from = start;
    start = start === null || typeof size !== "number" ? null : start + size;
    const numbers = from === null ? null : pick(view.input(0), out, (index) => index.map((position, at) => (at === axis ? position + from : position)));
    return value(view.type(0), out, numbers);
  });
};

const expand: Rule = (view) => {
  const target = view.input(1).numbers;
  const shape = target === null ? null : broadcast([view.shape(0), target]);
  return [value(view.type(0), shape, repeated(view.input(0), shape))];
};

/** Elements of a broadcast to a larger shape. */
function repeated(source: Value, shape: readonly Dim[] | null): Dim[] | null {
  const dims = source.shape;
  if (dims === null || shape === null) return null;
  const skip = shape.length - dims.length;
  return pick(source, shape, (index) => dims.map((dim, axis) => (dim === 1 ? 0 : (index[axis + skip] ?? 0))));
}

const tile: Rule = (view) => {
  const shape = view.shape(0);
  const repeats = view.input(1).numbers;
  if (shape === null) return [value(view.type(0), null)];
  const out = shape.map((dim, axis): Dim => {
    const times = repeats?.[axis] ?? null;
    if (times === 1) return dim;
    if (dim === 1) return times;
    return typeof dim === "number" && typeof times === "number" ? dim * times : null;
  });
  const numbers = pick(view.input(0), out, (index) => index.map((position, axis) => position % Number(shape[axis])));
  return [value(view.type(0), out, numbers)];
};

/** Blocks of space move into channels or back; sizes multiply and divide. */
function spaceShape(view: NodeView, change: (dim: Dim, axis: number, block: number) => Dim): Value[] {
  const block = view.int("blocksize", 1);
  return [value(view.type(0), view.shape(0)?.map((dim, axis) => change(dim, axis, block)) ?? null)];
}

function times(dim: Dim, factor: number): Dim {
  const product = typeof dim === "number" ? dim * factor : null;
  return product !== null && Number.isInteger(product) ? product : null;
}

const depthToSpace: Rule = (view) =>
  spaceShape(view, (dim, axis, block) => (axis === 0 ? dim : times(dim, axis === 1 ? 1 / block ** 2 : block)));
const spaceToDepth: Rule = (view) =>
  spaceShape(view, (dim, axis, block) => (axis === 0 ? dim : times(dim, axis === 1 ? block ** 2 : 1 / block)));

const shapeOf: Rule = (view) => {
  const shape = view.shape(0);
  if (shape === null) return [value("int64", [null])];
  const part = shape.slice(view.int("start", 0), view.hasAttribute("end") ? view.int("end", shape.length) : undefined);
  return [value("int64", [part.length], part)];
};

const sizeOf: Rule = (view) => {
  const count = knownCount(view.shape(0));
  return [value("int64", [], count === null ? null : [count])];
};

export const REARRANGEMENT: Rules = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Expand: expand,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape: shapeOf,
  Size: sizeOf,
};
