import type { GraphSummary } from "@flotilla/fleet";

type Named = { name: string; opType: string; hasWeights: boolean };

const DEPTH_MAX = 6;
const PART_CHARACTERS = 60;
const BLOCKS_MAX = 2_000;
/** Share of nodes that must be named by module before names are believed. */
const NAMED_SHARE = 0.6;
/** Runs of layers on a page before they are gathered into parts. */
const RUNS_MAX = 40;

/** For each node the path of the innermost block it is in, and the blocks in order. */
export function blocksOf(nodes: readonly Named[]): { paths: string[]; blocks: GraphSummary["blocks"] } {
  const named = nodes.map(({ name }) => modulePath(name));
  const share = named.filter((path) => path !== "").length / Math.max(1, nodes.length);
  const paths = share >= NAMED_SHARE && new Set(named).size > 1 ? withoutCommonRoot(named) : runs(nodes);
  const blocks = new Map<string, string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let depth = 1; path !== "" && depth <= parts.length; depth += 1) {
      const outer = parts.slice(0, depth).join("/");
      if (!blocks.has(outer) && blocks.size < BLOCKS_MAX) blocks.set(outer, parts[depth - 1] ?? outer);
    }
  }
  return { paths: paths.map((path) => (blocks.has(path) ? path : "")), blocks: [...blocks].map(([path, label]) => ({ path, label })) };
}

/** "/features/features.0/conv/Conv" → "features/features.0/conv": exporters name nodes by the module that made them. */
function modulePath(name: string): string {
  const parts = name.split("/").filter((part) => part !== "");
  return parts.slice(0, -1).slice(0, DEPTH_MAX).map(plain).join("/");
}

/** Paths travel in URLs with commas between. */
function plain(part: string): string {
  return part.replaceAll(/[^\w.:-]/g, "_").slice(0, PART_CHARACTERS);
}

/** A module around everything says nothing. */
function withoutCommonRoot(paths: readonly string[]): string[] {
  const root = paths.find((path) => path !== "")?.split("/")[0] ?? "";
  const isCommon = paths.every((path) => path === "" || path === root || path.startsWith(`${root}/`));
  const rest = isCommon ? paths.map((path) => path.split("/").slice(1).join("/")) : [...paths];
  return rest.some((path) => path !== "") ? rest : [...paths];
}

/** Without names: a node with weights and what follows it up to the next one; many such runs are gathered into parts. */
function runs(nodes: readonly Named[]): string[] {
  const runOf: number[] = [];
  const first: Named[] = [];
  for (const node of nodes) {
    if (node.hasWeights || first.length === 0) first.push(node);
    runOf.push(first.length - 1);
  }
  const perPart = Math.ceil(first.length / RUNS_MAX);
  return runOf.map((run) => {
    const own = `${run + 1}_${plain(first[run]?.opType ?? "run")}`;
    if (perPart === 1) return own;
    const from = Math.floor(run / perPart) * perPart;
    return `${from + 1}-${Math.min(from + perPart, first.length)}/${own}`;
  });
}
