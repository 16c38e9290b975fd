import type { GraphSummary } from "@flotilla/fleet";
import { expect, test } from "vitest";
import { collapse, defaultExpanded } from "./collapse.ts";
import { graphView, searchNodes } from "./graph-view.ts";

/** A chain: two blocks of two nodes, one of them in a block within a block, and a skip over the second. */
function chain(length = 4): GraphSummary {
  const blockOf = ["a", "a/inner", "b", "b"];
  return {
    inputs: [{ name: "x", elementType: "float32", shape: [1, 3] }], outputs: [{ name: "y", elementType: "float32", shape: [1, 2] }],
    nodes: Array.from({ length }, (_, index) => ({
      name: `node ${index}`, opType: index % 2 === 0 ? "Conv" : "Relu", domain: "", block: blockOf[index] ?? "b", outputShape: [1, index], parameterCount: index, parameterBytes: 4 * index,
      attributes: { kernel: "3" }, medianUs: 2, layer: index < 2 ? "fused" : `layer ${index}`,
    })),
    edges: [{ from: -1, to: 0, value: "x", shape: [1, 3] }, ...Array.from({ length: length - 1 }, (_, index) => ({ from: index, to: index + 1, value: `v${index}`, shape: null })), { from: 1, to: 3, value: "v1", shape: null }, { from: length - 1, to: -1, value: "y", shape: null }],
    blocks: [{ path: "a", label: "a" }, { path: "a/inner", label: "inner" }, { path: "b", label: "b" }],
    omittedNodes: 0,
  };
}

test("a closed block stands for its nodes: sums are kept, a time that they share counts once, inner values are not drawn", () => {
  const { nodes, edges } = collapse(chain(), new Set());
  expect(nodes.map((node) => node.id)).toEqual(["in", "out", "b:a", "b:b"]);
  expect(nodes[2]).toMatchObject({ kind: "block", nodeCount: 2, parameterCount: 1, medianUs: 2, outputShape: [1, 1] });
  expect(nodes[3]).toMatchObject({ nodeCount: 2, parameterCount: 5, medianUs: 4 });
  expect(edges).toEqual([
    { from: "in", to: "b:a", shape: [1, 3], count: 1 },
    { from: "b:a", to: "b:b", shape: null, count: 2 },
    { from: "b:b", to: "out", shape: null, count: 1 },
  ]);
});

test("opening a block shows what is right inside: nodes, and blocks that are still closed", () => {
  expect(collapse(chain(), new Set(["a"])).nodes.map((node) => node.id)).toEqual(["in", "out", "n0", "b:a/inner", "b:b"]);
  expect(collapse(chain(), defaultExpanded(chain())).nodes.map((node) => node.id)).toEqual(["in", "out", "n0", "n1", "n2", "n3"]);
});

test("what is drawn has places: what reads stands below what it reads, and lines have points", async () => {
  const view = await graphView(chain(), { expanded: null, search: "CONV" });
  const heightOf = new Map(view.nodes.map((node) => [node.id, node.y]));
  for (const { from, to, points } of view.edges) {
    expect(heightOf.get(to), `${from} to ${to}`).toBeGreaterThan(heightOf.get(from) ?? Infinity);
    expect(points.length).toBeGreaterThanOrEqual(2);
  }
  expect(view.matches.map((match) => match.index)).toEqual([0, 2]);
  expect(view.blocks).toContainEqual({ path: "a", label: "a", nodeCount: 2, isExpanded: true });
});

test("more boxes than anybody reads are refused with what to do about it, and the next graph is laid out all the same", async () => {
  await expect(graphView(chain(1_000), { expanded: ["a", "b"], search: null })).rejects.toMatchObject({ code: "bad_request", public: expect.stringContaining("Close some blocks") as unknown });
  expect((await graphView(chain(1_000), { expanded: null, search: null })).nodes).toHaveLength(4);
});

test("a search finds names and operators in any case, and everything without text", () => {
  expect(searchNodes(chain(), "node 3").map((match) => match.index)).toEqual([3]);
  expect(searchNodes(chain(), "relu").map((match) => match.index)).toEqual([1, 3]);
  expect(searchNodes(chain(), "")).toHaveLength(4);
});
