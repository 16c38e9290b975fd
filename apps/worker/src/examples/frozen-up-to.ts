import type { OnnxModel } from "@flotilla/runtime/ir";
import { ExamplesRefusal } from "./dataset-examples.ts";

/** Names of the weights that nodes up to the named one read, in the graph's order: what stays as it is. */
export function frozenUpTo({ graph }: OnnxModel, node: string): string[] {
  const last = graph.nodes.findIndex(({ name, outputs }) => name === node || outputs[0] === node);
  if (last < 0) throw new ExamplesRefusal(`the model has no node "${node}" to freeze up to`);
  const weights = new Set(graph.initializers.map(({ name }) => name));
  return [...new Set(graph.nodes.slice(0, last + 1).flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).filter((name) => weights.has(name)))];
}
