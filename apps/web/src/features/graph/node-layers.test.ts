import { expect, test } from "vitest";
import { layerOfNode, nodeOfLayer } from "./node-layers.ts";

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
