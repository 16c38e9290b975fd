"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { ChevronsDownUp, ChevronsUpDown, Maximize2, Table2, Workflow } from "lucide-react";
import type { Route } from "next";
import dynamic from "next/dynamic";
import { parseAsArrayOf, parseAsBoolean, parseAsString, parseAsStringLiteral, useQueryState } from "nuqs";
import { useDeferredValue, useEffect, useEffectEvent, useMemo } from "react";
import { Button, LinkButton } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { Select } from "../../components/ui/field.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { GraphLegend } from "./graph-legend.tsx";
import { GraphTable } from "./graph-table.tsx";
import { graphQuery, nodePlacesQuery, type DrawnGraph } from "./graph-queries.ts";
import { boxesOfLayer, layerOfNode } from "./node-layers.ts";
import { NodePanel } from "./node-panel.tsx";
import { opened, toggled } from "./open-blocks.ts";

const GraphCanvas = dynamic(async () => (await import("./graph-canvas.tsx")).GraphCanvas, { ssr: false, loading: () => <Skeleton className="h-full w-full" /> });

/** More boxes than this make a browser slow; blocks are opened one by one then. */
const OPEN_ALL_MAX = 600;

/** The graph of a version: drawn and collapsed by block, searchable, and the same as a table. All that is chosen stands in the address. */
export function GraphTab({ version, page }: { version: VersionView; /** Where it is the page, not a tab of one: the layer that is pointed at in it. */ page?: { pointed: number | null; onPoint: (layer: number | null) => void } }) {
  const [asTable, setAsTable] = useQueryState("table", parseAsBoolean.withDefault(false));
  const [chosen, setChosen] = useQueryState("node", parseAsString);
  const [search, setSearch] = useQueryState("find", parseAsString.withDefault(""));
  const [open, setOpen] = useQueryState("open", parseAsArrayOf(parseAsString));
  const [colouring, setColouring] = useQueryState("colour", parseAsStringLiteral(["family", "time"] as const).withDefault("family"));
  const query = useQuery(graphQuery(version.id, open, useDeferredValue(search)));
  const graph = query.data?.graph;
  const show = (block: string, id: string): void => {
    if (graph) void setOpen(opened(graph.blocks, block));
    void setChosen(id);
    void setAsTable(false);
  };
  const layers = version.inspection?.layers ?? [];
  const places = useQuery({ ...nodePlacesQuery(version.id), enabled: page !== undefined && layers.length > 0 }).data;
  const pointed = useMemo(() => boxesOfLayer(graph?.nodes ?? [], version.inspection?.layers ?? [], places ?? [], page?.pointed ?? null), [graph, version, places, page?.pointed]);
  useOpenAround({ versionId: version.id, graph, chosen, onOpen: (blocks) => void setOpen(blocks) });
  return (
    <Card
      title="Graph" flush subtitle={graph && subtitleOf(graph)}
      actions={(
        <>
          <SearchField label="Find by name or operator" value={search} onChange={(text) => void setSearch(text)} className="sm:w-56" />
          {graph && !asTable && <Select aria-label="Colours" className="w-36 max-sm:w-48" value={colouring} onChange={(event) => void setColouring(event.target.value === "time" ? "time" : "family")}><option value="family">Colour: operator</option><option value="time">Colour: time</option></Select>}
          {graph && !asTable && graph.blocks.length > 0 && <BlockButtons graph={graph} onOpen={(blocks) => void setOpen([...blocks])} />}
          <Button size="sm" aria-pressed={asTable} onClick={() => void setAsTable(!asTable)}>{asTable ? <Workflow size={13} aria-hidden /> : <Table2 size={13} aria-hidden />}{asTable ? "View as graph" : "View as table"}</Button>
          {page === undefined && <LinkButton size="sm" href={`/models/${version.modelId}/v/${version.number}/graph${chosen === null ? "" : `?node=${encodeURIComponent(chosen)}`}` as Route}><Maximize2 size={13} aria-hidden />Own page</LinkButton>}
        </>
      )}
    >
      {query.isPending && <Skeleton className="h-96 w-full" />}
      {query.isError && <ErrorState error={query.error} what="The graph could not be drawn" onRetry={() => { void setOpen(null); void query.refetch(); }} />}
      {graph === null && <EmptyState title="There is no graph" className="py-8">It comes with the import. Versions that were imported before graphs were kept have none; uploaded again they get one.</EmptyState>}
      {asTable && graph && <GraphTable versionId={version.id} search={search} chosen={chosen} onShow={(row) => show(row.block, `n${row.index}`)} />}
      {!asTable && graph && (
        <div className="grid grid-cols-[minmax(0,1fr)] lg:grid-cols-[minmax(0,1fr)_280px]">
          <div className="flex h-[70vh] min-h-80 flex-col border-b lg:border-r lg:border-b-0"><GraphLegend graph={graph} colouring={colouring} /><div className="min-h-0 flex-1"><GraphCanvas graph={graph} colouring={colouring} chosen={chosen} onChoose={(id) => void setChosen(id)} onToggle={(path) => void setOpen(toggled(graph.blocks, path))} pointed={pointed} onPoint={(id) => page?.onPoint(layerOfNode(layers, places ?? [], id))} /></div></div>
          <NodePanel version={version} graph={graph} search={search} chosen={chosen} onShow={show} onToggle={(path) => void setOpen(toggled(graph.blocks, path))} />
        </div>
      )}
    </Card>
  );
}

/** A node that was come to by an address may lie in a closed block: opens those around it, once it is known where it lies. */
function useOpenAround({ versionId, graph, chosen, onOpen }: { versionId: string; graph: DrawnGraph | null | undefined; chosen: string | null; onOpen: (blocks: string[]) => void }): void {
  const isHidden = graph != null && chosen !== null && /^n\d+$/.test(chosen) && !graph.nodes.some(({ id }) => id === chosen);
  const block = useQuery({ ...nodePlacesQuery(versionId), enabled: isHidden }).data?.find(({ index }) => `n${index}` === chosen)?.block;
  const openAround = useEffectEvent(() => {
    if (graph != null && block !== undefined) onOpen(opened(graph.blocks, block));
  });
  useEffect(() => {
    if (isHidden) openAround();
  }, [isHidden, block, chosen]);
}

function subtitleOf(graph: DrawnGraph): string {
  const omitted = graph.omittedNodes === 0 ? "" : `, ${formatCount(graph.omittedNodes)} more left out`;
  return `${formatNoun(graph.nodeCount, "node")}${omitted}, ${formatNoun(graph.nodes.length, "box", "boxes")} drawn`;
}

function BlockButtons({ graph, onOpen }: { graph: DrawnGraph; onOpen: (open: readonly string[]) => void }) {
  return (
    <>
      <Button size="sm" disabled={graph.nodeCount > OPEN_ALL_MAX} title={graph.nodeCount > OPEN_ALL_MAX ? `More than ${OPEN_ALL_MAX} nodes at once are too many: open blocks one by one, or search` : undefined} onClick={() => onOpen(graph.blocks.map(({ path }) => path))}><ChevronsUpDown size={13} aria-hidden />Open all</Button>
      <Button size="sm" onClick={() => onOpen([])}><ChevronsDownUp size={13} aria-hidden />Close all</Button>
    </>
  );
}
