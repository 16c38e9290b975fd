import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, intsAttribute } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import type { GraphView } from "./graph-view.ts";
import { listArgument } from "./operator-arguments.ts";
import { rewritePass } from "./rewrite-pass.ts";
import type { Rule } from "./rewrite-pass.ts";
import { readSlice } from "./slice-range.ts";

/** The value that this node's first output always equals; null where there is none. */
type Equal = (node: OnnxNode, view: GraphView) => string | null;

const firstIf =
  (test: (node: OnnxNode, view: GraphView) => boolean): Equal =>
  (node, view) =>
    test(node, view) ? (node.inputs[0] ?? "") : null;

const ofOneInput = firstIf((node) => node.inputs.length === 1);
const keepingShape = firstIf((node, view) => view.hasSameShape(node.inputs[0], node.outputs[0]));
const neutralSecond = (neutral: number) => firstIf((node, view) => isNeutral(node, view, 1, neutral));
const neutralEither =
  (neutral: number): Equal =>
  (node, view) => {
    if (isNeutral(node, view, 1, neutral)) return node.inputs[0] ?? "";
    return isNeutral(node, view, 0, neutral) ? (node.inputs[1] ?? "") : null;
  };

const EQUALS: Readonly<Record<string, Equal>> = {
  Identity: firstIf(() => true),
  Dropout: firstIf(isInferenceDropout),
  Cast: castSource,
  Reshape: keepingShape,
  Flatten: keepingShape,
  Squeeze: keepingShape,
  Expand: keepingShape,
  Transpose: firstIf((node) => intsAttribute(node, "perm")?.every((axis, at) => axis === at) ?? false),
  Pad: firstIf((node, view) => everyValue(listArgument(node, view, "pads", 1), 0)),
  Tile: firstIf((node, view) => everyValue(view.integers(node.inputs[1]), 1)),
  Slice: firstIf(isWholeSlice),
  Concat: ofOneInput,
  Sum: ofOneInput,
  Max: ofOneInput,
  Min: ofOneInput,
  Mean: ofOneInput,
  Split: firstIf((node) => node.outputs.length === 1),
  Add: neutralEither(0),
  Mul: neutralEither(1),
  Sub: neutralSecond(0),
  Div: neutralSecond(1),
  MaxPool: firstIf(isSinglePixelPool),
  AveragePool: firstIf(isSinglePixelPool),
};

const rule: Rule = (node, view) => {
  if (node.outputs.slice(1).some((name) => view.isUsed(name))) return null;
  const source = EQUALS[node.opType]?.(node, view) ?? null;
  return source !== null && view.bypass(node, source) ? `${node.opType} changes nothing` : null;
};

export const removeNoOps: Pass = rewritePass(
  {
    name: "remove-no-ops",
    title: "Nodes that change nothing",
    expectedEffect: "one node less per Identity, inference Dropout, and cast, reshape, transpose, pad, slice or sum without effect",
    exactness: "bit-equal",
  },
  Object.fromEntries(Object.keys(EQUALS).map((operator) => [operator, rule])),
);

function isInferenceDropout(node: OnnxNode, view: GraphView): boolean {
  const training = node.inputs[2] ?? "";
  return training === "" || view.numbers(training)?.[0] === 0;
}

/** Types into which every number of the key fits without rounding. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  float16: ["float32", "float64"],
  float32: ["float64"],
  int8: ["int16", "int32", "int64"],
  uint8: ["int16", "int32", "int64", "uint16", "uint32", "uint64"],
  int32: ["int64", "float64"],
};

/** A cast to the type a value has, or back to it after a cast that kept every number. */
function castSource(node: OnnxNode, view: GraphView): string | null {
  const source = node.inputs[0] ?? "";
  const from = view.elementType(source);
  const to = view.elementType(node.outputs[0]);
  if (from === null || to === null) return null;
  if (from === to) return source;
  const inner = view.producer(source);
  const origin = inner?.opType === "Cast" ? (inner.inputs[0] ?? "") : "";
  return view.elementType(origin) === to && WIDER[to]?.includes(from) === true ? origin : null;
}

function everyValue(values: readonly number[] | "absent" | null, wanted: number): boolean {
  return values !== null && values !== "absent" && values.every((value) => value === wanted);
}

/** The operand at `at` is `neutral` everywhere and does not enlarge the other one. */
function isNeutral(node: OnnxNode, view: GraphView, at: 0 | 1, neutral: number): boolean {
  const values = view.numbers(node.inputs[at]);
  if (values === null || values.some((value) => value !== neutral)) return false;
  const other = node.inputs[1 - at];
  if (view.hasSameShape(other, node.outputs[0])) return true;
  const dims = view.constant(node.inputs[at])?.dims ?? [];
  const rank = view.shape(other)?.length;
  return dims.every((dim) => dim === 1) && (dims.length === 0 || (rank !== undefined && dims.length <= rank));
}

function isSinglePixelPool(node: OnnxNode): boolean {
  const isOne = (name: string) => intsAttribute(node, name)?.every((value) => value === 1) ?? name !== "kernel_shape";
  const isUnpadded = intsAttribute(node, "pads")?.every((pad) => pad === 0) ?? true;
  return isOne("kernel_shape") && isOne("strides") && isUnpadded && intAttribute(node, "ceil_mode", 0) === 0;
}

/** An end that lies behind any dimension: exporters write the largest int32 or int64. */
const FAR = 2 ** 31 - 1;

function isWholeSlice(node: OnnxNode, view: GraphView): boolean {
  const ranges = readSlice(node, view);
  if (ranges === null || ranges.some(({ step }) => step !== 1)) return false;
  if (ranges.every(({ start, end }) => start === 0 && end >= FAR)) return true;
  return view.staticShape(node.inputs[0]) !== null && view.hasSameShape(node.inputs[0], node.outputs[0]);
}
