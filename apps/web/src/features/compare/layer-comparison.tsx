"use client";
import { useQueries } from "@tanstack/react-query";
import type { CompareView } from "@flotilla/fleet";
import { useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Select } from "../../components/ui/field.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatMs } from "../../lib/format.ts";
import { versionQuery } from "../models/model-queries.ts";
import { formatRatio } from "../optimizing/number-words.tsx";
import { nodePlacesQuery, type NodePlace } from "../graph/graph-queries.ts";
import { alignLayers } from "./align-layers.ts";
import { layerKindOf, layerKindWords, timeByKind, type LayerKind } from "./layer-kind.ts";

type Layer = { name: string; opType: string; medianUs: number };

const PAGE = 60;

/** Two versions layer by layer, in the order of the run; layers with one name stand in one row. */
export function LayerComparison({ view }: { view: CompareView }) {
  const others = view.versions.filter(({ id }) => id !== view.baselineId);
  const [chosen, setChosen] = useState<string | null>(null);
  const [shown, setShown] = useState(PAGE);
  const other = others.find(({ id }) => id === chosen) ?? others[0];
  const [baseline, variant] = useQueries({ queries: [versionQuery(view.baselineId), { ...versionQuery(other?.id ?? ""), enabled: other !== undefined }] });
  const [leftPlaces, rightPlaces] = useQueries({ queries: [nodePlacesQuery(view.baselineId), { ...nodePlacesQuery(other?.id ?? ""), enabled: other !== undefined }] });
  const left = baseline.data?.inspection?.layers;
  const right = variant.data?.inspection?.layers;
  if (other === undefined || left === undefined || right === undefined || left.length + right.length === 0) return null;
  const rows = alignLayers(left.map((layer) => byNode(layer, leftPlaces.data)), right.map((layer) => byNode(layer, rightPlaces.data)));
  const most = Math.max(...rows.flatMap((row) => [row.left?.medianUs ?? 0, row.right?.medianUs ?? 0]));
  const reference = view.versions.find(({ id }) => id === view.baselineId);
  return (
    <Card
      title="Layer by layer" subtitle="medians from the imports, each by itself with the profiler on: they say where time goes, and less about how much" flush
      actions={others.length > 1 && <Select aria-label="Version beside the baseline" className="w-56" value={other.id} onChange={(event) => setChosen(event.target.value)}>{others.map((version) => <option key={version.id} value={version.id}>v{version.number}{version.label === null ? "" : `, ${version.label}`}</option>)}</Select>}
    >
      <dl className="grid gap-x-6 gap-y-2 border-b px-4 py-3 text-xs sm:grid-cols-2">
        <Kinds name={`v${reference?.number}`} layers={left} /><Kinds name={`v${other.number}`} layers={right} />
      </dl>
      <Table caption="Layers of both versions">
        <thead><tr><Th>Layer</Th><Th className="min-w-44">v{reference?.number}</Th><Th className="min-w-44">v{other.number}</Th><Th numeric>Ratio</Th></tr></thead>
        <tbody>
          {rows.slice(0, shown).map((row, position) => (
            <Tr key={`${position} ${row.name}`}>
              <Td className="max-w-72 truncate font-mono text-xs max-sm:max-w-32" title={[row.left?.layer, row.right?.layer].filter((name) => name !== undefined).join(" | ")}>{row.name}</Td>
              <Td><LayerCell layer={row.left} most={most} nodes={nodesIn(row.left, leftPlaces.data)} /></Td>
              <Td><LayerCell layer={row.right} most={most} nodes={nodesIn(row.right, rightPlaces.data)} /></Td>
              <Td numeric className="whitespace-nowrap">{row.left === null || row.right === null || row.left.medianUs === 0 ? "–" : formatRatio(row.right.medianUs / row.left.medianUs)}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {rows.length > shown && <div className="border-t p-2 text-center"><Button kind="quiet" size="sm" onClick={() => setShown((count) => count + PAGE * 5)}>Show more</Button></div>}
    </Card>
  );
}

/** A layer under the name of the first node that ran in it: what a fused or quantised layer is called differs from version to version, its first node seldom does. */
function byNode(layer: Layer, places: readonly NodePlace[] | undefined): Layer & { layer: string } {
  return { ...layer, name: places?.find((place) => place.layer === layer.name && place.name !== "")?.name ?? layer.name, layer: layer.name };
}

/** How many nodes of the file ran in the layer; above 1 it is fused. */
function nodesIn(layer: { layer: string } | null, places: readonly NodePlace[] | undefined): number {
  return layer === null || places === undefined ? 0 : places.filter((place) => place.layer === layer.layer).length;
}

function Kinds({ name, layers }: { name: string; layers: readonly Layer[] }) {
  const sums = timeByKind(layers);
  const kinds = (["integer", "conversion", "float"] as const).filter((kind) => sums[kind] > 0);
  return <div><dt className="text-muted">{name}, sum of its layers</dt><dd className="tabular">{kinds.map((kind) => `${formatMs(sums[kind] / 1000)} ${layerKindWords[kind]}`).join(", ") || "nothing was timed"}</dd></div>;
}

/** Told apart by pattern as well as colour; the operator and the kind stand beside it. */
const FILLS: Record<LayerKind, string> = {
  float: "var(--chart-1)", integer: "var(--chart-3)",
  conversion: "repeating-linear-gradient(135deg, var(--chart-2) 0 3px, transparent 3px 5px)",
};

function LayerCell({ layer, most, nodes }: { layer: Layer | null; most: number; nodes: number }) {
  if (layer === null) return <span className="text-xs text-muted">not there</span>;
  const kind = layerKindOf(layer.opType);
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      <span aria-hidden className="h-2 w-14 rounded-sm bg-hover"><span className="block h-full rounded-sm" style={{ width: `${most === 0 ? 0 : (layer.medianUs / most) * 100}%`, background: FILLS[kind] }} /></span>
      <span className="w-16 text-right tabular">{formatMs(layer.medianUs / 1000)}</span>
      <span className="text-xs text-muted">{layer.opType}, {layerKindWords[kind]}{nodes > 1 && `, ${nodes} nodes fused`}</span>
    </span>
  );
}
