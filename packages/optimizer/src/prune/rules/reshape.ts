import type { OnnxNode } from "@flotilla/runtime/ir";
import { int64s } from "@flotilla/runtime/ir";
import type { AxisLabels } from "../channel-classes.ts";
import { FIXED } from "../channel-classes.ts";
import type { ChannelFlow, Labels } from "../channel-flow.ts";
import type { ChannelRule } from "./rule.ts";

type Size = number | string | null;
/** Axes of the input and of the output that hold the same elements in the same order; ends are exclusive. */
type Span = { readonly input: readonly [number, number]; readonly output: readonly [number, number] };

/** A larger run of elements is not followed. */
const ELEMENTS_MAX = 2 ** 22;

/** Elements keep their order, axes change: an axis of channels becomes runs of consecutive elements, or the other way round. */
function regroup(node: OnnxNode, flow: ChannelFlow): Labels | string {
  const labels = flow.labels(node.inputs[0]) ?? [];
  const [before, after] = [flow.shape(node.inputs[0]), flow.shape(node.outputs[0])];
  const spans = before === null || after === null ? null : matchingSpans(before, after);
  if (before === null || after === null || spans === null) return "shapes around it are not known";
  const result: (AxisLabels | null)[] = after.map(() => null);
  for (const { input, output } of spans) {
    const axes = labels.flatMap((entry, axis) => (entry !== null && axis >= input[0] && axis < input[1] ? [axis] : []));
    const [axis] = axes;
    if (axis === undefined) continue;
    const along = labels[axis] ?? null;
    if (axes.length > 1 || along === null) return "it mixes two axes of channels";
    const linear = spread(along, before.slice(input[0], input[1]).map(Number), axis - input[0]);
    if (linear === null) return "it has too many elements to follow";
    const sizes = after.slice(output[0], output[1]).map(Number);
    const at = carryingAxis(linear, sizes, flow);
    if (at === null) return "no axis behind it carries the channels";
    result[output[0] + at] = gathered(linear, sizes, at, flow);
  }
  return result;
}

/** Splits two shapes of as many elements into spans of equal products, as short as they can be; null when sizes are not known. */
function matchingSpans(before: readonly Size[], after: readonly Size[]): Span[] | null {
  const spans: Span[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [startI, startJ] = [i, j];
    let [left, right] = [before[i] ?? 1, after[j] ?? 1];
    if (i < before.length) i += 1;
    if (j < after.length) j += 1;
    if (typeof left !== "number" || typeof right !== "number" || before[startI] === null || after[startJ] === null) {
      const isSame = startI < before.length && startJ < after.length && isSameOpenSize(before, after, startI, startJ);
      if (!isSame) return null;
      spans.push({ input: [startI, i], output: [startJ, j] });
      continue;
    }
    while (left !== right) {
      const next: Size | undefined = left < right ? before[i] : after[j];
      if (typeof next !== "number") return null;
      if (left < right) {
        left *= next;
        i += 1;
      } else {
        right *= next;
        j += 1;
      }
    }
    spans.push({ input: [startI, i], output: [startJ, j] });
  }
  return spans;
}

/** Sizes that are not known are the same when they bear one name, or when all others have one product. */
function isSameOpenSize(before: readonly Size[], after: readonly Size[], i: number, j: number): boolean {
  if (typeof before[i] === "string" && before[i] === after[j]) return true;
  const rest = (sizes: readonly Size[], open: number) => sizes.reduce<number>((product, size, at) => (at === open ? product : product * (typeof size === "number" ? size : Number.NaN)), 1);
  return typeof before[i] !== "number" && typeof after[j] !== "number" && rest(before, i) === rest(after, j);
}

/** Labels of the elements of a span, row-major. */
function spread(along: AxisLabels, sizes: readonly number[], axis: number): AxisLabels | null {
  const inner = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  const total = sizes.reduce((product, size) => product * size, 1);
  return total > ELEMENTS_MAX ? null : Int32Array.from({ length: total }, (_, at) => along[Math.floor(at / inner) % along.length] ?? FIXED);
}

/** The axis whose positions each hold one class; else the longest, whose positions then become classes. */
function carryingAxis(linear: AxisLabels, sizes: readonly number[], flow: ChannelFlow): number | null {
  let longest: number | null = null;
  for (const [axis, size] of sizes.entries()) {
    if (size > 1 && isPure(linear, sizes, axis, flow)) return axis;
    if (longest === null || size > (sizes[longest] ?? 0)) longest = axis;
  }
  return longest;
}

function isPure(linear: AxisLabels, sizes: readonly number[], axis: number, flow: ChannelFlow): boolean {
  const first = new Map<number, number>();
  const at = coordinate(sizes, axis);
  return linear.every((atom, element) => {
    const own = atom === FIXED ? FIXED : flow.classes.find(atom);
    const known = first.get(at(element));
    if (known === undefined) first.set(at(element), own);
    return known === undefined || known === own;
  });
}

function gathered(linear: AxisLabels, sizes: readonly number[], axis: number, flow: ChannelFlow): AxisLabels {
  const result = new Int32Array(sizes[axis] ?? 1).fill(FIXED);
  const seen = new Uint8Array(result.length);
  const at = coordinate(sizes, axis);
  for (const [element, atom] of linear.entries()) {
    const position = at(element);
    if (seen[position] === 1) flow.classes.uniteAtoms(atom, result[position] ?? FIXED, "a reshape puts it into one run with values that stay");
    else result[position] = atom;
    seen[position] = 1;
  }
  return result;
}

function coordinate(sizes: readonly number[], axis: number): (element: number) => number {
  const inner = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  const size = sizes[axis] ?? 1;
  return (element) => Math.floor(element / inner) % size;
}

/** Flatten, Squeeze and Unsqueeze follow their input by themselves. */
const following: ChannelRule = (node, flow) => {
  if (flow.labels(node.inputs[0]) === null) return null;
  const result = regroup(node, flow);
  if (typeof result === "string") return result;
  flow.set(node.outputs[0], result);
  return null;
};

const reshape: ChannelRule = (node, flow) => {
  if (flow.labels(node.inputs[0]) === null) return null;
  const wanted = flow.integers(node.inputs[1]);
  if (wanted === null) return "its shape is computed while the model runs";
  const result = regroup(node, flow);
  if (typeof result === "string") return result;
  flow.set(node.outputs[0], result);
  flow.onCut(result, (cut) => {
    const sizes = wanted.map((size, axis) => {
      const entry = result[axis] ?? null;
      return entry === null || size === -1 ? size : cut.count(entry);
    });
    node.inputs[1] = cut.addConstant(`${node.outputs[0] ?? ""}_shape`, int64s("", [sizes.length], sizes));
  });
  return null;
};

export const RESHAPE_RULES: Readonly<Record<string, ChannelRule>> = { Reshape: reshape, Flatten: following, Squeeze: following, Unsqueeze: following };
