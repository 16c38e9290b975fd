import type { GraphSummary, VersionInspection } from "@flotilla/fleet";

type Layer = Pick<VersionInspection["layers"][number], "name" | "opType" | "medianUs">;

/** What ONNX Runtime puts in front of names where it widens half precision. */
const PREFIX = /^InsertedPrecisionFreeCast_/;
/** A kernel swallows a convolution, its bias, an activation and a sum at most. */
const FUSED_STEPS_MAX = 4;

/**
 * Gives nodes the time of the layer that ONNX Runtime ran them as. A fused layer bears the name of one of its parts or of its output,
 * maybe with a suffix: the node or value with the longest name that the layer's name begins with is its end, and the nearest node
 * before it of the layer's operator its beginning. A node without a name is called by its operator and its place among all that are no
 * constants ("Conv_0"). All nodes of a layer get its name and time.
 */
export function attachTimings(graph: GraphSummary, layers: readonly Layer[]): GraphSummary {
  const byName = new Map<string, number>();
  for (const { from, value } of graph.edges) {
    const node = graph.nodes[from];
    if (node === undefined) continue;
    byName.set(value, from);
    // A node without a name is shown under that of its output.
    if (node.name === value) byName.set(`${node.opType}_${from}`, from);
  }
  for (const [index, node] of graph.nodes.entries()) if (node.name !== "") byName.set(node.name, index);
  const before = new Map<number, number[]>();
  for (const { from, to } of graph.edges) if (from >= 0) before.set(to, [...(before.get(to) ?? []), from]);
  const nodes = graph.nodes.map((node) => ({ ...node }));
  for (const { name, opType, medianUs } of layers) {
    const end = nodeOf(name.replace(PREFIX, ""), byName);
    if (end === null) continue;
    for (const index of chain(end, opType, graph.nodes, before)) {
      const node = nodes[index];
      if (node === undefined || node.layer !== null) continue;
      node.layer = name;
      node.medianUs = medianUs;
    }
  }
  return { ...graph, nodes };
}

function nodeOf(layer: string, byName: ReadonlyMap<string, number>): number | null {
  for (let length = layer.length; length > 0; length -= 1) {
    const rest = layer.charAt(length);
    // Only whole words: "conv1" is not the beginning of "conv10".
    if (rest !== "" && /[A-Za-z0-9]/.test(rest)) continue;
    const index = byName.get(layer.slice(0, length));
    if (index !== undefined) return index;
  }
  return null;
}

/** From the end back to the nearest node of the operator, both included; the end alone when there is none near. */
function chain(end: number, opType: string, nodes: GraphSummary["nodes"], before: ReadonlyMap<number, readonly number[]>): number[] {
  let paths = [[end]];
  for (let step = 0; step < FUSED_STEPS_MAX; step += 1) {
    const found = paths.find((path) => nodes[path.at(-1) ?? -1]?.opType === opType);
    if (found !== undefined) return found;
    paths = paths.flatMap((path) => (before.get(path.at(-1) ?? -1) ?? []).map((index) => [...path, index]));
  }
  return [end];
}
