"use client";
import { useQuery } from "@tanstack/react-query";
import type { VersionView } from "@flotilla/fleet";
import type { Route } from "next";
import Link from "next/link";
import { nodePlacesQuery } from "./graph-queries.ts";
import { nodeOfLayer } from "./node-layers.ts";

/** The way from a chosen layer to its box; says so when no node is known to have run in it. */
export function LayerInGraph({ version, chosen }: { version: VersionView; chosen: number | null }) {
  const places = useQuery({ ...nodePlacesQuery(version.id), enabled: chosen !== null }).data;
  if (chosen === null || places === undefined || places.length === 0) return null;
  const node = nodeOfLayer(version.inspection?.layers ?? [], places, chosen);
  return (
    <p className="text-xs text-muted">
      {node === null ? `No node of the graph is known to have run as layer ${chosen + 1}.` : <Link className="text-accent-text underline underline-offset-2" href={`/models/${version.modelId}/v/${version.number}?tab=graph&node=${node}` as Route}>Show layer {chosen + 1} in the graph</Link>}
    </p>
  );
}
