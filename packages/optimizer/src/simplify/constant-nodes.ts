import type { OnnxNode } from "@flotilla/runtime/ir";
import { subgraphs, tensorByteLength } from "@flotilla/runtime/ir";
import type { GraphView } from "./graph-view.ts";
import { dataBytes } from "./model-size.ts";
import { isDeterministic } from "./operator-traits.ts";

/** Nodes to compute once, in topological order, and those of their values that the rest of the graph reads. */
export type FoldPlan = { readonly nodes: ReadonlySet<OnnxNode>; readonly results: readonly string[] };

/** A fold may make the file grow by this much, or by this share of its constants. */
const GROWTH_BYTES_MAX = 64 * 1024;
const GROWTH_SHARE_MAX = 0.01;

/** Nothing beyond this size is computed: a result is held in memory several times. */
const RESULT_BYTES_MAX = 256 * 1024 * 1024;

/** A result of unknown size is computed if the inputs are no larger than this and the operator is none that fills a given shape. */
const UNKNOWN_RESULT_INPUT_BYTES_MAX = 16 * 1024;
const FILLING = new Set(["ConstantOfShape", "Expand", "Tile", "Range", "Pad", "Resize", "Upsample", "OneHot", "EyeLike"]);

/** Kept although they are constant: weights stored small stay small only as long as nobody unpacks them. */
const UNPACKING: Readonly<Record<string, (node: OnnxNode, view: GraphView) => boolean>> = {
  Constant: () => true,
  QuantizeLinear: () => true,
  DequantizeLinear: () => true,
  DynamicQuantizeLinear: () => true,
  Cast: (node, view) => HALF.has(view.elementType(node.inputs[0]) ?? "") && (sizeOf(node.inputs[0], view) ?? 0) > HALF_BYTES_MAX,
};
const HALF = new Set(["float16", "bfloat16"]);
const HALF_BYTES_MAX = 1024;

/** What folding is worth its bytes: constant nodes, less those that would make the file grow beyond the bound. */
export function planFold(view: GraphView): FoldPlan {
  const refused = new Set<OnnxNode>();
  const total = view.graph.initializers.reduce((sum, tensor) => sum + dataBytes(tensor.data), 0);
  const limit = Math.max(GROWTH_BYTES_MAX, total * GROWTH_SHARE_MAX);
  for (;;) {
    const plan = constantNodes(view, refused);
    if (resultBytes(plan.results, view) - freedBytes(plan.nodes, view) <= limit) return plan;
    const growing = plan.results.map((name) => ({ name, bytes: growthOf(name, plan, view) }));
    const worst = growing.reduce((largest, next) => (next.bytes > largest.bytes ? next : largest));
    const node = view.producer(worst.name);
    if (node === null) return { nodes: new Set(), results: [] };
    refused.add(node);
  }
}

function constantNodes(view: GraphView, refused: ReadonlySet<OnnxNode>): FoldPlan {
  const made = new Set<string>();
  const nodes = new Set<OnnxNode>();
  for (const node of view.graph.nodes) {
    const isReady = node.inputs.every((name) => name === "" || made.has(name) || view.constant(name) !== null);
    if (!isReady || refused.has(node) || !isFoldable(node, view)) continue;
    nodes.add(node);
    for (const name of node.outputs) made.add(name);
  }
  const results = [...made].filter((name) => name !== "" && view.readers(name).some((reader) => !nodes.has(reader)));
  return { nodes, results };
}

function isFoldable(node: OnnxNode, view: GraphView): boolean {
  if (node.domain !== "" || !isDeterministic(node) || subgraphs(node).length > 0) return false;
  if (node.outputs.some((name) => view.isGraphOutput(name))) return false;
  if (Object.hasOwn(UNPACKING, node.opType) && UNPACKING[node.opType]?.(node, view) === true) return false;
  const sizes = node.outputs.filter((name) => name !== "").map((name) => sizeOf(name, view));
  if (sizes.every((size) => size !== null)) return sizes.every((size) => size <= RESULT_BYTES_MAX);
  return !FILLING.has(node.opType) && node.inputs.every((name) => name === "" || (sizeOf(name, view) ?? 0) <= UNKNOWN_RESULT_INPUT_BYTES_MAX);
}

/** Bytes of a value of known shape. */
function sizeOf(name: string | undefined, view: GraphView): number | null {
  const dims = view.staticShape(name);
  const elementType = view.elementType(name);
  return dims === null || elementType === null ? null : tensorByteLength(elementType, dims);
}

function resultBytes(results: readonly string[], view: GraphView): number {
  return results.reduce((sum, name) => sum + (sizeOf(name, view) ?? 0), 0);
}

/** Bytes of the constants that nothing but these nodes reads. */
function freedBytes(nodes: ReadonlySet<OnnxNode>, view: GraphView): number {
  const read = new Set([...nodes].flatMap(({ inputs }) => inputs));
  let bytes = 0;
  for (const name of read) {
    const tensor = view.initializer(name);
    const isFreed = tensor !== null && !view.isGraphOutput(name) && view.readers(name).every((reader) => nodes.has(reader));
    if (isFreed) bytes += dataBytes(tensor.data);
  }
  return bytes;
}

/** What this result alone adds to the file: its bytes less the constants that only the way to it reads. */
function growthOf(result: string, plan: FoldPlan, view: GraphView): number {
  const way = new Set<OnnxNode>();
  const waiting = [result];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = view.producer(name);
    if (node === null || way.has(node) || !plan.nodes.has(node)) continue;
    way.add(node);
    waiting.push(...node.inputs);
  }
  return (sizeOf(result, view) ?? 0) - freedBytes(way, view);
}
