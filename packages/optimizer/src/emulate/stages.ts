import type { OnnxNode } from "@flotilla/runtime/ir";
import { GraphIndex } from "@flotilla/runtime/ir";
import type { OnnxModel } from "@flotilla/runtime/ir";

/** A stretch of nodes that ONNX Runtime runs at once: what they read from outside and what later ones, or the caller, read of them. */
export type Stage = { readonly nodes: readonly OnnxNode[]; readonly reads: readonly string[]; readonly gives: readonly string[] };

/**
 * Cuts a graph at some of its nodes: stage i holds all that needs the cuts before i and none from i on, so running stage 0, cut 0,
 * stage 1, cut 1, … computes the graph. Nodes have to be in topological order; `cuts` is in that order, too.
 */
export function stagesBetween(model: OnnxModel, cuts: readonly OnnxNode[]): Stage[] {
  const index = new GraphIndex(model.graph);
  const cutIndex = new Map(cuts.map((node, at) => [node, at]));
  const levels = new Map<string, number>();
  const members: OnnxNode[][] = Array.from({ length: cuts.length + 1 }, () => []);
  for (const node of model.graph.nodes) {
    const at = cutIndex.get(node);
    const level = at === undefined ? highestLevel(index.reads(node), levels) : at + 1;
    for (const name of node.outputs) levels.set(name, level);
    if (at === undefined) members[level]?.push(node);
  }
  return members.map((nodes) => stageOf(nodes, index));
}

function highestLevel(names: Iterable<string>, levels: ReadonlyMap<string, number>): number {
  let highest = 0;
  for (const name of names) highest = Math.max(highest, levels.get(name) ?? 0);
  return highest;
}

function stageOf(nodes: readonly OnnxNode[], index: GraphIndex): Stage {
  const inside = new Set(nodes);
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const reads = new Set<string>();
  for (const node of nodes) for (const name of index.reads(node)) if (!made.has(name) && index.initializer(name) === null) reads.add(name);
  const gives = [...made].filter((name) => name !== "" && (index.isGraphOutput(name) || index.consumers(name).some((reader) => !inside.has(reader))));
  return { nodes, reads: [...reads], gives };
}
