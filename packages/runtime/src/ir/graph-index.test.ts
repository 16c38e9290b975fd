import { describe, expect, test } from "vitest";
import { makeNode } from "./attributes.ts";
import { checkModel } from "./check/check-model.ts";
import { GraphIndex } from "./graph-index.ts";
import { floats, scalarFloat } from "./tensors.ts";
import { tensorNumbers } from "./tensor-numbers.ts";
import { sampleGraph, sampleModel, tensorValue } from "./testing/sample-model.ts";
import type { OnnxGraph } from "./types.ts";

const value = (name: string) => tensorValue(name, "float32", [2]);

/** x → a → b; an If reads a in a branch of a branch; w is used, lost is not. */
function sample(): OnnxGraph {
  const inner = sampleGraph({ inputs: [], outputs: [value("deep")], nodes: [makeNode("Add", ["a", "local"], ["deep"])], initializers: [scalarFloat("local", 1)] });
  const branch = (output: string) =>
    sampleGraph({ inputs: [], outputs: [value(output)], nodes: [makeNode("If", ["go"], [output], { then_branch: { graph: inner }, else_branch: { graph: inner } })] });
  return sampleGraph({
    inputs: [value("x"), tensorValue("go", "bool", [])],
    outputs: [value("c")],
    initializers: [floats("w", [2], [1, 2]), floats("lost", [2], [3, 4])],
    nodes: [
      makeNode("Mul", ["x", "w"], ["a"], {}, { name: "first" }),
      makeNode("Mul", ["a", "a"], ["b"], {}, { name: "square" }),
      makeNode("If", ["go"], ["c"], { then_branch: { graph: branch("t") }, else_branch: { graph: branch("e") } }, { name: "choice" }),
      makeNode("Neg", ["b"], ["unread"], {}, { name: "dead" }),
    ],
  });
}

describe("who makes and who reads", () => {
  const index = new GraphIndex(sample());

  test("captures of inner graphs count, each reader once", () => {
    expect(index.producer("a")?.name).toBe("first");
    expect(index.consumers("a").map(({ name }) => name)).toEqual(["square", "choice"]);
    expect(index.onlyConsumer("b")?.name).toBe("dead");
    expect(index.onlyConsumer("a")).toBeNull();
    expect(index.onlyConsumer("c")).toBeNull();
    expect([...index.reads(index.producer("c") ?? makeNode("", [], []))]).toEqual(["go", "a"]);
  });

  test("names inner graphs make themselves are no reads", () => {
    expect(index.consumers("local")).toEqual([]);
    expect(index.consumers("deep")).toEqual([]);
  });

  test("inputs, outputs and initializers are known as such", () => {
    expect([index.isGraphInput("x"), index.isGraphInput("w"), index.isGraphOutput("c"), index.isGraphOutput("b")]).toEqual([true, false, true, false]);
    expect(index.initializer("w")?.dims).toEqual([2]);
    expect(index.producer("w")).toBeNull();
  });
});

test("constants are initializers nobody can override and Constant nodes of every form", () => {
  const graph = sampleGraph({
    inputs: [value("x"), value("open")],
    outputs: [],
    initializers: [floats("open", [2], [1, 2]), floats("closed", [2], [3, 4])],
    nodes: [
      makeNode("Constant", [], ["tensor"], { value: { tensor: floats("other name", [1], [5]) } }),
      makeNode("Constant", [], ["float"], { value_float: { float: 1.5 } }),
      makeNode("Constant", [], ["floats"], { value_floats: { floats: [1, 2] } }),
      makeNode("Constant", [], ["int"], { value_int: { int: -7 } }),
      makeNode("Constant", [], ["ints"], { value_ints: { ints: [1, -2] } }),
      makeNode("Constant", [], ["string"], { value_string: { string: "né" } }),
      makeNode("Constant", [], ["strings"], { value_strings: { strings: ["a", ""] } }),
      makeNode("Relu", ["x"], ["y"]),
    ],
  });
  const index = new GraphIndex(graph);
  const numbers = (name: string) => [...tensorNumbers(index.constantValue(name) ?? floats("none", [0], []))];
  expect(["closed", "tensor", "float", "floats", "int", "ints"].map(numbers)).toEqual([[3, 4], [5], [1.5], [1, 2], [-7], [1, -2]]);
  expect(index.constantValue("tensor")?.name).toBe("tensor");
  expect(index.constantValue("string")?.data).toEqual([new TextEncoder().encode("né")]);
  expect(index.constantValue("strings")?.dims).toEqual([2]);
  for (const name of ["open", "x", "y", "nothing"]) expect(index.constantValue(name)).toBeNull();
});

test("a fresh name is new to this graph, its inner graphs and the names given before", () => {
  const index = new GraphIndex(sample());
  expect(["deep", "x", "new", "new", "first", ""].map((prefix) => index.freshName(prefix))).toEqual(["deep_1", "x_1", "new", "new_1", "first_1", "_1"]);
});

describe("sorting", () => {
  test("puts producers in front of readers, captures included, and leaves the rest alone", () => {
    const graph = sample();
    const [first, square, choice, dead] = graph.nodes;
    graph.nodes = [dead, choice, square, first].filter((node) => node !== undefined);
    expect(new GraphIndex(graph).sortTopologically()).toBe(true);
    expect(graph.nodes.map(({ name }) => name)).toEqual(["first", "square", "dead", "choice"]);
    expect(checkModel(sampleModel(graph))).toEqual([]);
    const order = [...graph.nodes];
    expect(new GraphIndex(graph).sortTopologically()).toBe(true);
    expect(graph.nodes).toEqual(order);
  });

  test("says no to a circle and changes nothing", () => {
    const nodes = [makeNode("Add", ["x", "b"], ["a"]), makeNode("Neg", ["a"], ["b"])];
    const graph = sampleGraph({ inputs: [value("x")], outputs: [value("b")], nodes: [...nodes] });
    expect(new GraphIndex(graph).sortTopologically()).toBe(false);
    expect(graph.nodes).toEqual(nodes);
  });

  test("a chain of 100,000 nodes upside down does not overflow the stack", () => {
    const nodes = Array.from({ length: 100_000 }, (_, at) => makeNode("Neg", [`v${at}`], [`v${at + 1}`])).reverse();
    const graph = sampleGraph({ inputs: [value("v0")], outputs: [value("v100000")], nodes });
    expect(new GraphIndex(graph).sortTopologically()).toBe(true);
    expect(graph.nodes[0]?.inputs).toEqual(["v0"]);
    expect(new GraphIndex(graph).removeUnused()).toEqual({ nodes: 0, initializers: 0 });
  });
});

test("what nobody reads goes, with its initializers, override inputs and type entries", () => {
  const graph = sample();
  graph.inputs.push(value("lost"));
  graph.valueInfos.push(value("b"), value("a"), value("unread"));
  expect(new GraphIndex(graph).removeUnused()).toEqual({ nodes: 2, initializers: 1 });
  expect(graph.nodes.map(({ name }) => name)).toEqual(["first", "choice"]);
  expect(graph.initializers.map(({ name }) => name)).toEqual(["w"]);
  expect(graph.inputs.map(({ name }) => name)).toEqual(["x", "go"]);
  expect(graph.valueInfos.map(({ name }) => name)).toEqual(["a"]);
  expect(checkModel(sampleModel(graph))).toEqual([]);
});
