import { z } from "@hono/zod-openapi";
import { getGraph } from "@flotilla/fleet";
import { changeKinds, graphChanges } from "../graph/graph-changes.ts";
import { graphView, searchNodes, type GraphView } from "../graph/graph-view.ts";
import { defineRoute, idParams, type Route } from "./define-route.ts";

const reads = { area: "models", role: "viewer" } as const;
const shape = z.array(z.union([z.number(), z.string(), z.null()])).nullable();

const graphSchema = z.object({
  width: z.number(), height: z.number(),
  nodes: z.array(z.object({
    id: z.string(), kind: z.enum(["node", "block", "input", "output"]), label: z.string(), opType: z.string().nullable(), block: z.string(), nodeCount: z.number(),
    parameterCount: z.number(), parameterBytes: z.number(), outputShape: shape, medianUs: z.number().nullable(), layer: z.string().nullable(), attributes: z.record(z.string(), z.string()),
    x: z.number(), y: z.number(), width: z.number(), height: z.number(),
  })),
  edges: z.array(z.object({ from: z.string(), to: z.string(), shape, count: z.number(), points: z.array(z.object({ x: z.number(), y: z.number() })) })),
  blocks: z.array(z.object({ path: z.string(), label: z.string(), nodeCount: z.number(), isExpanded: z.boolean() })),
  nodeCount: z.number(), omittedNodes: z.number(),
  matches: z.array(z.object({ index: z.number(), name: z.string(), opType: z.string(), block: z.string() })),
}).openapi("ModelGraph") satisfies z.ZodType<GraphView>;

const rowSchema = z.object({
  index: z.number(), name: z.string(), opType: z.string(), domain: z.string(), block: z.string(), outputShape: shape, parameterCount: z.number(), parameterBytes: z.number(),
  medianUs: z.number().nullable(), layer: z.string().nullable(), attributes: z.record(z.string(), z.string()), inputsFrom: z.array(z.number()).openapi({ description: "Indices of the nodes it reads; -1: the graph's inputs" }),
});

const nodeRef = z.object({ index: z.number(), name: z.string(), opType: z.string() }).nullable();
const changesSchema = z.object({
  counts: z.object({ same: z.number(), added: z.number(), removed: z.number(), changed: z.number() }),
  operators: z.array(z.object({ opType: z.string(), added: z.number(), removed: z.number(), changed: z.number() })),
  items: z.array(z.object({ kind: z.enum(changeKinds), before: nodeRef, after: nodeRef, differences: z.array(z.object({ what: z.string(), before: z.string(), after: z.string() })) })),
  nextAfter: z.number().nullable(),
  omittedNodes: z.object({ baseline: z.number(), version: z.number() }).openapi({ description: "Nodes of larger graphs that are not kept, and so not compared" }),
}).openapi("GraphChanges");

/** A version's graph: drawn, as a table, and beside another's. */
export const graphRoutes: Route[] = [
  defineRoute({
    method: "get", path: "/versions/{id}/graph", tag: "Models", summary: "The graph, laid out from top to bottom and collapsed by block", access: reads, params: idParams,
    query: z.object({
      expand: z.string().max(8_000).optional().openapi({ description: "Paths of open blocks with commas between; empty: all closed; left out: all open in small graphs" }),
      search: z.string().max(200).optional(),
    }),
    answer: z.object({ graph: graphSchema.nullable().openapi({ description: "Null while its import runs, and for versions imported before graphs were kept" }) }),
    handle: async ({ tx, principal, params, query }) => {
      const graph = await getGraph(tx, principal, params.id);
      const expanded = query.expand === undefined ? null : query.expand.split(",").filter((path) => path !== "");
      return { graph: graph === null ? null : await graphView(graph, { expanded, search: query.search ?? null }) };
    },
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/graph/nodes", tag: "Models", summary: "The graph's nodes as a table, each after what it reads", access: reads, params: idParams,
    query: z.object({ after: z.coerce.number().int().min(-1).optional(), limit: z.coerce.number().int().min(1).max(1_000).optional(), search: z.string().max(200).optional() }),
    answer: z.object({ items: z.array(rowSchema), total: z.number(), nextAfter: z.number().nullable() }),
    handle: async ({ tx, principal, params, query }) => {
      const graph = await getGraph(tx, principal, params.id);
      if (graph === null) return { items: [], total: 0, nextAfter: null };
      const found = searchNodes(graph, query.search ?? "");
      const limit = query.limit ?? 200;
      const rest = found.filter(({ index }) => index > (query.after ?? -1));
      const items = rest.slice(0, limit).flatMap(({ index }) => {
        const node = graph.nodes[index];
        return node === undefined ? [] : [{ ...node, index, inputsFrom: graph.edges.filter((edge) => edge.to === index).map((edge) => edge.from) }];
      });
      return { items, total: found.length, nextAfter: rest.length > limit ? (items.at(-1)?.index ?? null) : null };
    },
  }),
  defineRoute({
    method: "get", path: "/versions/{id}/graph/changes", tag: "Models", summary: "Nodes that the graph has more, less or otherwise than that of a baseline", access: reads, params: idParams,
    query: z.object({
      baseline: z.string().min(1).max(64), kind: z.enum(changeKinds).optional(),
      after: z.coerce.number().int().min(-1).optional(), limit: z.coerce.number().int().min(1).max(1_000).optional(),
    }),
    answer: z.object({ changes: changesSchema.nullable().openapi({ description: "Null where one of the two has no graph" }) }),
    handle: async ({ tx, principal, params, query }) => {
      const [before, after] = [await getGraph(tx, principal, query.baseline), await getGraph(tx, principal, params.id)];
      if (before === null || after === null) return { changes: null };
      const { counts, operators, rows } = graphChanges(before, after);
      const asked = query.kind === undefined ? rows : rows.filter(({ kind }) => kind === query.kind);
      const [from, limit] = [(query.after ?? -1) + 1, query.limit ?? 200];
      const items = asked.slice(from, from + limit);
      return { changes: { counts, operators, items, nextAfter: asked.length > from + limit ? from + limit - 1 : null, omittedNodes: { baseline: before.omittedNodes, version: after.omittedNodes } } };
    },
  }),
];
