import { familyOf } from "../graph/operator-family.ts";

/** In which numbers a layer of ONNX Runtime computes, as far as its operator tells. */
export type LayerKind = "integer" | "conversion" | "float";

export const layerKindWords: Record<LayerKind, string> = { integer: "in integers", conversion: "to or from integers", float: "in float" };

export function layerKindOf(opType: string): LayerKind {
  const family = familyOf(opType);
  return family === "integer" || family === "conversion" ? family : "float";
}

/** Time of a version's layers by kind, in µs. */
export function timeByKind(layers: readonly { opType: string; medianUs: number }[]): Record<LayerKind, number> {
  const sums: Record<LayerKind, number> = { integer: 0, conversion: 0, float: 0 };
  for (const { opType, medianUs } of layers) sums[layerKindOf(opType)] += medianUs;
  return sums;
}
