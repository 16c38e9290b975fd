import { subgraphs, type OnnxNode } from "@flotilla/runtime/ir";

/**
 * Gives what an output is a copy of the output's name, in place of the copy: ONNX Runtime would make it, which for the vectors of a network of 11 million weights is 50 ms a step. Values that are
 * outputs themselves, come from outside or are read in subgraphs keep their names.
 */
export function withoutCopies(nodes: readonly OnnxNode[], outputs: ReadonlySet<string>): OnnxNode[] {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  if (nodes.some((node) => subgraphs(node).length > 0)) return [...nodes];
  const names = new Map<string, string>();
  const kept = nodes.filter(({ opType, domain, inputs: [from = ""], outputs: [to = ""] }) => {
    if (opType !== "Identity" || domain !== "" || !outputs.has(to) || outputs.has(from) || !made.has(from) || names.has(from)) return true;
    names.set(from, to);
    return false;
  });
  const named = (name: string): string => names.get(name) ?? name;
  return kept.map((node) => ({ ...node, inputs: node.inputs.map(named), outputs: node.outputs.map(named) }));
}
