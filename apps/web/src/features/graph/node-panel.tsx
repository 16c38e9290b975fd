"use client";
import type { VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { Button } from "../../components/ui/button.tsx";
import { Facts } from "../../components/ui/card.tsx";
import { formatBytes, formatCount, formatMs, formatNoun, formatPercent } from "../../lib/format.ts";
import type { DrawnGraph, GraphBox, Shape } from "./graph-queries.ts";

/** Beside the picture: what was found, and what the chosen box is. */
export function NodePanel({ version, graph, search, chosen, onShow, onToggle }: {
  version: VersionView; graph: DrawnGraph; search: string; chosen: string | null; onShow: (block: string, id: string) => void; onToggle: (path: string) => void;
}) {
  const box = graph.nodes.find(({ id }) => id === chosen);
  return (
    <div className="min-w-0 space-y-4 p-4 lg:max-h-[70vh] lg:overflow-y-auto">
      {search !== "" && (
        <section aria-label="Found">
          <h3 role="status" className="mb-1 text-xs font-medium">{graph.matches.length === 0 ? "Nothing found" : `${formatNoun(graph.matches.length, "node")} found`}</h3>
          <ul className="max-h-48 overflow-y-auto">
            {graph.matches.map((match) => (
              <li key={match.index}><button type="button" className="flex w-full gap-2 rounded px-1.5 py-1 text-left text-xs hover:bg-hover max-sm:py-2" onClick={() => onShow(match.block, `n${match.index}`)}><span className="shrink-0 text-muted">{match.opType}</span><span className="truncate font-mono">{match.name}</span></button></li>
            ))}
          </ul>
        </section>
      )}
      {box === undefined ? <p className="text-xs text-pretty text-muted">Choose a box to see what it is. A dashed one stands for a block of nodes: a double click or Enter opens it. The blue line at the foot of a box is its share of the time.</p> : <BoxFacts box={box} graph={graph} version={version} onToggle={onToggle} />}
      {graph.blocks.some(({ isExpanded }) => isExpanded) && (
        <section aria-label="Open blocks">
          <h3 className="mb-1 text-xs font-medium">Open blocks</h3>
          <ul className="flex max-h-40 flex-wrap gap-1 overflow-y-auto">{graph.blocks.filter(({ isExpanded }) => isExpanded).map(({ path, label }) => <li key={path}><Button size="sm" title={`Close ${path}`} onClick={() => onToggle(path)}>{label} ×</Button></li>)}</ul>
        </section>
      )}
    </div>
  );
}

function BoxFacts({ box, graph, version, onToggle }: { box: GraphBox; graph: DrawnGraph; version: VersionView; onToggle: (path: string) => void }) {
  const layer = version.inspection?.layers.findIndex(({ name }) => name === box.layer) ?? -1;
  const totalUs = version.inspection?.layers.reduce((sum, { medianUs }) => sum + medianUs, 0) ?? 0;
  const inputs = graph.edges.filter(({ to }) => to === box.id);
  const facts = [
    { label: box.kind === "block" ? "Nodes" : "Operator", value: box.kind === "block" ? formatCount(box.nodeCount) : (box.opType ?? box.kind) },
    ...(inputs.length === 0 ? [] : [{ label: "Reads", value: <span className="font-mono text-xs">{inputs.map((line) => shapeText(line.shape)).join(", ")}</span> }]),
    { label: "Output", value: <span className="font-mono text-xs">{shapeText(box.outputShape)}</span> },
    { label: "Weights", value: box.parameterCount === 0 ? "none" : `${formatCount(box.parameterCount)}, ${formatBytes(box.parameterBytes)}` },
    { label: "Time", value: box.medianUs === null ? "not timed by itself" : `${formatMs(box.medianUs / 1000)}, median of the import${totalUs > 0 ? `; ${formatPercent((box.medianUs / totalUs) * 100)} of all layers` : ""}` },
    ...Object.entries(box.attributes).map(([label, value]) => ({ label, value: <span className="font-mono text-xs">{value}</span> })),
  ];
  return (
    <section aria-label="Chosen box" className="space-y-3">
      <h3 className="font-mono text-xs font-medium break-all">{box.label}</h3>
      <Facts columns={1} items={facts} />
      <div className="flex flex-wrap gap-2">
        {box.kind === "block" && <Button size="sm" onClick={() => onToggle(box.block)}>Open the block</Button>}
        {layer >= 0 && <Link className="text-xs text-accent-text underline underline-offset-2" href={`/models/${version.modelId}/v/${version.number}?tab=layers&layer=${layer + 1}` as Route}>Its row under Layers</Link>}
      </div>
    </section>
  );
}

function shapeText(shape: Shape): string {
  return shape?.map((side) => side ?? "?").join(" × ") ?? "not known";
}
