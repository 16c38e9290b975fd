"use client";
import type { VersionInspection, VersionView } from "@flotilla/fleet";
import { ArrowDown, ArrowUp } from "lucide-react";
import { parseAsInteger, useQueryState } from "nuqs";
import { useEffect, useMemo, useRef, useState } from "react";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { Button } from "../../components/ui/button.tsx";
import { Table, Td, Th, Tr } from "../../components/ui/table.tsx";
import { formatBytes, formatCount, formatMs, formatPercent } from "../../lib/format.ts";
import { LayerInGraph } from "../graph/layer-in-graph.tsx";
import { LayerBars } from "./layer-bars.tsx";
import { costByOperator, filterLayers, sortLayers, type LayerOrder, type LayerSort } from "./layer-order.ts";

type Layer = VersionInspection["layers"][number];
const PAGE = 100;

/** Where the time goes: along the run and by kind of operator as bars, by layer as a table. */
export function LayersTab({ version }: { version: VersionView }) {
  const layers = version.inspection?.layers ?? [];
  // Counted from 1, as the table shows it; the graph leads here with it.
  const [layer, setLayer] = useQueryState("layer", parseAsInteger);
  const chosen = layer === null || layer < 1 || layer > layers.length ? null : layer - 1;
  const [pointed, setPointed] = useState<number | null>(null);
  if (layers.length === 0) {
    return <Card><EmptyState title="No layer was timed" className="py-8">{version.inspection === null ? "Layer times come with the import." : "The runtime gave no times for single layers of this model."}</EmptyState></Card>;
  }
  return (
    <div className="space-y-4">
      <LayerBars layers={layers} chosen={chosen} onChoose={(position) => void setLayer(position + 1)} pointed={pointed} onPoint={setPointed} />
      <LayerInGraph version={version} chosen={chosen} pointed={pointed} />
      <LayerTable layers={layers} chosen={chosen} onChoose={(position) => void setLayer(position + 1)} pointed={pointed} onPoint={setPointed} />
      <OperatorBars layers={layers} />
    </div>
  );
}

function OperatorBars({ layers }: { layers: readonly Layer[] }) {
  const costs = costByOperator(layers);
  const most = Math.max(...costs.map((cost) => cost.sharePercent));
  return (
    <Card title="Time by operator" subtitle="Median of one run, summed over the layers of a kind">
      <ul className="space-y-1.5">
        {costs.slice(0, 10).map((cost) => (
          <li key={cost.opType} className="grid grid-cols-[minmax(0,9rem)_minmax(0,1fr)_8.5rem] items-center gap-3 text-xs max-sm:grid-cols-[minmax(0,6rem)_minmax(0,1fr)_6rem]">
            <span className="truncate">{cost.opType} <span className="text-muted tabular">×{cost.layers}</span></span>
            <span aria-hidden className="h-3 rounded-sm bg-hover"><span className="block h-full rounded-sm bg-accent" style={{ width: `${(cost.sharePercent / most) * 100}%` }} /></span>
            <span className="text-right tabular">{formatMs(cost.medianUs / 1000)} <span className="text-muted">{formatPercent(cost.sharePercent)}</span></span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const COLUMNS: { sort: LayerSort; label: string; numeric: boolean }[] = [
  { sort: "position", label: "#", numeric: true },
  { sort: "name", label: "Layer", numeric: false },
  { sort: "opType", label: "Operator", numeric: false },
  { sort: "time", label: "Time", numeric: true },
  { sort: "share", label: "Share", numeric: true },
  { sort: "parameters", label: "Parameters", numeric: true },
];

type LayerTableProps = { layers: readonly Layer[]; chosen: number | null; onChoose: (position: number) => void; pointed: number | null; onPoint: (position: number | null) => void };

function LayerTable({ layers, chosen, onChoose, pointed, onPoint }: LayerTableProps) {
  const [order, setOrder] = useState<LayerOrder>({ by: "time", descending: true });
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(PAGE);
  const rows = useMemo(() => sortLayers(filterLayers(layers, search), order), [layers, search, order]);
  const most = Math.max(...layers.map((layer) => layer.sharePercent));
  const body = useRef<HTMLTableSectionElement>(null);
  const place = rows.findIndex(({ position }) => position === chosen);
  const visible = Math.max(shown, place + 1);
  useEffect(() => {
    if (chosen !== null) body.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <Card title="Layers" subtitle={`${formatCount(rows.length)} of ${formatCount(layers.length)}`} actions={<SearchField label="Find by name or operator" value={search} onChange={setSearch} className="sm:w-56" />} flush>
      <Table caption="Latency by layer">
        <thead>
          <tr>
            {COLUMNS.map((column) => <SortHeader key={column.sort} {...column} order={order} onOrder={setOrder} />)}
            <Th>Output</Th><Th>Runs on</Th>
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.slice(0, visible).map(({ layer, position }) => (
            <Tr key={position} aria-current={position === chosen || undefined} className={position === chosen ? "bg-accent-soft" : position === pointed ? "bg-hover" : undefined} onMouseEnter={() => onPoint(position)} onMouseLeave={() => onPoint(null)}>
              <Td numeric className="text-muted"><button type="button" className="hover:text-ink hover:underline" aria-label={`Choose layer ${position + 1}`} onClick={() => onChoose(position)}>{position + 1}</button></Td>
              <Td className="max-w-64 truncate font-mono text-xs max-sm:max-w-32" title={layer.name}>{layer.name}</Td>
              <Td className="whitespace-nowrap">{layer.opType}</Td>
              <Td numeric className="whitespace-nowrap">{formatMs(layer.medianUs / 1000)}</Td>
              <Td numeric className="whitespace-nowrap">
                <span className="inline-flex items-center justify-end gap-2">
                  <span aria-hidden className="h-1.5 w-16 rounded-full bg-hover max-sm:hidden"><span className="block h-full rounded-full bg-accent" style={{ width: `${(layer.sharePercent / most) * 100}%` }} /></span>
                  <span className="w-12">{formatPercent(layer.sharePercent)}</span>
                </span>
              </Td>
              <Td numeric className="whitespace-nowrap">{layer.parameterBytes === null ? "–" : formatBytes(layer.parameterBytes)}</Td>
              <Td className="font-mono text-xs whitespace-nowrap">{layer.outputShape?.join(" × ") ?? "–"}</Td>
              <Td className="whitespace-nowrap text-muted">{layer.provider.replace("ExecutionProvider", "")}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
      {rows.length === 0 && <EmptyState title="No layer matches" className="py-8" action={<Button onClick={() => setSearch("")}>Clear the search</Button>} />}
      {rows.length > visible && <div className="border-t p-2 text-center"><Button kind="quiet" size="sm" onClick={() => setShown(visible + PAGE * 5)}>Show more</Button></div>}
    </Card>
  );
}

function SortHeader({ sort, label, numeric, order, onOrder }: { sort: LayerSort; label: string; numeric: boolean; order: LayerOrder; onOrder: (order: LayerOrder) => void }) {
  const isActive = order.by === sort;
  const Arrow = order.descending ? ArrowDown : ArrowUp;
  return (
    <Th numeric={numeric} aria-sort={isActive ? (order.descending ? "descending" : "ascending") : "none"} className="px-0">
      <button type="button" className="inline-flex h-8 w-full items-center gap-1 px-3 hover:text-ink" style={numeric ? { justifyContent: "flex-end" } : undefined} onClick={() => onOrder({ by: sort, descending: isActive ? !order.descending : numeric && sort !== "position" })}>
        {label}<Arrow size={11} aria-hidden className={isActive ? "" : "opacity-0"} />
      </button>
    </Th>
  );
}
