"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { ChevronsDownUp, ChevronsUpDown, Table2, Workflow } from "lucide-react";
import dynamic from "next/dynamic";
import { parseAsBoolean, parseAsString, useQueryState } from "nuqs";
import { useDeferredValue, useState } from "react";
import { Button } from "../../components/ui/button.tsx";
import { Card } from "../../components/ui/card.tsx";
import { EmptyState } from "../../components/ui/empty-state.tsx";
import { ErrorState } from "../../components/ui/error-state.tsx";
import { SearchField } from "../../components/ui/search-field.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { formatCount, formatNoun } from "../../lib/format.ts";
import { GraphTable } from "./graph-table.tsx";
import { graphQuery, type DrawnGraph } from "./graph-queries.ts";
import { NodePanel } from "./node-panel.tsx";
import { opened, toggled } from "./open-blocks.ts";

const GraphCanvas = dynamic(async () => (await import("./graph-canvas.tsx")).GraphCanvas, { ssr: false, loading: () => <Skeleton className="h-full w-full" /> });

/** The graph of a version: drawn and collapsed by block, searchable, and the same as a table. */
export function GraphTab({ version }: { version: VersionView }) {
  const [asTable, setAsTable] = useQueryState("table", parseAsBoolean.withDefault(false));
  const [chosen, setChosen] = useQueryState("node", parseAsString);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<readonly string[] | null>(null);
  const query = useQuery(graphQuery(version.id, open, useDeferredValue(search)));
  const graph = query.data?.graph;
  const show = (block: string, id: string): void => {
    if (graph) setOpen(opened(graph.blocks, block));
    void setChosen(id);
    void setAsTable(false);
  };
  return (
    <Card
      title="Graph" flush subtitle={graph && subtitleOf(graph)}
      actions={(
        <>
          <SearchField label="Find by name or operator" value={search} onChange={setSearch} className="sm:w-56" />
          {graph && !asTable && graph.blocks.length > 0 && <BlockButtons graph={graph} onOpen={setOpen} />}
          <Button size="sm" aria-pressed={asTable} onClick={() => void setAsTable(!asTable)}>{asTable ? <Workflow size={13} aria-hidden /> : <Table2 size={13} aria-hidden />}{asTable ? "View as graph" : "View as table"}</Button>
        </>
      )}
    >
      {query.isPending && <Skeleton className="h-96 w-full" />}
      {query.isError && <ErrorState error={query.error} what="The graph could not be drawn" onRetry={() => { setOpen(null); void query.refetch(); }} />}
      {graph === null && <EmptyState title="There is no graph" className="py-8">It comes with the import. Versions that were imported before graphs were kept have none; uploaded again they get one.</EmptyState>}
      {asTable && graph && <GraphTable versionId={version.id} search={search} chosen={chosen} onShow={(row) => show(row.block, `n${row.index}`)} />}
      {!asTable && graph && (
        <div className="grid grid-cols-[minmax(0,1fr)] lg:grid-cols-[minmax(0,1fr)_280px]">
          <div className="h-[70vh] min-h-80 border-b lg:border-r lg:border-b-0"><GraphCanvas graph={graph} chosen={chosen} onChoose={(id) => void setChosen(id)} onToggle={(path) => setOpen(toggled(graph.blocks, path))} /></div>
          <NodePanel version={version} graph={graph} search={search} chosen={chosen} onShow={show} onToggle={(path) => setOpen(toggled(graph.blocks, path))} />
        </div>
      )}
    </Card>
  );
}

function subtitleOf(graph: DrawnGraph): string {
  const omitted = graph.omittedNodes === 0 ? "" : `, ${formatCount(graph.omittedNodes)} more left out`;
  return `${formatNoun(graph.nodeCount, "node")}${omitted}, ${formatNoun(graph.nodes.length, "box", "boxes")} drawn`;
}

function BlockButtons({ graph, onOpen }: { graph: DrawnGraph; onOpen: (open: readonly string[]) => void }) {
  return (
    <>
      <Button size="sm" onClick={() => onOpen(graph.blocks.map(({ path }) => path))}><ChevronsUpDown size={13} aria-hidden />Open all</Button>
      <Button size="sm" onClick={() => onOpen([])}><ChevronsDownUp size={13} aria-hidden />Close all</Button>
    </>
  );
}
