import { expect, test } from "vitest";
import { boxesOfLayer, layerOfNode, nodeOfLayer } from "./node-layers.ts";

const layers = [{ name: "conv_relu" }, { name: "gemm" }, { name: "reorder" }];
const places = [{ index: 0, layer: "conv_relu" }, { index: 1, layer: "conv_relu" }, { index: 2, layer: null }, { index: 3, layer: "gemm" }];

test("nodes that were fused lead to one layer, and it leads to the last of them", () => {
  expect([0, 1].map((index) => layerOfNode(layers, places, `n${index}`))).toEqual([0, 0]);
  expect(nodeOfLayer(layers, places, 0)).toBe("n1");
});

test("what has no counterpart leads nowhere", () => {
  expect(nodeOfLayer(layers, places, 2)).toBeNull();
  expect(nodeOfLayer(layers, places, 9)).toBeNull();
  expect([layerOfNode(layers, places, "n2"), layerOfNode(layers, places, "b:block"), layerOfNode(layers, places, null)]).toEqual([null, null, null]);
});

test("a layer is shown at all of its nodes, and at the block that stands for one in a closed block", () => {
  const inBlocks = places.map((place) => ({ ...place, block: place.index === 1 ? "stage/inner" : "" }));
  const node = (index: number) => ({ id: `n${index}`, kind: "node" as const, block: "" });
  const block = (path: string) => ({ id: `b:${path}`, kind: "block" as const, block: path });
  expect([...boxesOfLayer([node(0), node(1), node(3)], layers, inBlocks, 0)]).toEqual(["n0", "n1"]);
  expect([...boxesOfLayer([node(0), block("stage"), block("stage/inner"), block("stages")], layers, inBlocks, 0)]).toEqual(["n0", "b:stage/inner"]);
  expect([...boxesOfLayer([node(0), block("stage"), block("stages")], layers, inBlocks, 0)]).toEqual(["n0", "b:stage"]);
  expect([boxesOfLayer([node(0)], layers, inBlocks, null), boxesOfLayer([node(0)], layers, inBlocks, 2)]).toEqual([new Set(), new Set()]);
});
