import type { Tx } from "@flotilla/db";
import { recordChange } from "../changes/index.ts";
import { requireRole, type Principal } from "../principal.ts";
import type { GraphSummary } from "./types.ts";
import { findVersion } from "./version-view-store.ts";

/** Keeps what the worker read of a version's graph. */
export async function keepGraph(tx: Tx, versionId: string, graph: GraphSummary): Promise<void> {
  await tx.versionGraph.upsert({ where: { versionId }, create: { versionId, graph }, update: { graph } });
  await recordChange(tx, "version", versionId);
}

/** A version's graph; null while its import has not come to an end, and for versions from before graphs were kept. `not_found` without the version. */
export async function getGraph(tx: Tx, principal: Principal, versionId: string): Promise<GraphSummary | null> {
  requireRole(principal, "models", "viewer");
  await findVersion(tx, versionId);
  const row = await tx.versionGraph.findUnique({ where: { versionId } });
  return row === null ? null : (row.graph as GraphSummary);
}
