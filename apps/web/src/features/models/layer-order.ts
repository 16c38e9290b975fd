import type { VersionInspection } from "@flotilla/fleet";

type Layer = VersionInspection["layers"][number];
export type LayerSort = "position" | "name" | "opType" | "time" | "share" | "parameters";
export type LayerOrder = { by: LayerSort; descending: boolean };
/** A layer and its place in the order of the run. */
export type PlacedLayer = { layer: Layer; position: number };

/** Layers whose name or operator holds the text. */
export function filterLayers(layers: readonly Layer[], search: string): PlacedLayer[] {
  const text = search.trim().toLowerCase();
  return layers
    .map((layer, position) => ({ layer, position }))
    .filter(({ layer }) => text === "" || layer.name.toLowerCase().includes(text) || layer.opType.toLowerCase().includes(text));
}

/** Sorted by one column; equals stay in the order of the run. What is not known comes last either way. */
export function sortLayers(layers: readonly PlacedLayer[], order: LayerOrder): PlacedLayer[] {
  const sign = order.descending ? -1 : 1;
  return layers.toSorted((a, b) => {
    const left = valueOf(a, order.by);
    const right = valueOf(b, order.by);
    if (left === null || right === null) return left === right ? a.position - b.position : left === null ? 1 : -1;
    const difference = typeof left === "string" ? left.localeCompare(String(right), "en", { numeric: true }) : left - Number(right);
    return difference === 0 ? a.position - b.position : sign * difference;
  });
}

function valueOf({ layer, position }: PlacedLayer, by: LayerSort): number | string | null {
  switch (by) {
    case "position":
      return position;
    case "name":
      return layer.name;
    case "opType":
      return layer.opType;
    case "time":
      return layer.medianUs;
    case "share":
      return layer.sharePercent;
    case "parameters":
      return layer.parameterBytes;
  }
}

/** Time of all layers of one kind together, dearest first. */
export function costByOperator(layers: readonly Layer[]): { opType: string; layers: number; medianUs: number; sharePercent: number }[] {
  const costs = new Map<string, { opType: string; layers: number; medianUs: number; sharePercent: number }>();
  for (const layer of layers) {
    const cost = costs.get(layer.opType) ?? { opType: layer.opType, layers: 0, medianUs: 0, sharePercent: 0 };
    cost.layers += 1;
    cost.medianUs += layer.medianUs;
    cost.sharePercent += layer.sharePercent;
    costs.set(layer.opType, cost);
  }
  return [...costs.values()].toSorted((a, b) => b.medianUs - a.medianUs);
}
