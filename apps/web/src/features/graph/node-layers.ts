import type { GraphBox, NodePlace } from "./graph-queries.ts";

/** Id of the box of the node that ends the layer, as that is where its output comes from; null where no node is known to have run in it. */
export function nodeOfLayer(layers: readonly { name: string }[], places: readonly Pick<NodePlace, "index" | "layer">[], position: number): string | null {
  const name = layers[position]?.name;
  const place = name === undefined ? undefined : places.findLast(({ layer }) => layer === name);
  return place === undefined ? null : `n${place.index}`;
}

/** Place in the run of the layer that a box ran in; null for blocks, ends and what was not timed. */
export function layerOfNode(layers: readonly { name: string }[], places: readonly Pick<NodePlace, "index" | "layer">[], id: string | null): number | null {
  const layer = places.find(({ index }) => `n${index}` === id)?.layer;
  const position = layer == null ? -1 : layers.findIndex(({ name }) => name === layer);
  return position === -1 ? null : position;
}

/** Ids of the boxes that a layer ran in: its nodes or, for those in closed blocks, the innermost block that is drawn. */
export function boxesOfLayer(boxes: readonly Pick<GraphBox, "id" | "kind" | "block">[], layers: readonly { name: string }[], places: readonly Pick<NodePlace, "index" | "block" | "layer">[], position: number | null): ReadonlySet<string> {
  const name = position === null ? undefined : layers[position]?.name;
  if (name === undefined) return new Set();
  const ids = new Set(boxes.map(({ id }) => id));
  const blocks = boxes.filter(({ kind }) => kind === "block").toSorted((a, b) => b.block.length - a.block.length);
  return new Set(
    places.filter(({ layer }) => layer === name).flatMap(({ index, block }) => {
      const around = ids.has(`n${index}`) ? `n${index}` : blocks.find((box) => block === box.block || block.startsWith(`${box.block}/`))?.id;
      return around === undefined ? [] : [around];
    }),
  );
}
