import type { GraphSummary } from "@flotilla/fleet";

/** What a page draws: a node of the graph, a block that stands for the nodes in it, or an end of the graph. */
export type Drawn = {
  /** "n12" for node 12, "b:" and its path for a block, "in" and "out". */
  id: string;
  kind: "node" | "block" | "input" | "output";
  label: string;
  opType: string | null;
  /** Innermost block of a node, or a block's own path. */
  block: string;
  nodeCount: number;
  parameterCount: number; parameterBytes: number;
  outputShape: (number | string | null)[] | null;
  /** Sum over the layers it holds; null when none was timed. */
  medianUs: number | null;
  layer: string | null;
  attributes: Record<string, string>;
};
export type DrawnEdge = { from: string; to: string; shape: (number | string | null)[] | null; count: number };
export type Collapsed = { nodes: Drawn[]; edges: DrawnEdge[] };

/** Without being told, blocks are open in graphs up to this size. */
const OPEN_BELOW = 100;

/** The blocks that are open when nobody said which. */
export function defaultExpanded(graph: GraphSummary): Set<string> {
  return new Set(graph.nodes.length <= OPEN_BELOW ? graph.blocks.map((block) => block.path) : []);
}

/** Puts each node into its outermost closed block; values between nodes of one block are not drawn. */
export function collapse(graph: GraphSummary, expanded: ReadonlySet<string>): Collapsed {
  const labels = new Map(graph.blocks.map((block) => [block.path, block.label]));
  const drawn = new Map<string, Drawn & { layers: Map<string, number> }>();
  const idOf: string[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const block = closedBlock(node.block, expanded, labels);
    const id = block === null ? `n${index}` : `b:${block}`;
    idOf.push(id);
    const into = drawn.get(id) ?? {
      id, kind: block === null ? ("node" as const) : ("block" as const), label: block === null ? node.name : (labels.get(block) ?? block), opType: block === null ? node.opType : null,
      block: block ?? node.block, nodeCount: 0, parameterCount: 0, parameterBytes: 0, outputShape: null, medianUs: null, layer: null, attributes: block === null ? node.attributes : {}, layers: new Map<string, number>(),
    };
    into.nodeCount += 1;
    into.parameterCount += node.parameterCount;
    into.parameterBytes += node.parameterBytes;
    into.outputShape = node.outputShape;
    if (node.layer !== null && node.medianUs !== null) into.layers.set(node.layer, node.medianUs);
    if (block === null) into.layer = node.layer;
    drawn.set(id, into);
  }
  const nodes = [...drawn.values()].map(({ layers, ...rest }): Drawn => ({ ...rest, medianUs: layers.size === 0 ? null : [...layers.values()].reduce((sum, us) => sum + us, 0) }));
  return { nodes: [...endsOf(graph), ...nodes], edges: edgesOf(graph, idOf) };
}

function endsOf(graph: GraphSummary): Drawn[] {
  const end = (kind: "input" | "output", specs: GraphSummary["inputs"]): Drawn => ({
    id: kind === "input" ? "in" : "out", kind, label: specs.map((spec) => spec.name).join(", ") || kind, opType: null, block: "", nodeCount: 0, parameterCount: 0, parameterBytes: 0,
    outputShape: specs[0]?.shape ?? null, medianUs: null, layer: null, attributes: {},
  });
  return [end("input", graph.inputs), end("output", graph.outputs)];
}

function edgesOf(graph: GraphSummary, idOf: readonly string[]): DrawnEdge[] {
  const edges = new Map<string, DrawnEdge>();
  for (const { from, to, shape } of graph.edges) {
    const source = from === -1 ? "in" : idOf[from];
    const target = to === -1 ? "out" : idOf[to];
    if (source === undefined || target === undefined || source === target) continue;
    const key = JSON.stringify([source, target]);
    const known = edges.get(key);
    if (known === undefined) edges.set(key, { from: source, to: target, shape, count: 1 });
    else known.count += 1;
  }
  return [...edges.values()];
}

/** The outermost block around a path that is not open; null when all are. */
function closedBlock(path: string, expanded: ReadonlySet<string>, known: ReadonlyMap<string, string>): string | null {
  if (path === "") return null;
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const outer = parts.slice(0, depth).join("/");
    if (known.has(outer) && !expanded.has(outer)) return outer;
  }
  return null;
}
