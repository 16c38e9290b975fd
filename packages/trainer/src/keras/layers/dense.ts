import type { KerasValue } from "../emit/keras-value.ts";
import { activate } from "./activations.ts";
import { channelsOf, onlyInput, takeWeights, type LayerConverter, type LayerUse } from "./layer-use.ts";

/** Along the last axis, whatever lies before it. */
function dense(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs);
  const { config, writer } = use;
  const [units, hasBias, features] = [config.count("units"), config.flag("use_bias", true), channelsOf(use, input)];
  const weights = takeWeights(use, { kernel: [features, units], bias: hasBias ? [units] : null });
  const kernel = writer.parameter("kernel", [features, units], weights.kernel);
  const bias = hasBias ? [writer.parameter("bias", [units], weights.bias)] : [];
  const shape = [...input.shape.slice(0, -1), units];
  if (shape.length === 1) return activate(use, writer.value(shape, "last", writer.node("Gemm", [writer.form(input, "last"), kernel, ...bias])));
  const product = writer.node("MatMul", [writer.form(input, "last"), kernel]);
  return activate(use, writer.value(shape, "last", hasBias ? writer.node("Add", [product, ...bias]) : product));
}

export const DENSE_LAYERS: Readonly<Record<string, LayerConverter>> = { Dense: dense };
