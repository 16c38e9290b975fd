import { expect, test } from "vitest";
import { layerKindOf, timeByKind } from "./layer-kind.ts";

test("weights in blocks are stored in integers and computed in float", () => {
  expect(["QLinearConv", "QuantizeLinear", "MatMulNBits", "Conv", "SomethingNew"].map(layerKindOf)).toEqual(["integer", "conversion", "float", "float", "float"]);
});

test("no time is lost when it is split by kind", () => {
  expect(timeByKind([{ opType: "QLinearConv", medianUs: 5 }, { opType: "DequantizeLinear", medianUs: 1 }, { opType: "Conv", medianUs: 2 }, { opType: "QGemm", medianUs: 3 }])).toEqual({ integer: 8, conversion: 1, float: 2 });
});
