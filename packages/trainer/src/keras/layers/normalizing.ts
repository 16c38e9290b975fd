import type { KerasValue } from "../emit/keras-value.ts";
import type { Json } from "../config-reader.ts";
import { layoutOf } from "./layouts.ts";
import { channelsOf, onlyInput, takeWeights, type LayerConverter, type LayerUse } from "./layer-use.ts";

/** With running statistics; what is switched off in Keras is 1 or 0 here. */
function batchNormalization(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const { config, writer } = use;
  const input = onlyInput(use, inputs);
  requireLastAxis(use, input);
  const channels = [channelsOf(use, input)];
  const [hasScale, hasCenter] = [config.flag("scale", true), config.flag("center", true)];
  const weights = takeWeights(use, { gamma: hasScale ? channels : null, beta: hasCenter ? channels : null, moving_mean: channels, moving_variance: channels });
  const same = (value: number) => () => new Float32Array(channels[0] ?? 0).fill(value);
  const parameters = [
    writer.parameter("gamma", channels, hasScale ? weights.gamma : same(1)),
    writer.parameter("beta", channels, hasCenter ? weights.beta : same(0)),
    writer.parameter("moving_mean", channels, weights.moving_mean),
    writer.parameter("moving_variance", channels, weights.moving_variance),
  ];
  const epsilon = { epsilon: { float: config.number("epsilon", 1e-3) } };
  return writer.value(input.shape, "first", writer.node("BatchNormalization", [writer.form(input, "first"), ...parameters], epsilon));
}

function layerNormalization(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const { config, writer } = use;
  const input = onlyInput(use, inputs);
  requireLastAxis(use, input);
  const channels = [channelsOf(use, input)];
  const [hasScale, hasCenter] = [config.flag("scale", true), config.flag("center", true)];
  const weights = takeWeights(use, { gamma: hasScale ? channels : null, beta: hasCenter ? channels : null });
  const scale = writer.parameter("gamma", channels, hasScale ? weights.gamma : () => new Float32Array(channels[0] ?? 0).fill(1));
  const bias = hasCenter ? [writer.parameter("beta", channels, weights.beta)] : [];
  const attributes = { axis: { int: -1 }, epsilon: { float: config.number("epsilon", 1e-3) } };
  return writer.value(input.shape, "last", writer.node("LayerNormalization", [writer.form(input, "last"), scale, ...bias], attributes));
}

/** x × scale + offset, one for all or one per channel. */
function rescaling(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs);
  const { writer } = use;
  const [scale, offset] = [perChannel(use, input, "scale"), perChannel(use, input, "offset")];
  const layout = scale.length > 1 || offset.length > 1 ? "last" : layoutOf(input);
  const scaled = writer.node("Mul", [writer.form(input, layout), writer.floats(scale)]);
  return writer.value(input.shape, layout, offset.every((value) => value === 0) ? scaled : writer.node("Add", [scaled, writer.floats(offset)]));
}

/** Keras divides by no less. */
const SMALLEST_DEVIATION = 1e-7;

/** (x − mean) / √variance per channel, as learnt from data before or as said in the options. */
function normalization(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs);
  const { config, writer } = use;
  requireLastAxis(use, input);
  const channels = [channelsOf(use, input)];
  // Counts how many examples were seen; it has been a whole number and a float.
  const isSaid = config.has("mean") && config.has("variance");
  const weights = isSaid ? null : takeWeights(use, { mean: channels, variance: channels, count: [] });
  const said = (key: string) => () => Float32Array.from(perChannel(use, input, key));
  const filled = (values: Float32Array): Float32Array => (values.length === 1 ? new Float32Array(channels[0] ?? 0).fill(values[0] ?? 0) : values);
  const mean = writer.parameter("mean", channels, () => filled((weights?.mean ?? said("mean"))()));
  const deviation = writer.parameter("deviation", channels, () => filled((weights?.variance ?? said("variance"))()).map((variance) => Math.max(Math.sqrt(variance), SMALLEST_DEVIATION)));
  const centred = writer.node("Sub", [writer.form(input, "last"), mean]);
  return writer.value(input.shape, "last", writer.node("Div", [centred, deviation]));
}

/** Statistics along any axis but the channels are refused. */
function requireLastAxis(use: LayerUse, { shape }: KerasValue): void {
  const option = use.config.raw("axis") ?? -1;
  const axis: Json = Array.isArray(option) && option.length === 1 ? (option[0] ?? null) : option;
  if (axis !== -1 && axis !== shape.length) use.config.unsupported("axis");
}

/** One number, or one per channel however deep it lies in brackets. */
function perChannel(use: LayerUse, input: KerasValue, key: string): number[] {
  const flat = (value: Json, depth: number): Json[] => (Array.isArray(value) && depth < 8 ? value.flatMap((one: Json) => flat(one, depth + 1)) : [value]);
  const numbers = flat(use.config.raw(key) ?? 0, 0);
  const fits = numbers.length === 1 || numbers.length === input.shape.at(-1);
  if (!fits || !numbers.every((number) => typeof number === "number" && Number.isFinite(number))) return use.config.unsupported(key);
  return numbers as number[];
}

export const NORMALIZING_LAYERS: Readonly<Record<string, LayerConverter>> = {
  BatchNormalization: batchNormalization, LayerNormalization: layerNormalization, Rescaling: rescaling, Normalization: normalization,
};
