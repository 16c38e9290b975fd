import { expect, test } from "vitest";
import { alignLayers } from "./align-layers.ts";

const layers = (...names: string[]): { name: string; opType: string; medianUs: number }[] => names.map((name) => ({ name, opType: "Conv", medianUs: 1 }));
const words = (left: string[], right: string[]): string[] => alignLayers(layers(...left), layers(...right)).map((row) => `${row.left?.name ?? "-"}|${row.right?.name ?? "-"}`);

test("layers of one name meet though others came between or left", () => {
  expect(words(["conv1", "relu1", "conv2", "pool"], ["quantize", "conv1_quant", "conv2_quant", "dequantize", "pool"])).toEqual(["-|quantize", "conv1|conv1_quant", "relu1|-", "conv2|conv2_quant", "-|dequantize", "pool|pool"]);
});

test("names that the runtime made of one layer are known as one; numbers that alone tell layers apart are kept", () => {
  expect(words(["InsertedPrecisionFreeCast_fire2/expand1x1_2_nchwc", "Concat_9"], ["Conv_fire2/expand1x1_1_token_8", "Concat_12"])).toEqual(["InsertedPrecisionFreeCast_fire2/expand1x1_2_nchwc|Conv_fire2/expand1x1_1_token_8", "Concat_9|-", "-|Concat_12"]);
});

test("every layer of both is in exactly one row, in its own order", () => {
  expect(words(["a", "b"], [])).toEqual(["a|-", "b|-"]);
  expect(words(["a", "b"], ["b", "a"])).toHaveLength(3);
});
