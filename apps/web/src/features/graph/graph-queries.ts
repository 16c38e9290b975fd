import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { GraphNode } from "@flotilla/fleet";
import { apiGet } from "../../lib/api-client.ts";

export type Shape = (number | string | null)[] | null;

/** A box as the server placed it. */
export type GraphBox = {
  id: string; kind: "node" | "block" | "input" | "output"; label: string; opType: string | null; block: string; nodeCount: number; parameterCount: number; parameterBytes: number;
  outputShape: Shape; medianUs: number | null; layer: string | null; attributes: Record<string, string>; x: number; y: number; width: number; height: number;
};
export type GraphLine = { from: string; to: string; shape: Shape; count: number; points: { x: number; y: number }[] };
export type DrawnGraph = {
  width: number; height: number; nodes: GraphBox[]; edges: GraphLine[];
  blocks: { path: string; label: string; nodeCount: number; isExpanded: boolean }[];
  nodeCount: number; omittedNodes: number;
  matches: { index: number; name: string; opType: string; block: string }[];
};
export type GraphRow = GraphNode & { index: number; inputsFrom: number[] };

/** `open`: paths of open blocks, null to let the server decide. */
export const graphQuery = (versionId: string, open: readonly string[] | null, search: string) => queryOptions({
  queryKey: ["version", versionId, "graph", open?.join() ?? null, search],
  queryFn: ({ signal }) => {
    const query = new URLSearchParams();
    if (open !== null) query.set("expand", open.join(","));
    if (search !== "") query.set("search", search);
    return apiGet<{ graph: DrawnGraph | null }>(`/versions/${versionId}/graph?${query}`, signal);
  },
  placeholderData: keepPreviousData, staleTime: Infinity,
});

export const graphRowsQuery = (versionId: string, search: string) => infiniteQueryOptions({
  queryKey: ["version", versionId, "graph-rows", search],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({ limit: "200", after: String(pageParam) });
    if (search !== "") query.set("search", search);
    return apiGet<{ items: GraphRow[]; total: number; nextAfter: number | null }>(`/versions/${versionId}/graph/nodes?${query}`, signal);
  },
  initialPageParam: -1, getNextPageParam: (page) => page.nextAfter, placeholderData: keepPreviousData, staleTime: Infinity,
});

export type NodePlace = { index: number; name: string; block: string; layer: string | null };

/** Where each node lies and which layer it ran in; 5,000 nodes at most, as the server keeps. */
export const nodePlacesQuery = (versionId: string) => queryOptions({
  queryKey: ["version", versionId, "graph-places"],
  queryFn: async ({ signal }) => {
    const places: NodePlace[] = [];
    for (let after: number | null = -1; after !== null; ) {
      const page: { items: GraphRow[]; nextAfter: number | null } = await apiGet(`/versions/${versionId}/graph/nodes?limit=1000&after=${after}`, signal);
      places.push(...page.items.map(({ index, name, block, layer }) => ({ index, name, block, layer })));
      after = page.nextAfter;
    }
    return places;
  },
  staleTime: Infinity,
});

export type GraphChangeKind = "added" | "removed" | "changed";
type ChangedNode = { index: number; name: string; opType: string };
export type GraphChange = { kind: GraphChangeKind; before: ChangedNode | null; after: ChangedNode | null; differences: { what: string; before: string; after: string }[] };
export type GraphChangesPage = {
  counts: Record<GraphChangeKind | "same", number>; operators: { opType: string; added: number; removed: number; changed: number }[];
  items: GraphChange[]; nextAfter: number | null; omittedNodes: { baseline: number; version: number };
};

/** What the graph of a version has more, less or otherwise than its baseline's; one kind of change, or all. */
export const graphChangesQuery = (baselineId: string, versionId: string, kind: GraphChangeKind | null) => infiniteQueryOptions({
  queryKey: ["version", versionId, "graph-changes", baselineId, kind],
  queryFn: async ({ pageParam, signal }) => {
    const query = new URLSearchParams({ baseline: baselineId, limit: "100", after: String(pageParam) });
    if (kind !== null) query.set("kind", kind);
    return (await apiGet<{ changes: GraphChangesPage | null }>(`/versions/${versionId}/graph/changes?${query}`, signal)).changes;
  },
  initialPageParam: -1, getNextPageParam: (page) => page?.nextAfter ?? null, placeholderData: keepPreviousData, staleTime: Infinity,
});
