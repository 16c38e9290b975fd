import type { GraphNode, GraphSummary } from "@flotilla/fleet";
import { formatBytes, formatNoun } from "../../lib/format.ts";
import { alignNodes } from "./align-nodes.ts";

export const changeKinds = ["added", "removed", "changed"] as const;
export type ChangeKind = (typeof changeKinds)[number];

type NodeRef = { index: number; name: string; opType: string };
/** What of a node is another, in words. */
type Difference = { what: string; before: string; after: string };
export type NodeChange = { kind: ChangeKind; before: NodeRef | null; after: NodeRef | null; differences: Difference[] };

export type GraphChanges = {
  counts: Record<ChangeKind | "same", number>;
  /** Operators by how many nodes of theirs came, went or changed, most first. */
  operators: { opType: string; added: number; removed: number; changed: number }[];
  /** In the order of the second graph; what went stands where it was. */
  rows: NodeChange[];
};

const OPERATORS_MAX = 50;
/** Producers that are named where a node reads others. */
const READS_MAX = 8;

/** What a graph has become: nodes that came, went or changed. Nodes that a summary leaves out (`omittedNodes`) are not seen. */
export function graphChanges(before: GraphSummary, after: GraphSummary): GraphChanges {
  const pairs = alignNodes(before.nodes, after.nodes);
  const partners = new Map(pairs.flatMap((place, at) => (place === null ? [] : [[place, at] as const])));
  const reads = { before: readsOf(before), after: readsOf(after) };
  const rows: NodeChange[] = [];
  let next = 0;
  const goneUpTo = (place: number): void => {
    for (; next < place; next += 1) if (!partners.has(next)) rows.push({ kind: "removed", before: refOf(before.nodes, next), after: null, differences: [] });
  };
  for (const [at, place] of pairs.entries()) {
    if (place === null) {
      rows.push({ kind: "added", before: null, after: refOf(after.nodes, at), differences: [] });
      continue;
    }
    goneUpTo(place);
    const [one, other] = [before.nodes[place], after.nodes[at]];
    if (one === undefined || other === undefined) continue;
    const read = readDifference(before, after, { before: reads.before.get(place) ?? [], after: reads.after.get(at) ?? [] }, partners);
    const differences = [...nodeDifferences(one, other), ...(read === null ? [] : [read])];
    if (differences.length > 0) rows.push({ kind: "changed", before: refOf(before.nodes, place), after: refOf(after.nodes, at), differences });
  }
  goneUpTo(before.nodes.length);
  return { counts: countsOf(rows, partners.size), operators: operatorsOf(rows), rows };
}

function refOf(nodes: readonly GraphNode[], index: number): NodeRef {
  return { index, name: nodes[index]?.name ?? "", opType: nodes[index]?.opType ?? "" };
}

/** Producers of what each node reads; -1: the graph's inputs. */
function readsOf({ edges }: GraphSummary): Map<number, number[]> {
  const reads = new Map<number, number[]>();
  for (const { from, to } of edges) {
    const list = reads.get(to);
    if (list === undefined) reads.set(to, [from]);
    else list.push(from);
  }
  return reads;
}

function nodeDifferences(one: GraphNode, other: GraphNode): Difference[] {
  const pairs: Difference[] = [
    { what: "operator", before: operatorOf(one), after: operatorOf(other) },
    { what: "name", before: one.name, after: other.name },
    { what: "output", before: shapeWords(one), after: shapeWords(other) },
    { what: "weights", before: weightWords(one), after: weightWords(other) },
    ...[...new Set([...Object.keys(one.attributes), ...Object.keys(other.attributes)])].map((name) => ({ what: name, before: one.attributes[name] ?? "not set", after: other.attributes[name] ?? "not set" })),
  ];
  return pairs.filter(({ before, after }) => before !== after);
}

function operatorOf({ opType, domain }: GraphNode): string {
  return domain === "" ? opType : `${domain}.${opType}`;
}

function shapeWords({ outputShape }: GraphNode): string {
  return outputShape === null ? "not known" : outputShape.map((side) => side ?? "?").join(" × ") || "one number";
}

function weightWords({ parameterCount, parameterBytes }: GraphNode): string {
  return parameterCount === 0 ? "none" : `${formatNoun(parameterCount, "number")} in ${formatBytes(parameterBytes)}`;
}

/** What is read counts as the same when it comes from the same nodes, whatever those are called now. */
function readDifference(before: GraphSummary, after: GraphSummary, reads: { before: readonly number[]; after: readonly number[] }, partners: ReadonlyMap<number, number>): Difference | null {
  const expected = reads.before.map((from) => (from === -1 ? -1 : (partners.get(from) ?? null)));
  if (expected.length === reads.after.length && expected.every((from, at) => from === reads.after[at])) return null;
  const words = ({ nodes }: GraphSummary, from: readonly number[]) => from.slice(0, READS_MAX).map((index) => (index === -1 ? "input" : (nodes[index]?.opType ?? "?"))).join(", ") || "nothing";
  const [one, other] = [words(before, reads.before), words(after, reads.after)];
  return { what: "reads", before: one, after: one === other ? `${other}, from elsewhere` : other };
}

function countsOf(rows: readonly NodeChange[], aligned: number): GraphChanges["counts"] {
  const of = (kind: ChangeKind): number => rows.filter((row) => row.kind === kind).length;
  const changed = of("changed");
  return { added: of("added"), removed: of("removed"), changed, same: aligned - changed };
}

function operatorsOf(rows: readonly NodeChange[]): GraphChanges["operators"] {
  const found = new Map<string, GraphChanges["operators"][number]>();
  for (const { kind, before, after } of rows) {
    const opType = (after ?? before)?.opType ?? "";
    const entry = found.get(opType) ?? { opType, added: 0, removed: 0, changed: 0 };
    entry[kind] += 1;
    found.set(opType, entry);
  }
  const all = ({ added, removed, changed }: GraphChanges["operators"][number]): number => added + removed + changed;
  return [...found.values()].toSorted((a, b) => all(b) - all(a) || (a.opType < b.opType ? -1 : 1)).slice(0, OPERATORS_MAX);
}
