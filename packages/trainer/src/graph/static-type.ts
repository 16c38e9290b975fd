import type { OnnxElementType } from "@flotilla/runtime/ir";

/** Element type and shape of a value in a graph whose shapes are all known: a training step is built for one batch size. */
export type StaticType = { readonly elementType: OnnxElementType; readonly dims: readonly number[] };

/** A float32 value of that shape. */
export const float32 = (dims: readonly number[]): StaticType => ({ elementType: "float32", dims });
