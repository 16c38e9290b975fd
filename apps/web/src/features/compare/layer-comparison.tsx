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
import { alignLayers } from "./align-layers.ts";

const PAGE = 60;

/** Two versions layer by layer, in the order of the run; layers with one name stand in one row. */
export function LayerComparison({ view }: { view: CompareView }) {
  const others = view.versions.filter(({ id }) => id !== view.baselineId);
  const [chosen, setChosen] = useState<string | null>(null);
  const [shown, setShown] = useState(PAGE);
  const other = others.find(({ id }) => id === chosen) ?? others[0];
  const [baseline, variant] = useQueries({ queries: [versionQuery(view.baselineId), { ...versionQuery(other?.id ?? ""), enabled: other !== undefined }] });
  const left = baseline.data?.inspection?.layers;
  const right = variant.data?.inspection?.layers;
  if (other === undefined || left === undefined || right === undefined || left.length + right.length === 0) return null;
  const rows = alignLayers(left, right);
  const most = Math.max(...rows.flatMap((row) => [row.left?.medianUs ?? 0, row.right?.medianUs ?? 0]));
  const reference = view.versions.find(({ id }) => id === view.baselineId);
  return (
    <Card
      title="Layer by layer" subtitle="medians from the imports on the worker's machine, each by itself" flush
      actions={others.length > 1 && <Select aria-label="Version beside the baseline" className="w-56" value={other.id} onChange={(event) => setChosen(event.target.value)}>{others.map((version) => <option key={version.id} value={version.id}>v{version.number}{version.label === null ? "" : `, ${version.label}`}</option>)}</Select>}
    >
      <Table caption="Layers of both versions">
        <thead><tr><Th>Layer</Th><Th className="min-w-44">v{reference?.number}</Th><Th className="min-w-44">v{other.number}</Th><Th numeric>Ratio</Th></tr></thead>
        <tbody>
          {rows.slice(0, shown).map((row, position) => (
            <Tr key={`${position} ${row.name}`}>
              <Td className="max-w-72 truncate font-mono text-xs" title={row.name}>{row.name}</Td>
              <Td><LayerCell layer={row.left} most={most} /></Td>
              <Td><LayerCell layer={row.right} most={most} /></Td>
              <Td numeric className="whitespace-nowrap">{row.left === null || row.right === null || row.left.medianUs === 0 ? "–" : formatRatio(row.right.medianUs / row.left.medianUs)}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {rows.length > shown && <div className="border-t p-2 text-center"><Button kind="quiet" size="sm" onClick={() => setShown((count) => count + PAGE * 5)}>Show more</Button></div>}
    </Card>
  );
}

function LayerCell({ layer, most }: { layer: { opType: string; medianUs: number } | null; most: number }) {
  if (layer === null) return <span className="text-xs text-muted">not there</span>;
  return (
    <span className="flex items-center gap-2 whitespace-nowrap">
      <span aria-hidden className="h-2 w-14 rounded-sm bg-hover"><span className="block h-full rounded-sm bg-accent" style={{ width: `${most === 0 ? 0 : (layer.medianUs / most) * 100}%` }} /></span>
      <span className="w-16 text-right tabular">{formatMs(layer.medianUs / 1000)}</span>
      <span className="text-xs text-muted">{layer.opType}</span>
    </span>
  );
}
