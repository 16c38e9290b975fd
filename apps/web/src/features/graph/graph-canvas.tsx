"use client";
import "@xyflow/react/dist/base.css";
import "./graph.css";
import { Controls, Handle, MiniMap, Position, ReactFlow, ReactFlowProvider, useReactFlow, type Edge, type EdgeProps, type Node, type FitViewOptions, type NodeProps } from "@xyflow/react";
import { useEffect, useEffectEvent, useMemo, type CSSProperties } from "react";
import "../../components/charts/charts.css";
import { cn } from "../../lib/class-names.ts";
import { formatMs, formatNoun } from "../../lib/format.ts";
import type { DrawnGraph, GraphBox, GraphLine } from "./graph-queries.ts";
import { familyColor, familyOf } from "./operator-family.ts";

/** What the colour of a box tells. */
export type Colouring = "family" | "time";
type BoxNode = Node<{ box: GraphBox; heat: number; isMatch: boolean; isPointed?: boolean; colouring: Colouring }, "box">;
type LineEdge = Edge<{ line: GraphLine }, "line">;

const FIRST_LOOK_MAX = 10;
const nodeTypes = { box: Box };
const edgeTypes = { line: Line };

type CanvasProps = {
  graph: DrawnGraph; colouring: Colouring; chosen: string | null; onChoose: (id: string | null) => void; onToggle: (path: string) => void;
  /** Boxes of the layer that the pointer is at, here or elsewhere on the page. */
  pointed: ReadonlySet<string>; onPoint: (id: string | null) => void;
};

/** The boxes where the server placed them; nothing is laid out in the browser. Double click or Enter opens a block. */
export function GraphCanvas(props: CanvasProps) {
  return <ReactFlowProvider><Canvas {...props} /></ReactFlowProvider>;
}

function Canvas({ graph, colouring, chosen, onChoose, onToggle, pointed, onPoint }: CanvasProps) {
  const flow = useReactFlow();
  const plain = useMemo(() => nodesOf(graph, colouring, chosen), [graph, colouring, chosen]);
  // The others stay the same objects, so that only these are drawn again.
  const nodes = useMemo(() => (pointed.size === 0 ? plain : plain.map((node) => (pointed.has(node.id) ? { ...node, data: { ...node.data, isPointed: true } } : node))), [plain, pointed]);
  const edges = useMemo(() => graph.edges.map<LineEdge>((line, index) => ({ id: `e${index}`, source: line.from, target: line.to, type: "line", data: { line }, focusable: false, selectable: false })), [graph]);
  const lookAt = useEffectEvent((id: string) => {
    if (graph.nodes.some((box) => box.id === id)) void flow.fitView({ nodes: [{ id }], duration: 200, maxZoom: 1, minZoom: 0.6 });
  });
  useEffect(() => {
    if (chosen !== null) lookAt(chosen);
  }, [chosen, graph]);
  const act = (box: GraphBox): void => (box.kind === "block" ? onToggle(box.block) : onChoose(box.id));
  return (
    <ReactFlow
      nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} fitView fitViewOptions={firstLook(graph)} minZoom={0.05} maxZoom={2}
      nodesDraggable={false} nodesConnectable={false} onlyRenderVisibleElements zoomOnDoubleClick={false} proOptions={{ hideAttribution: true }}
      onNodeMouseEnter={(_, node) => onPoint(node.id)} onNodeMouseLeave={() => onPoint(null)} onNodeClick={(_, node) => onChoose(node.id)} onNodeDoubleClick={(_, node) => act(node.data.box)} onPaneClick={() => onChoose(null)}
      onKeyDown={(event) => {
        const id = (event.target as HTMLElement).closest("[data-id]")?.getAttribute("data-id");
        const box = graph.nodes.find((candidate) => candidate.id === id);
        if (box === undefined || (event.key !== "Enter" && event.key !== " ")) return;
        event.preventDefault();
        act(box);
      }}
      aria-label="Graph; the same stands under View as table"
    >
      <Controls showInteractive={false} />
      {graph.nodes.length > 30 && <MiniMap pannable zoomable className="max-sm:hidden" ariaLabel="Overview of the graph" />}
    </ReactFlow>
  );
}

/** All of a small graph; of a large one its beginning, large enough to be read. */
function firstLook({ nodes }: DrawnGraph): FitViewOptions {
  const seen = nodes.length <= FIRST_LOOK_MAX ? nodes : nodes.toSorted((a, b) => a.y - b.y).slice(0, FIRST_LOOK_MAX);
  return { nodes: seen.map(({ id }) => ({ id })), maxZoom: 1, minZoom: 0.3 };
}

function nodesOf(graph: DrawnGraph, colouring: Colouring, chosen: string | null): BoxNode[] {
  const most = Math.max(1, ...graph.nodes.map((box) => box.medianUs ?? 0));
  const found = new Set(graph.matches.map(({ index }) => `n${index}`));
  const foundBlocks = graph.matches.map(({ block }) => block);
  return graph.nodes.map((box) => ({
    id: box.id, type: "box", position: { x: box.x, y: box.y }, width: box.width, height: box.height, selected: box.id === chosen, draggable: false,
    ariaLabel: `${box.label}${box.kind === "block" ? `, block of ${formatNoun(box.nodeCount, "node")}, Enter opens it` : `, ${box.opType ?? box.kind}`}${box.medianUs === null ? "" : `, ${formatMs(box.medianUs / 1000)}`}`,
    data: { box, colouring, heat: (box.medianUs ?? 0) / most, isMatch: found.has(box.id) || (box.kind === "block" && foundBlocks.some((block) => block === box.block || block.startsWith(`${box.block}/`))) },
  }));
}

function Box({ data: { box, heat, isMatch, isPointed = false, colouring }, selected }: NodeProps<BoxNode>) {
  return (
    <div style={tintOf(box, heat, colouring)} className={cn("relative flex h-full w-full flex-col justify-center overflow-hidden rounded-md border bg-raised px-2.5 text-ink", box.kind === "block" && "border-dashed border-line-strong bg-sunken", isMatch && "border-accent-text ring-2 ring-accent/30", isPointed && "border-accent-text ring-2 ring-accent", selected && "border-accent-text ring-2 ring-accent-text")}>
      <Handle type="target" position={Position.Top} isConnectable={false} className="opacity-0" />
      <span className="truncate text-xs font-medium">{box.kind === "block" ? box.label : (box.opType ?? box.label)}</span>
      <span className={cn("flex justify-between gap-2 text-2xs", box.kind === "node" || colouring === "time" ? "text-ink" : "text-muted")}><span className="truncate">{box.kind === "block" ? formatNoun(box.nodeCount, "node") : box.label}</span>{box.medianUs !== null && <span className="shrink-0 tabular">{formatMs(box.medianUs / 1000)}</span>}</span>
      {box.kind === "node" && colouring === "family" && <span aria-hidden className="absolute inset-y-0 left-0 w-1" style={{ background: `var(${familyColor(familyOf(box.opType))})` }} />}
      <span aria-hidden className="absolute bottom-0 left-0 h-1 bg-accent" style={{ width: `${heat * 100}%` }} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} className="opacity-0" />
    </div>
  );
}

/** By time: the slowest box has the full tint, which stays pale enough to read on in both themes. By operator: a hint of the family's colour. */
function tintOf(box: GraphBox, heat: number, colouring: Colouring): CSSProperties {
  if (colouring === "time") return heat === 0 ? {} : { backgroundColor: `color-mix(in oklch, var(--chart-2) ${Math.round(4 + Math.sqrt(heat) * 36)}%, var(--raised))` };
  return box.kind === "node" ? { backgroundColor: `color-mix(in oklch, var(${familyColor(familyOf(box.opType))}) 12%, var(--raised))` } : {};
}

function Line({ data }: EdgeProps<LineEdge>) {
  const points = data?.line.points ?? [];
  const shape = data?.line.shape;
  const middle = points[Math.floor(points.length / 2)];
  return (
    <g>
      <path className="react-flow__edge-path" d={points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join(" ")} fill="none" />
      {shape != null && points.length <= 2 && middle !== undefined && <text x={middle.x + 6} y={middle.y - 12} className="fill-(--muted) text-[9px]">{shape.map((side) => side ?? "?").join("×")}</text>}
    </g>
  );
}
