type Node = { id: string; parentId: string | null; number: number };

/** Each version below what it was made of, siblings by number; what has no parent among them stands at the left. */
export function treeOf<T extends Node>(nodes: readonly T[]): { node: T; depth: number }[] {
  const known = new Set(nodes.map(({ id }) => id));
  const childrenOf = new Map<string | null, T[]>();
  for (const node of nodes) {
    const parent = node.parentId !== null && known.has(node.parentId) ? node.parentId : null;
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), node]);
  }
  const walk = (parent: string | null, depth: number): { node: T; depth: number }[] =>
    (childrenOf.get(parent) ?? []).toSorted((a, b) => a.number - b.number).flatMap((node) => [{ node, depth }, ...walk(node.id, depth + 1)]);
  return walk(null, 0);
}
