import type { Dimension, KerasValue } from "../emit/keras-value.ts";
import { KerasRefusal } from "../keras-refusal.ts";
import type { Json } from "../config-reader.ts";
import { axisIn, layoutOf } from "./layouts.ts";
import { nameOf, onlyInput, type LayerConverter, type LayerUse } from "./layer-use.ts";

/** ONNX' Reshape: 0 keeps the size of the input, −1 is what is left. */
const [SAME, REST] = [0, -1];
/** As an end of ONNX' Slice: up to the last one. */
const TO_THE_END = 2n ** 63n - 1n;

/** All elements of an example in a row, in Keras' order. Where a value has one pixel, channels in front are in that order already. */
function flatten(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs);
  if (use.config.has("data_format")) use.config.oneOf("data_format", ["channels_last"]);
  if (input.shape.length === 1) return input;
  const layout = input.shape.slice(0, -1).every((size) => size === 1) ? layoutOf(input) : "last";
  if (input.shape.length === 0) return use.writer.value([1], "last", use.writer.node("Reshape", [use.writer.form(input, "last"), use.writer.int64s([REST, 1])]));
  return use.writer.value([elementsOf(input.shape)], "last", use.writer.node("Flatten", [use.writer.form(input, layout)], { axis: { int: 1 } }));
}

function reshape(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs);
  const target = use.config.raw("target_shape");
  if (!isShape(target)) return use.config.unsupported("target_shape");
  const elements = elementsOf(input.shape);
  const known = target.filter((size) => size !== REST).reduce((product, size) => product * size, 1);
  const isOpen = target.includes(REST);
  if (target.filter((size) => size === REST).length > 1 || (elements !== null && (isOpen ? elements % known !== 0 : elements !== known))) return use.config.unsupported("target_shape");
  const shape = target.map((size) => (size === REST ? (elements === null ? null : elements / known) : size));
  return use.writer.value(shape, "last", use.writer.node("Reshape", [use.writer.form(input, "last"), use.writer.int64s([SAME, ...shape.map((size) => size ?? REST)])]));
}

function isShape(value: Json): value is readonly number[] {
  return Array.isArray(value) && value.length <= 6 && value.every((size: Json) => typeof size === "number" && Number.isInteger(size) && (size === REST || (size > 0 && size < 2 ** 31)));
}

function permute(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs);
  const dims = use.config.raw("dims");
  const isPermutation = Array.isArray(dims) && dims.length === input.shape.length && new Set(dims).size === dims.length;
  if (!isPermutation) return use.config.unsupported("dims");
  const order = dims.map((axis: Json) => (typeof axis === "number" && input.shape[axis - 1] !== undefined ? axis : use.config.unsupported("dims")));
  return use.writer.value(order.map((axis) => input.shape[axis - 1] ?? null), "last", use.writer.node("Transpose", [use.writer.form(input, "last")], { perm: { ints: [0, ...order] } }));
}

function zeroPadding(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const pairs = pairsOf(use, "padding", rank);
    const layout = layoutOf(input);
    const pads = new Array<number>(2 * (rank + 2)).fill(0);
    for (const [axis, [before, behind]] of pairs.entries()) {
      const at = axisIn(layout, axis + 1, rank + 2);
      pads[at] = before;
      pads[at + rank + 2] = behind;
    }
    const shape = input.shape.map((size, axis) => (size === null ? null : size + (pairs[axis]?.[0] ?? 0) + (pairs[axis]?.[1] ?? 0)));
    return use.writer.value(shape, layout, use.writer.node("Pad", [use.writer.form(input, layout), use.writer.int64s(pads)]));
  };
}

function cropping(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const pairs = pairsOf(use, "cropping", rank);
    const layout = layoutOf(input);
    const { writer } = use;
    const starts = pairs.map(([before]) => before);
    const ends = pairs.map(([, behind]) => (behind === 0 ? TO_THE_END : -behind));
    const axes = pairs.map((_, axis) => axisIn(layout, axis + 1, rank + 2));
    const shape = input.shape.map((size, axis) => (size === null ? null : size - (pairs[axis]?.[0] ?? 0) - (pairs[axis]?.[1] ?? 0)));
    if (shape.some((size) => size !== null && size < 1)) throw new KerasRefusal("keras_graph_invalid", `${nameOf(use)} cuts more off than there is`);
    return writer.value(shape, layout, writer.node("Slice", [writer.form(input, layout), writer.int64s(starts), writer.int64s(ends), writer.int64s(axes)]));
  };
}

/** Repeats pixels. */
function upSampling(rank: number): LayerConverter {
  return (use, inputs) => {
    const input = onlyInput(use, inputs, rank + 1);
    const { config, writer } = use;
    if (config.has("data_format")) config.oneOf("data_format", ["channels_last"]);
    config.oneOf("interpolation", ["nearest"], "nearest");
    const factors = config.counts("size", rank, 2);
    const attributes = { mode: { string: "nearest" }, coordinate_transformation_mode: { string: "asymmetric" }, nearest_mode: { string: "floor" } };
    const made = writer.node("Resize", [writer.form(input, "first"), "", writer.floats([1, 1, ...factors])], attributes);
    return writer.value(input.shape.map((size, axis) => (size === null ? null : size * (factors[axis] ?? 1))), "first", made);
  };
}

/** Keras' `((before, behind), …)`, with its short forms: one number for all, or one number or pair per axis. */
function pairsOf(use: LayerUse, key: string, rank: number): (readonly [number, number])[] {
  const { config } = use;
  if (config.has("data_format")) config.oneOf("data_format", ["channels_last"]);
  const option = config.raw(key);
  const one = (value: Json): readonly [number, number] => {
    if (isWidth(value)) return [value, value];
    return Array.isArray(value) && value.length === 2 && isWidth(value[0]) && isWidth(value[1]) ? [value[0], value[1]] : config.unsupported(key);
  };
  if (isWidth(option) || rank === 1) return Array.from({ length: rank }, () => one(option));
  return Array.isArray(option) && option.length === rank ? option.map(one) : config.unsupported(key);
}

const WIDTH_MAX = 2 ** 16;

function isWidth(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= WIDTH_MAX;
}

function elementsOf(shape: readonly Dimension[]): Dimension {
  return shape.reduce<Dimension>((product, size) => (product === null || size === null ? null : product * size), 1);
}

function repeatVector(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const input = onlyInput(use, inputs, 1);
  const times = use.config.count("n");
  const row = use.writer.node("Unsqueeze", [use.writer.form(input, "last"), use.writer.int64s([1])]);
  return use.writer.value([times, ...input.shape], "last", use.writer.node("Tile", [row, use.writer.int64s([1, times, 1])]));
}

export const RESHAPING_LAYERS: Readonly<Record<string, LayerConverter>> = {
  Flatten: flatten, Reshape: reshape, Permute: permute, RepeatVector: repeatVector,
  ZeroPadding1D: zeroPadding(1), ZeroPadding2D: zeroPadding(2), Cropping1D: cropping(1), Cropping2D: cropping(2), UpSampling1D: upSampling(1), UpSampling2D: upSampling(2),
};
