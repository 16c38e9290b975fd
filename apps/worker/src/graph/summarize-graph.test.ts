import { readFileSync } from "node:fs";
import { buildModel, demoConvNet, floatTensor } from "@flotilla/runtime";
import { readOnnx } from "@flotilla/runtime/ir";
import { expect, test } from "vitest";
import { sharedModel } from "../testing/shared-models.ts";
import { attachTimings } from "./attach-timings.ts";
import { summarizeGraph } from "./summarize-graph.ts";

test("nodes, edges and weights of a small network add up, and every node but the first reads another", () => {
  const graph = summarizeGraph(readOnnx(demoConvNet({ seed: 1 })));
  expect(graph).toMatchObject({ inputs: [{ name: "image", shape: ["batch", 1, 28, 28] }], outputs: [{ name: "scores" }], omittedNodes: 0 });
  expect(graph.nodes).toHaveLength(9);
  expect(graph.nodes.filter((node) => node.opType === "Conv").every((node) => node.attributes["kernel_shape"] === "3, 3" && node.parameterCount > 0)).toBe(true);
  for (const index of graph.nodes.keys()) expect(graph.edges.some((edge) => edge.to === index)).toBe(true);
  expect(graph.edges.filter((edge) => edge.from === -1)).toHaveLength(1);
  expect(graph.edges.filter((edge) => edge.to === -1)).toHaveLength(1);
});

test("weights that two nodes read are counted once, and constants are not nodes", () => {
  const bytes = buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [4] }],
      outputs: [{ name: "z", elementType: "float32", shape: [4] }],
      initializers: [floatTensor("w", [4], [1, 2, 3, 4])],
      nodes: [
        { name: "/model/a/Mul", opType: "Mul", inputs: ["x", "w"], outputs: ["y"] },
        { name: "/model/b/Mul", opType: "Mul", inputs: ["y", "w"], outputs: ["z"] },
      ],
    },
  });
  const { nodes, blocks } = summarizeGraph(readOnnx(bytes));
  expect(nodes.map((node) => node.parameterCount)).toEqual([4, 0]);
  expect(nodes.map((node) => node.block)).toEqual(["a", "b"]);
  expect(blocks).toEqual([{ path: "a", label: "a" }, { path: "b", label: "b" }]);
});

test("a graph of thousands of unnamed nodes is cut and gathered into blocks that fit a page", () => {
  const nodes = Array.from({ length: 6_000 }, (_, index) => ({ opType: index % 3 === 0 ? "Mul" : "Relu", inputs: index % 3 === 0 ? [`v${index}`, "w"] : [`v${index}`], outputs: [`v${index + 1}`] }));
  const bytes = buildModel({
    graph: { inputs: [{ name: "v0", elementType: "float32", shape: [2] }], outputs: [{ name: "v6000", elementType: "float32", shape: [2] }], initializers: [floatTensor("w", [2], [1, 2])], nodes },
  });
  const graph = summarizeGraph(readOnnx(bytes));
  expect(graph.nodes).toHaveLength(5_000);
  expect(graph.omittedNodes).toBe(1_000);
  expect(graph.blocks.filter((block) => !block.path.includes("/")).length).toBeLessThanOrEqual(40);
});

test("a layer's time goes to the node with its name, suffixes and all, and to no node with a name that only begins alike", () => {
  const graph = summarizeGraph(readOnnx(buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [4] }], outputs: [{ name: "z", elementType: "float32", shape: [4] }],
      nodes: [{ name: "conv1", opType: "Relu", inputs: ["x"], outputs: ["y"] }, { name: "conv10", opType: "Relu", inputs: ["y"], outputs: ["z"] }],
    },
  })));
  const timed = attachTimings(graph, [{ name: "conv10_nchwc", opType: "Relu", medianUs: 7 }, { name: "conv2", opType: "Relu", medianUs: 9 }]);
  expect(timed.nodes.map(({ medianUs, layer }) => ({ medianUs, layer }))).toEqual([{ medianUs: null, layer: null }, { medianUs: 7, layer: "conv10_nchwc" }]);
});

test("nodes without names get the time of the layer that is called by operator and place, and one with a name does not", () => {
  const graph = summarizeGraph(readOnnx(buildModel({
    graph: {
      inputs: [{ name: "x", elementType: "float32", shape: [4] }], outputs: [{ name: "z", elementType: "float32", shape: [4] }],
      nodes: [
        { opType: "Constant", inputs: [], outputs: ["one"], attributes: { value: { tensor: { elementType: "float32", shape: [4], raw: new Uint8Array(16) } } } },
        { opType: "Relu", inputs: ["x"], outputs: ["y"] }, { opType: "Add", inputs: ["y", "one"], outputs: ["w"] }, { name: "last", opType: "Relu", inputs: ["w"], outputs: ["z"] },
      ],
    },
  })));
  const timed = attachTimings(graph, [{ name: "Relu_0", opType: "Relu", medianUs: 1 }, { name: "Add_1", opType: "Add", medianUs: 2 }, { name: "Relu_2", opType: "Relu", medianUs: 3 }]);
  expect(timed.nodes.map(({ medianUs }) => medianUs)).toEqual([1, 2, null]);
});

test("a fused layer that is named after its last part gives its time to all of its parts, the first one too", () => {
  const graph = summarizeGraph(readOnnx(demoConvNet({ seed: 1 })));
  const timed = attachTimings(graph, [{ name: "conv1.act_nchwc", opType: "Conv", medianUs: 5 }]);
  expect(timed.nodes.filter((node) => node.layer !== null).map((node) => node.opType)).toEqual(["Conv", "Relu"]);
});

const squeezenet = sharedModel("squeezenet-fp16.onnx");
test.skipIf(squeezenet.missing !== null)("SqueezeNet's graph has all its weights", ({ skip }) => {
  if (squeezenet.missing !== null) return skip(squeezenet.missing);
  const graph = summarizeGraph(readOnnx(readFileSync(squeezenet.path)));
  expect(graph.nodes.reduce((sum, node) => sum + node.parameterCount, 0)).toBeGreaterThan(1_200_000);
  expect(graph.blocks.map((block) => block.path)).toContain("fire2");
});
