import type { GraphNode } from "@flotilla/fleet";

export type AlignedNode = Pick<GraphNode, "name" | "opType" | "domain" | "outputShape">;

/** Stretches whose lengths multiply to more are not searched for their longest common run: nodes of one kind are paired as they come. */
const TABLE_MAX = 1_000_000;

/**
 * For each node of `after` the place of the same node in `before`; null for what is new. By name, where operator or shape agree as well;
 * then, between those, by operator and shape in order, so that the most meet. No node is paired twice.
 */
export function alignNodes(before: readonly AlignedNode[], after: readonly AlignedNode[]): (number | null)[] {
  const pairs = byName(before, after);
  const taken = new Set(pairs.filter((place) => place !== null));
  const anchors = [...longestRise(pairs), { before: before.length, after: after.length }];
  let [fromBefore, fromAfter] = [0, 0];
  for (const anchor of anchors) {
    const left = range(fromBefore, anchor.before).filter((place) => !taken.has(place));
    const right = range(fromAfter, anchor.after).filter((place) => pairs[place] === null);
    for (const [one, other] of commonRun(left, right, (place) => kindOf(before[place]), (place) => kindOf(after[place]))) pairs[other] = one;
    [fromBefore, fromAfter] = [anchor.before + 1, anchor.after + 1];
  }
  return pairs;
}

function byName(before: readonly AlignedNode[], after: readonly AlignedNode[]): (number | null)[] {
  const [places, wanted] = [placesByName(before), placesByName(after)];
  return after.map((node, at) => {
    const place = wanted.get(node.name) === at ? places.get(node.name) : undefined;
    const other = place === undefined ? undefined : before[place];
    if (place === undefined || other === undefined) return null;
    const isOperator = other.opType === node.opType && other.domain === node.domain;
    return isOperator || shapeOf(other) === shapeOf(node) ? place : null;
  });
}

/** Names that one node alone has. */
function placesByName(nodes: readonly AlignedNode[]): Map<string, number> {
  const places = new Map<string, number>();
  const twice = new Set<string>([""]);
  for (const [at, { name }] of nodes.entries()) {
    if (places.has(name)) twice.add(name);
    places.set(name, at);
  }
  for (const name of twice) places.delete(name);
  return places;
}

function kindOf(node: AlignedNode | undefined): string {
  return node === undefined ? "" : JSON.stringify([node.domain, node.opType, node.outputShape]);
}

function shapeOf(node: AlignedNode): string {
  return JSON.stringify(node.outputShape);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
}

type Anchor = { before: number; after: number };

/** The most pairs that stand in the same order in both lists (patience sorting). */
function longestRise(pairs: readonly (number | null)[]): Anchor[] {
  type Link = Anchor & { previous: Link | null };
  /** `ends[n]`: of all rises of n + 1 pairs the one that ends lowest. */
  const ends: Link[] = [];
  for (const [after, before] of pairs.entries()) {
    if (before === null) continue;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((ends[middle]?.before ?? Infinity) < before) low = middle + 1;
      else high = middle;
    }
    ends[low] = { before, after, previous: ends[low - 1] ?? null };
  }
  const rise: Anchor[] = [];
  for (let link = ends.at(-1) ?? null; link !== null; link = link.previous) rise.push({ before: link.before, after: link.after });
  return rise.reverse();
}

type Pair = [before: number, after: number];

/** Pairs of equal kinds: the longest common run, or kind by kind as they come where that table would be too large. */
function commonRun(left: readonly number[], right: readonly number[], leftKind: (place: number) => string, rightKind: (place: number) => string): Pair[] {
  const [a, b] = [left.map(leftKind), right.map(rightKind)];
  if (a.length * b.length > TABLE_MAX) return kindByKind(left, right, a, b);
  const lengths = commonLengths(a, b);
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [one, other] = [left[i], right[j]];
    if (a[i] === b[j] && one !== undefined && other !== undefined) {
      pairs.push([one, other]);
      [i, j] = [i + 1, j + 1];
    } else if ((lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return pairs;
}

/** `lengths[i][j]`: how many meet at most from i and j on. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint16Array[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const [row, below] = [lengths[i], lengths[i + 1]];
    if (row === undefined || below === undefined) continue;
    for (let j = b.length - 1; j >= 0; j -= 1) row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
  }
  return lengths;
}

function kindByKind(left: readonly number[], right: readonly number[], a: readonly string[], b: readonly string[]): Pair[] {
  const waiting = new Map<string, number[]>();
  for (const [at, kind] of a.entries()) {
    const list = waiting.get(kind) ?? [];
    waiting.set(kind, list);
    list.push(left[at] ?? -1);
  }
  const next = new Map<string, number>();
  return b.flatMap((kind, at): Pair[] => {
    const count = next.get(kind) ?? 0;
    const [one, other] = [waiting.get(kind)?.[count], right[at]];
    if (one === undefined || other === undefined) return [];
    next.set(kind, count + 1);
    return [[one, other]];
  });
}
