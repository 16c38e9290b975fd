import type { OnnxNode } from "@flotilla/runtime/ir";
import { intAttribute, intsAttribute, setAttribute, stringAttribute } from "@flotilla/runtime/ir";
import type { Pass } from "../pass.ts";
import type { GraphView } from "./graph-view.ts";
import { listArgument, numberArgument } from "./operator-arguments.ts";
import { rewritePass } from "./rewrite-pass.ts";
import type { Rule } from "./rewrite-pass.ts";

/** Elements put around the spatial dimensions: all begins, then all ends, as the attribute `pads` of a Conv has them. */
type SpatialPad = { readonly pads: readonly number[]; readonly value: number; readonly source: string };

/** What the operator itself pads with, and further attributes that make it count padding as the Pad node did. */
type Padder = (node: OnnxNode, pad: SpatialPad, view: GraphView) => { readonly attributes?: Readonly<Record<string, number>> } | null;

const PADDERS: Readonly<Record<string, Padder>> = {
  Conv: (_, { value }) => (value === 0 ? {} : null),
  MaxPool: (node, pad, view) => (intAttribute(node, "ceil_mode", 0) === 0 && isNeverLargest(pad, view) && isSmallerThanKernel(node, pad) ? {} : null),
  AveragePool: averagePool,
};

const rule: Rule = (node, view) => {
  const producer = view.privateProducer(node.inputs[0] ?? "");
  const pad = producer === null ? null : readSpatialPad(producer, view);
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  if (producer === null || pad === null || (auto !== "NOTSET" && auto !== "VALID")) return null;
  const extra = PADDERS[node.opType]?.(node, pad, view) ?? null;
  if (extra === null) return null;
  const own = intsAttribute(node, "pads");
  const folded = { ...node, inputs: [pad.source, ...node.inputs.slice(1)], attributes: [...node.attributes] };
  setAttribute(folded, "auto_pad", null);
  setAttribute(folded, "pads", { ints: pad.pads.map((count, at) => count + (own?.[at] ?? 0)) });
  for (const [name, int] of Object.entries(extra.attributes ?? {})) setAttribute(folded, name, { int });
  view.remove(producer);
  view.replace(node, folded);
  return `Pad folded into the ${node.opType} behind it`;
};

export const foldPad: Pass = rewritePass(
  {
    name: "fold-pad",
    title: "Padding into the convolution or pool behind it",
    expectedEffect: "one node and one copy of the activations less per Pad; a Pad never runs in integers",
    exactness: "rounding",
  },
  Object.fromEntries(Object.keys(PADDERS).map((operator) => [operator, rule])),
);

function readSpatialPad(node: OnnxNode, view: GraphView): SpatialPad | null {
  if (node.opType !== "Pad" || node.domain !== "" || stringAttribute(node, "mode", "constant") !== "constant") return null;
  const source = node.inputs[0] ?? "";
  const rank = view.shape(source)?.length;
  const counts = listArgument(node, view, "pads", 1);
  const value = numberArgument(node, view, "value", 2, 0);
  // Since 18 a fourth input may name the axes.
  if (rank === undefined || !Array.isArray(counts) || value === null || counts.length !== 2 * rank || (node.inputs[3] ?? "") !== "") return null;
  const outer = [counts[0], counts[1], counts[rank], counts[rank + 1]];
  const pads = [...counts.slice(2, rank), ...counts.slice(rank + 2)];
  return outer.every((count) => count === 0) && pads.every((count) => count >= 0) ? { pads, value, source } : null;
}

/** Operators whose outputs are never below 0: next to them a padding of 0 is as good as one of -∞. */
const NON_NEGATIVE = new Set(["Relu", "Sigmoid", "Softmax", "HardSigmoid", "Abs", "Exp"]);

function isNeverLargest({ value, source }: SpatialPad, view: GraphView): boolean {
  if (value === -Infinity) return true;
  const producer = view.producer(source);
  return value <= 0 && producer !== null && producer.domain === "" && NON_NEGATIVE.has(producer.opType);
}

function isSmallerThanKernel(node: OnnxNode, { pads }: SpatialPad): boolean {
  const kernel = intsAttribute(node, "kernel_shape") ?? [];
  const own = intsAttribute(node, "pads");
  return pads.every((count, at) => count + (own?.[at] ?? 0) < (kernel[at % kernel.length] ?? 0));
}

/** The zeros of a Pad are counted; those of the pool's own padding only with count_include_pad. */
function averagePool(node: OnnxNode, pad: SpatialPad): ReturnType<Padder> {
  const own = intsAttribute(node, "pads") ?? [];
  const isCounting = intAttribute(node, "count_include_pad", 0) === 1 || own.every((count) => count === 0);
  if (pad.value !== 0 || !isCounting || intAttribute(node, "ceil_mode", 0) !== 0 || !isSmallerThanKernel(node, pad)) return null;
  return { attributes: { count_include_pad: 1 } };
}
