import type { GraphNode, GraphSummary } from "@flotilla/fleet";
import { expect, test } from "vitest";
import { alignNodes } from "./align-nodes.ts";
import { graphChanges } from "./graph-changes.ts";

const node = (name: string, opType: string, outputShape: GraphNode["outputShape"] = [1, 8], rest: Partial<GraphNode> = {}): GraphNode => ({ name, opType, domain: "", block: "", outputShape, parameterCount: 0, parameterBytes: 0, attributes: {}, medianUs: null, layer: null, ...rest });

/** Each node reads the one before it, but for those that are told. */
function graph(nodes: GraphNode[], reads: Record<number, number[]> = {}): GraphSummary {
  const edges = nodes.flatMap((_, at) => (reads[at] ?? [at - 1]).map((from) => ({ from, to: at, value: `v${at}`, shape: null })));
  return { inputs: [], outputs: [], nodes, edges, blocks: [], omittedNodes: 0 };
}

const words = (before: GraphSummary, after: GraphSummary): string[] => graphChanges(before, after).rows.map((row) => `${row.kind} ${row.after?.name ?? row.before?.name}`);

const float = graph([node("conv1", "Conv", [1, 8], { parameterCount: 9, parameterBytes: 36 }), node("relu1", "Relu"), node("conv2", "Conv"), node("relu2", "Relu")]);

test("a graph beside itself has no change", () => {
  expect(graphChanges(float, float)).toEqual({ counts: { same: 4, added: 0, removed: 0, changed: 0 }, operators: [], rows: [] });
});

test("quantised: what came, what went and what reads others, each in its place", () => {
  const quantised = graph([node("x_q", "QuantizeLinear"), node("x_dq", "DequantizeLinear"), node("w_dq", "DequantizeLinear", [8, 9], { parameterCount: 9, parameterBytes: 9 }), node("conv1", "Conv"), node("conv2", "Conv"), node("relu2", "Relu")], { 2: [], 3: [1, 2] });
  expect(words(float, quantised)).toEqual(["added x_q", "added x_dq", "added w_dq", "changed conv1", "removed relu1", "changed conv2"]);
  const { counts, operators, rows } = graphChanges(float, quantised);
  expect(counts).toEqual({ same: 1, added: 3, removed: 1, changed: 2 });
  expect(operators).toEqual([{ opType: "Conv", added: 0, removed: 0, changed: 2 }, { opType: "DequantizeLinear", added: 2, removed: 0, changed: 0 }, { opType: "QuantizeLinear", added: 1, removed: 0, changed: 0 }, { opType: "Relu", added: 0, removed: 1, changed: 0 }]);
  expect(rows[3]?.differences).toEqual([{ what: "weights", before: "9 numbers in 36 B", after: "none" }, { what: "reads", before: "input", after: "DequantizeLinear, DequantizeLinear" }]);
  expect(rows[5]?.differences).toEqual([{ what: "reads", before: "Relu", after: "Conv" }]);
});

test("an operator, a shape, an attribute and a domain of their own are told beside what they were", () => {
  const [before, after] = [graph([node("a", "Relu", [1, null], { attributes: { alpha: "1", axis: "2" } })]), graph([node("a", "LeakyRelu", [1, null], { domain: "com.microsoft", attributes: { alpha: "0" } })])];
  expect(graphChanges(before, after).rows[0]?.differences).toEqual([{ what: "operator", before: "Relu", after: "com.microsoft.LeakyRelu" }, { what: "alpha", before: "1", after: "0" }, { what: "axis", before: "2", after: "not set" }]);
  const narrower = graph([node("a", "Relu", [1, 4], { attributes: { alpha: "1", axis: "2" } })]);
  expect(graphChanges(before, narrower).rows[0]?.differences).toEqual([{ what: "output", before: "1 × ?", after: "1 × 4" }]);
});

test("without common names nodes meet by operator and shape in order, and the most meet", () => {
  const before = graph([node("1", "Conv"), node("2", "Relu"), node("3", "Conv", [1, 16]), node("4", "Relu", [1, 16])]);
  const after = graph([node("a", "Identity"), node("b", "Conv"), node("c", "Relu"), node("d", "Conv", [1, 16])]);
  expect(alignNodes(before.nodes, after.nodes)).toEqual([null, 0, 1, 2]);
  expect(words(before, after)).toEqual(["added a", "changed b", "changed c", "changed d", "removed 4"]);
});

test("a name counts only where operator or shape agree, and where one node alone has it", () => {
  expect(alignNodes([node("3", "Conv", [1, 8])], [node("3", "MatMul", [4])])).toEqual([null]);
  expect(alignNodes([node("same", "Conv"), node("same", "Relu")], [node("same", "Relu"), node("same", "Conv")])).toEqual([1, null]);
  expect(alignNodes([node("", "Conv"), node("", "Relu")], [node("", "Relu")])).toEqual([1]);
});

test("nodes that changed places keep their names, and none is paired twice", () => {
  const before = ["a", "b", "c", "d", "e"].map((name) => node(name, "Conv"));
  const after = ["d", "a", "b", "x", "c", "e"].map((name) => node(name, "Conv"));
  expect(alignNodes(before, after)).toEqual([3, 0, 1, null, 2, 4]);
});

test("graphs as large as are kept are compared too, with names and without, and every node is in one place", () => {
  const many = (count: number, name: (at: number) => string) => graph(Array.from({ length: count }, (_, at) => node(name(at), at % 3 === 0 ? "Conv" : "Relu", [1, at % 7])));
  const named = graphChanges(many(5_000, (at) => `n${at}`), many(4_900, (at) => `n${at}`));
  expect(named.counts).toEqual({ same: 4_900, added: 0, removed: 100, changed: 0 });
  const nameless = graphChanges(many(5_000, (at) => `n${at}`), many(4_900, (at) => `m${at}`));
  expect(nameless.counts.same + nameless.counts.changed + nameless.counts.removed).toBe(5_000);
  expect(nameless.counts.removed).toBe(100);
});
