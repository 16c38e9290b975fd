import type { Dimension, KerasValue } from "../emit/keras-value.ts";
import { KerasRefusal } from "../keras-refusal.ts";
import { axisIn, axisOf, commonLayout } from "./layouts.ts";
import { nameOf, type LayerConverter, type LayerUse } from "./layer-use.ts";

/** Element by element, two by two from the left. */
function folded(opType: string, most = Number.POSITIVE_INFINITY): LayerConverter {
  return (use, inputs) => {
    const [first, ...others] = severalOf(use, inputs, most);
    const { writer } = use;
    const layout = commonLayout(inputs);
    const shape = others.reduce((sofar, value) => broadcast(use, sofar, value.shape), first.shape);
    const made = others.reduce((sofar, value) => writer.node(opType, [sofar, writer.form(value, layout)]), writer.form(first, layout));
    return writer.value(shape, layout, made);
  };
}

const add = folded("Add");

function average(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const layout = commonLayout(inputs);
  const sum = add(use, inputs);
  return use.writer.value(sum.shape, layout, use.writer.node("Mul", [use.writer.form(sum, layout), use.writer.floats([1 / inputs.length])]));
}

function concatenate(use: LayerUse, inputs: readonly KerasValue[]): KerasValue {
  const [first, ...others] = severalOf(use, inputs);
  const axis = axisOf(use, use.config.number("axis", -1), first) - 1;
  const shape = [...first.shape];
  for (const value of others) {
    for (const [at, size] of value.shape.entries()) {
      const before = shape[at] ?? null;
      if (at === axis) shape[at] = before === null || size === null ? null : before + size;
      else if (before !== null && size !== null && before !== size) mismatch(use);
      else shape[at] = before ?? size;
    }
  }
  const layout = commonLayout(inputs);
  const made = use.writer.node("Concat", inputs.map((value) => use.writer.form(value, layout)), { axis: { int: axisIn(layout, axis + 1, shape.length + 1) } });
  return use.writer.value(shape, layout, made);
}

function severalOf(use: LayerUse, inputs: readonly KerasValue[], most = Number.POSITIVE_INFINITY): readonly [KerasValue, ...KerasValue[]] {
  const [first, ...others] = inputs;
  if (first === undefined || others.length === 0 || inputs.length > most) throw new KerasRefusal("keras_graph_invalid", `${nameOf(use)} joins several values, and ${inputs.length} go in`);
  if (others.some((value) => value.shape.length !== first.shape.length)) mismatch(use);
  return [first, ...others];
}

function broadcast(use: LayerUse, one: readonly Dimension[], other: readonly Dimension[]): Dimension[] {
  return one.map((size, axis) => {
    const beside = other[axis] ?? null;
    if (size === beside || beside === 1) return size;
    if (size === 1 || size === null) return beside;
    return beside === null ? size : mismatch(use);
  });
}

function mismatch(use: LayerUse): never {
  throw new KerasRefusal("keras_graph_invalid", `${nameOf(use)} joins values whose shapes do not fit`);
}

export const MERGING_LAYERS: Readonly<Record<string, LayerConverter>> = {
  Add: add, Subtract: folded("Sub", 2), Multiply: folded("Mul"), Maximum: folded("Max"), Minimum: folded("Min"), Average: average, Concatenate: concatenate,
};
