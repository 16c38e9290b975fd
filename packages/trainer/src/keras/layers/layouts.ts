import type { KerasValue, Layout } from "../emit/keras-value.ts";
import { KerasRefusal } from "../keras-refusal.ts";
import { nameOf, type LayerUse } from "./layer-use.ts";
import type { AttributeInput } from "@flotilla/runtime/ir";

/** The layout in which a value is there already; that of convolutions where it is there in both. */
export function layoutOf({ forms }: KerasValue): Layout {
  return forms.first === undefined ? "last" : "first";
}

/** The layout in which most of the values are there already. */
export function commonLayout(values: readonly KerasValue[]): Layout {
  const inFirst = values.filter(({ forms }) => forms.first !== undefined).length;
  return 2 * inFirst >= values.length ? "first" : "last";
}

/** Where Keras' axis (0 is the batch) stands in a layout; `rank` counts the batch. */
export function axisIn(layout: Layout, axis: number, rank: number): number {
  if (layout === "last" || axis === 0) return axis;
  return axis === rank - 1 ? 1 : axis + 1;
}

/** Keras' axis counted from the front, never the batch; refused when there is no such axis. */
export function axisOf(use: LayerUse, axis: number, { shape }: KerasValue): number {
  const rank = shape.length + 1;
  const fromFront = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || fromFront <= 0 || fromFront >= rank) throw new KerasRefusal("keras_graph_invalid", `${nameOf(use)} works along the axis ${axis}, which is the batch or not there`);
  return fromFront;
}

/** Elements by themselves: an operator of one input that needs no layout. `more` are further inputs. */
export function elementwise({ writer }: Pick<LayerUse, "writer">, value: KerasValue, opType: string, attributes: Readonly<Record<string, AttributeInput>> = {}, more: readonly string[] = []): KerasValue {
  const layout = layoutOf(value);
  return writer.value(value.shape, layout, writer.node(opType, [writer.form(value, layout), ...more], attributes));
}
