"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { cn } from "../../lib/class-names.ts";
import { nodePlacesQuery } from "./graph-queries.ts";
import { nodeOfLayer } from "./node-layers.ts";

/** The way from the layer that is pointed at, or else the chosen one, to its box; says so when no node is known to have run in it. Keeps its line while there is none. */
export function LayerInGraph({ version, chosen, pointed }: { version: VersionView; chosen: number | null; pointed: number | null }) {
  const layer = pointed ?? chosen;
  const places = useQuery({ ...nodePlacesQuery(version.id), enabled: layer !== null }).data;
  return (
    <p className="-my-2 min-h-5 text-xs text-muted">
      {layer !== null && places !== undefined && places.length > 0 && <Way version={version} layer={layer} node={nodeOfLayer(version.inspection?.layers ?? [], places, layer)} isPointed={pointed !== null} />}
    </p>
  );
}

function Way({ version, layer, node, isPointed }: { version: VersionView; layer: number; node: string | null; isPointed: boolean }) {
  if (node === null) return `No node of the graph is known to have run as layer ${layer + 1}.`;
  return <Link className={cn("rounded-sm px-1 text-accent-text underline underline-offset-2", isPointed && "bg-accent-soft")} href={`/models/${version.modelId}/v/${version.number}?tab=graph&node=${node}` as Route}>Show layer {layer + 1} in the graph</Link>;
}
