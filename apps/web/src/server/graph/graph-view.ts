import type { GraphSummary } from "@flotilla/fleet";
import { collapse, defaultExpanded } from "./collapse.ts";
import { layOut, type PlacedEdge, type PlacedNode } from "./layout.ts";

/** Nodes that a search answers at most. */
const MATCHES_MAX = 100;

export type GraphMatch = { index: number; name: string; opType: string; block: string };

export type GraphView = {
  width: number; height: number; nodes: PlacedNode[]; edges: PlacedEdge[];
  blocks: { path: string; label: string; nodeCount: number; isExpanded: boolean }[];
  nodeCount: number; omittedNodes: number;
  /** Nodes whose name or operator holds the search text; empty without one. */
  matches: GraphMatch[];
};

/** The graph as a page draws it: the named blocks open (the default set when null), laid out from top to bottom. */
export async function graphView(graph: GraphSummary, input: { expanded: readonly string[] | null; search: string | null }): Promise<GraphView> {
  const expanded = input.expanded === null ? defaultExpanded(graph) : new Set(input.expanded);
  const layout = await layOut(collapse(graph, expanded));
  return {
    ...layout,
    blocks: graph.blocks.map(({ path, label }) => ({ path, label, nodeCount: graph.nodes.filter((node) => node.block === path || node.block.startsWith(`${path}/`)).length, isExpanded: expanded.has(path) })),
    nodeCount: graph.nodes.length,
    omittedNodes: graph.omittedNodes,
    matches: input.search === null ? [] : searchNodes(graph, input.search).slice(0, MATCHES_MAX),
  };
}

/** Nodes whose name or operator holds the text, whatever its case, in the graph's order. */
export function searchNodes(graph: GraphSummary, search: string): GraphMatch[] {
  const wanted = search.trim().toLowerCase();
  return graph.nodes.flatMap(({ name, opType, block }, index) =>
    wanted === "" || name.toLowerCase().includes(wanted) || opType.toLowerCase().includes(wanted) ? [{ index, name, opType, block }] : [],
  );
}
