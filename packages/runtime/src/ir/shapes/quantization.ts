import { DATA_TYPES } from "../../onnx-fields.ts";
import type { NodeView, Rule, Rules } from "./node-view.ts";
import type { Dim } from "./value.ts";
import { broadcast, frontAxis, value } from "./value.ts";

const quantize: Rule = (view) => {
  const asked = DATA_TYPES.get(view.int("output_dtype", 0))?.name;
  const type = view.has(2) ? view.type(2) : (asked ?? "uint8");
  return [value(type, view.shape(0))];
};

const dequantize: Rule = (view) => {
  const asked = DATA_TYPES.get(view.int("output_dtype", 0))?.name;
  return [value(asked ?? view.type(1), view.shape(0))];
};

const dynamicQuantize: Rule = (view) => [value("uint8", view.shape(0)), value("float32", []), value("uint8", [])];

/** a, its scale and zero point, b with its own, then those of the result. */
const quantizedBinary: Rule = (view) => [value(view.type(0), broadcast([view.shape(0), view.shape(3)]))];
const quantizedUnary: Rule = (view) => [value(view.type(0), view.shape(0))];
const quantizedWhere: Rule = (view) => [value(view.type(1), broadcast([view.shape(0), view.shape(1), view.shape(4)]))];

/** Scale and zero point of the result first, then three inputs per part. */
const quantizedConcat: Rule = (view) => {
  const parts: (readonly Dim[] | null)[] = [];
  for (let index = 2; index < view.node.inputs.length; index += 3) parts.push(view.shape(index));
  return [value(view.type(2), concatShape(view, parts))];
};

/** Sizes along the axis added; the other ones are those of any part that knows them. */
export function concatShape(view: NodeView, parts: readonly (readonly Dim[] | null)[]): Dim[] | null {
  const rank = parts.find((part) => part !== null)?.length;
  if (rank === undefined) return null;
  const axis = frontAxis(view.int("axis", 1), rank);
  if (axis === null) return null;
  return Array.from({ length: rank }, (_, at): Dim => {
    const sizes = parts.map((part) => part?.[at] ?? null);
    if (at === axis) return sizes.every((size) => typeof size === "number") ? sizes.reduce<number>((sum, size) => sum + Number(size), 0) : parts.length === 1 ? (sizes[0] ?? null) : null;
    return sizes.find((size) => typeof size === "number") ?? sizes.find((size) => size !== null) ?? null;
  });
}

export const QUANTIZATION: Rules = { QuantizeLinear: quantize, DequantizeLinear: dequantize, DynamicQuantizeLinear: dynamicQuantize };

/** com.microsoft */
export const MICROSOFT_QUANTIZATION: Rules = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  QLinearAdd: quantizedBinary,
  QLinearMul: quantizedBinary,
  QLinearLeakyRelu: quantizedUnary,
  QLinearSigmoid: quantizedUnary,
  QLinearSoftmax: quantizedUnary,
  QLinearConcat: quantizedConcat,
  QLinearWhere: quantizedWhere,
};
