import type { OnnxNode } from "@flotilla/runtime/ir";

/** The named values, and all that depend on them. Nodes stand in the order in which they run. */
export function valuesMadeOf(names: Iterable<string>, nodes: readonly OnnxNode[]): ReadonlySet<string> {
  const values = new Set(names);
  for (const node of nodes) if (node.inputs.some((name) => values.has(name))) for (const name of node.outputs) if (name !== "") values.add(name);
  return values;
}
