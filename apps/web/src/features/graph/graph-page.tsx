"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { parseAsString, useQueryState } from "nuqs";
import { useState } from "react";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { LayerBars } from "../models/layer-bars.tsx";
import { versionQuery } from "../models/model-queries.ts";
import { nodePlacesQuery } from "./graph-queries.ts";
import { GraphTab } from "./graph-tab.tsx";
import { layerOfNode, nodeOfLayer } from "./node-layers.ts";

/** The graph on a page of its own, with the time along the run below it: a bar finds its box, a box its bar, and what is pointed at in one stands out in the other. */
export function GraphPage({ versionId }: { versionId: string }) {
  const query = useQuery(versionQuery(versionId));
  const [pointed, setPointed] = useState<number | null>(null);
  return (
    <QueryView query={query} what="The version could not be loaded" loading={<Skeleton className="h-96 w-full" />}>
      {(version) => <div className="grid grid-cols-[minmax(0,1fr)] gap-4"><GraphTab version={version} page={{ pointed, onPoint: setPointed }} /><Bars version={version} pointed={pointed} onPoint={setPointed} /></div>}
    </QueryView>
  );
}

function Bars({ version, pointed, onPoint }: { version: VersionView; pointed: number | null; onPoint: (layer: number | null) => void }) {
  const layers = version.inspection?.layers ?? [];
  const [chosen, setChosen] = useQueryState("node", parseAsString);
  const places = useQuery({ ...nodePlacesQuery(version.id), enabled: layers.length > 0 }).data ?? [];
  // A layer that no box is known for is chosen all the same, and said to have none.
  const [boxless, setBoxless] = useState<number | null>(null);
  if (layers.length === 0) return null;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-2">
      <LayerBars
        layers={layers} chosen={chosen === null ? boxless : layerOfNode(layers, places, chosen)} pointed={pointed} onPoint={onPoint}
        onChoose={(position) => {
          const node = nodeOfLayer(layers, places, position);
          setBoxless(node === null ? position : null);
          void setChosen(node);
        }}
      />
      {chosen === null && boxless !== null && <p role="status" className="text-xs text-muted">No node of the graph is known to have run as layer {boxless + 1}.</p>}
    </div>
  );
}
