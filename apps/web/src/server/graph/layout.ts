import type { Worker } from "node:worker_threads";
import { FleetError } from "@flotilla/protocol";
import type { Collapsed, Drawn, DrawnEdge } from "./collapse.ts";
import { startLayoutThread } from "./layout-thread.ts";

export type PlacedNode = Drawn & { x: number; y: number; width: number; height: number };
export type PlacedEdge = DrawnEdge & { points: { x: number; y: number }[] };
export type Layout = { width: number; height: number; nodes: PlacedNode[]; edges: PlacedEdge[] };

/** More would take seconds to lay out and nobody reads it. */
export const DRAWN_MAX = 400;
const NODE_WIDTH = 184;
const NODE_HEIGHT = 48;
const TIMEOUT_MS = 20_000;

const layoutOptions = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.edgeRouting": "POLYLINE",
  "elk.spacing.nodeNode": "24",
  "elk.layered.spacing.nodeNodeBetweenLayers": "36",
};

type ElkPoint = { x: number; y: number };
type ElkSection = { startPoint: ElkPoint; endPoint: ElkPoint; bendPoints?: ElkPoint[] };
/** What elkjs takes and fills in. */
export type ElkGraph = {
  id: string; layoutOptions: Record<string, string>; width?: number; height?: number;
  children: { id: string; width: number; height: number; x?: number; y?: number }[];
  edges: { id: string; sources: string[]; targets: string[]; sections?: ElkSection[] }[];
};

/** Places nodes in layers from top to bottom. In a thread of its own: 400 nodes take up to 2 s of one core. */
export async function layOut({ nodes, edges }: Collapsed): Promise<Layout> {
  if (nodes.length > DRAWN_MAX) throw new FleetError("bad_request", { public: `That would draw ${nodes.length} boxes; at most ${DRAWN_MAX} are drawn at once. Close some blocks.` });
  const placed = await inThread({
    id: "root",
    layoutOptions,
    children: nodes.map(({ id }) => ({ id, width: NODE_WIDTH, height: NODE_HEIGHT })),
    edges: edges.map(({ from, to }, index) => ({ id: `e${index}`, sources: [from], targets: [to] })),
  });
  const boxes = new Map(placed.children.map((child) => [child.id, child]));
  const lines = new Map(placed.edges.map((edge) => [edge.id, pointsOf(edge.sections?.[0])]));
  return {
    width: placed.width ?? 0,
    height: placed.height ?? 0,
    nodes: nodes.map((node) => ({ ...node, x: boxes.get(node.id)?.x ?? 0, y: boxes.get(node.id)?.y ?? 0, width: NODE_WIDTH, height: NODE_HEIGHT })),
    edges: edges.map((edge, index) => ({ ...edge, points: lines.get(`e${index}`) ?? [] })),
  };
}

function pointsOf(section: ElkSection | undefined): ElkPoint[] {
  if (section === undefined) return [];
  return [section.startPoint, ...(section.bendPoints ?? []), section.endPoint].map(({ x, y }) => ({ x, y }));
}

let thread: Worker | null = null;
let waiting: Promise<unknown> = Promise.resolve();

/** One after the other: the thread is one core, and whoever waits sees a spinner either way. */
function inThread(graph: ElkGraph): Promise<ElkGraph> {
  const turn = waiting.then(() => ask(graph));
  waiting = turn.catch(() => undefined);
  return turn;
}

function ask(graph: ElkGraph): Promise<ElkGraph> {
  const worker = (thread ??= startLayoutThread());
  return new Promise((resolve, reject) => {
    const end = (error: Error): void => {
      clearTimeout(timer);
      worker.removeAllListeners();
      void worker.terminate();
      if (thread === worker) thread = null;
      reject(error);
    };
    const timer = setTimeout(() => end(new FleetError("unavailable", { public: "Laying the graph out took too long; close some blocks." })), TIMEOUT_MS);
    worker.once("error", end);
    worker.once("message", (answer: { graph: ElkGraph } | { failure: string }) => {
      clearTimeout(timer);
      worker.removeListener("error", end);
      if ("failure" in answer) reject(new Error(`the graph could not be laid out: ${answer.failure}`));
      else resolve(answer.graph);
    });
    worker.postMessage(graph);
  });
}
