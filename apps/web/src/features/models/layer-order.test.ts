import { expect, test } from "vitest";
import { costByOperator, filterLayers, sortLayers } from "./layer-order.ts";

const layer = (name: string, opType: string, medianUs: number, parameterBytes: number | null = null) => ({ name, opType, medianUs, sharePercent: medianUs, parameterBytes, provider: "CPUExecutionProvider", outputShape: null });
const layers = [layer("conv_10", "Conv", 50, 400), layer("conv_2", "Conv", 20, 900), layer("relu", "Relu", 20), layer("add", "Add", 10)];
const names = (by: Parameters<typeof sortLayers>[1]["by"], descending: boolean) => sortLayers(filterLayers(layers, ""), { by, descending }).map((row) => row.layer.name);

test("the dearest layer comes first, and equals stay in the order of the run", () => {
  expect(names("time", true)).toEqual(["conv_10", "conv_2", "relu", "add"]);
  expect(names("time", false)).toEqual(["add", "conv_2", "relu", "conv_10"]);
});

test("numbers in names count as numbers, and what is not known comes last either way", () => {
  expect(names("name", false).slice(1, 3)).toEqual(["conv_2", "conv_10"]);
  expect(names("parameters", true)).toEqual(["conv_2", "conv_10", "relu", "add"]);
  expect(names("parameters", false)).toEqual(["conv_10", "conv_2", "relu", "add"]);
});

test("a search finds by name and by operator, and places are those of the whole model", () => {
  expect(filterLayers(layers, " RELU ").map((row) => row.position)).toEqual([2]);
  expect(filterLayers(layers, "conv")).toHaveLength(2);
});

test("the time of a kind is the sum of its layers", () => {
  expect(costByOperator(layers)[0]).toEqual({ opType: "Conv", layers: 2, medianUs: 70, sharePercent: 70 });
});
