"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import { parseAsString, useQueryState } from "nuqs";
import { QueryView } from "../../components/ui/query-view.tsx";
import { Skeleton } from "../../components/ui/skeleton.tsx";
import { LayerBars } from "../models/layer-bars.tsx";
import { versionQuery } from "../models/model-queries.ts";
import { nodePlacesQuery } from "./graph-queries.ts";
import { GraphTab } from "./graph-tab.tsx";
import { layerOfNode, nodeOfLayer } from "./node-layers.ts";

/** The graph on a page of its own, with the time along the run below it: a bar finds its box, a box its bar. */
export function GraphPage({ versionId }: { versionId: string }) {
  const query = useQuery(versionQuery(versionId));
  return (
    <QueryView query={query} what="The version could not be loaded" loading={<Skeleton className="h-96 w-full" />}>
      {(version) => <div className="grid grid-cols-[minmax(0,1fr)] gap-4"><GraphTab version={version} isPage /><Bars version={version} /></div>}
    </QueryView>
  );
}

function Bars({ version }: { version: VersionView }) {
  const layers = version.inspection?.layers ?? [];
  const [chosen, setChosen] = useQueryState("node", parseAsString);
  const places = useQuery({ ...nodePlacesQuery(version.id), enabled: layers.length > 0 }).data ?? [];
  if (layers.length === 0) return null;
  return (
    <LayerBars
      layers={layers} chosen={layerOfNode(layers, places, chosen)}
      onChoose={(position) => {
        const node = nodeOfLayer(layers, places, position);
        if (node !== null) void setChosen(node);
      }}
    />
  );
}
