import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, intsAttribute, makeNode } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import { floatConstant, isFloatType } from "./float-constant.ts";
import type { GraphView } from "./graph-view.ts";
import { numberArgument } from "./operator-arguments.ts";
import { rewritePass } from "./rewrite-pass.ts";

export const mergeActivations: Pass = rewritePass(
  {
    name: "merge-activations",
    title: "Relu and Clip in a row",
    expectedEffect: "one bound instead of two; a Relu stands directly behind the Conv it can become part of",
    exactness: "bit-equal",
  },
  { Relu: (node, view) => mergeBounds(node, view) ?? dropRelu(node, view) ?? reluBeforeMaxPool(node, view), Clip: mergeBounds },
);

type Bounds = { readonly low: number; readonly high: number };

/** What Relu and Clip with constant bounds limit their input to. */
function readBounds(node: OnnxNode, view: GraphView): Bounds | null {
  if (node.domain !== "") return null;
  if (node.opType === "Relu") return { low: 0, high: Infinity };
  if (node.opType !== "Clip") return null;
  const low = numberArgument(node, view, "min", 1, -Infinity);
  const high = numberArgument(node, view, "max", 2, Infinity);
  return low === null || high === null || low > high ? null : { low, high };
}

function mergeBounds(node: OnnxNode, view: GraphView): string | null {
  const inner = view.privateProducer(node.inputs[0] ?? "");
  const first = inner === null ? null : readBounds(inner, view);
  const second = readBounds(node, view);
  const elementType = view.elementType(node.inputs[0]);
  if (inner === null || first === null || second === null || !isFloatType(elementType)) return null;
  const clamp = (value: number) => Math.min(second.high, Math.max(second.low, value));
  const bounds = { low: clamp(first.low), high: clamp(first.high) };
  const merged = boundNode(node, view, inner.inputs[0] ?? "", bounds);
  if (merged === null) return null;
  view.remove(inner);
  view.replace(node, merged);
  return `${inner.opType} and ${node.opType} are one`;
}

function boundNode(node: OnnxNode, view: GraphView, source: string, { low, high }: Bounds): OnnxNode | null {
  if (low === 0 && high === Infinity) return makeNode("Relu", [source], node.outputs, {}, { name: node.name });
  const elementType = view.elementType(node.inputs[0]);
  if (!isFloatType(elementType)) return null;
  if (view.opset < 11) {
    const limits = { ...(low === -Infinity ? {} : { min: { float: low } }), ...(high === Infinity ? {} : { max: { float: high } }) };
    return makeNode("Clip", [source], node.outputs, limits, { name: node.name });
  }
  const bound = (name: string, value: number) =>
    Number.isFinite(value) ? view.addConstant(`${node.outputs[0] ?? ""}_${name}`, floatConstant(elementType, [], [value])) : "";
  const inputs = [source, bound("min", low), bound("max", high)];
  return makeNode("Clip", inputs[2] === "" ? inputs.slice(0, 2) : inputs, node.outputs, {}, { name: node.name });
}

/** Operators whose outputs are never below 0. */
const NON_NEGATIVE = new Set(["Sigmoid", "Softmax", "Exp", "Abs", "HardSigmoid", "Softplus"]);

function dropRelu(node: OnnxNode, view: GraphView): string | null {
  const source = node.inputs[0] ?? "";
  const producer = view.producer(source);
  if (producer === null || producer.domain !== "" || !NON_NEGATIVE.has(producer.opType)) return null;
  return view.bypass(node, source) ? `Relu of a ${producer.opType}, which is never negative` : null;
}

/** Operators that runtimes fuse with a Relu behind them. */
const TAKES_RELU = new Set(["Conv", "Gemm", "MatMul", "Add", "ConvTranspose", "BatchNormalization"]);

/** max and Relu commute; in front of the pool the Relu is part of the Conv, behind it a sweep of its own (and never an integer kernel). */
function reluBeforeMaxPool(node: OnnxNode, view: GraphView): string | null {
  const pool = view.privateProducer(node.inputs[0] ?? "");
  if (pool?.opType !== "MaxPool" || pool.domain !== "" || view.isUsed(pool.outputs[1]) || !isWindowNeverEmpty(pool)) return null;
  const source = pool.inputs[0] ?? "";
  const producer = view.privateProducer(source);
  if (producer === null || producer.domain !== "" || !TAKES_RELU.has(producer.opType)) return null;
  const bounded = view.freshName(`${source}_relu`);
  view.remove(pool);
  view.replace(node, { ...node, inputs: [source], outputs: [bounded] }, { ...pool, inputs: [bounded], outputs: [...node.outputs] });
  return "Relu and MaxPool change places";
}

/** Each window holds an element that is not padding, and so the same element is the largest before and after the Relu. */
function isWindowNeverEmpty(pool: OnnxNode): boolean {
  const kernel = intsAttribute(pool, "kernel_shape") ?? [];
  const pads = intsAttribute(pool, "pads") ?? [];
  return intAttribute(pool, "ceil_mode", 0) === 0 && pads.every((pad, at) => pad < (kernel[at % kernel.length] ?? 0));
}
