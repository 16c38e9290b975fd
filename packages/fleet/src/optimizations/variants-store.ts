import { sqlOf, type Tx } from "@flotilla/db";
import { findVersion } from "../models/version-view-store.ts";
import { requireRole, type Principal } from "../principal.ts";
import type { VariantNode } from "./types.ts";

/** As many as a page draws; the newest are left out beyond. */
const MAX_NODES = 500;

/** The version's oldest ancestor and all that was made of it, the ancestor first, parents before children. */
export async function variantTree(tx: Tx, principal: Principal, versionId: string): Promise<{ rootId: string; items: VariantNode[] }> {
  requireRole(principal, "models", "viewer");
  await findVersion(tx, versionId);
  const rows = await sqlOf(tx).query<Omit<VariantNode, "createdAt" | "sizeBytes"> & { createdAt: Date; sizeBytes: bigint }>(
    `with recursive up as (
       select id, parent_id, 0 as depth from model_version where id = $1
       union all select v.id, v.parent_id, up.depth + 1 from model_version v join up on v.id = up.parent_id where up.depth < 50
     ), root as (select id from up order by depth desc limit 1),
     down as (
       select id, 0 as depth from model_version where id = (select id from root)
       union all select v.id, down.depth + 1 from model_version v join down on v.parent_id = down.id where down.depth < 50
     )
     select v.id, v.parent_id as "parentId", v.model_id as "modelId", v.number, v.state::text as state, v.variant_label as label, v.variant_kind as kind,
            v.offered, v.not_offered_reason as "notOfferedReason", v.optimization_id as "optimizationId", v.size_bytes as "sizeBytes",
            (v.inspection->'latencyMs'->>'p50')::float8 as "latencyMsP50", v.created_at as "createdAt"
     from down join model_version v on v.id = down.id order by down.depth, v.id limit $2::int`,
    [versionId, MAX_NODES],
  );
  const items = rows.map((row) => ({ ...row, sizeBytes: Number(row.sizeBytes), createdAt: row.createdAt.toISOString() }));
  return { rootId: items[0]?.id ?? versionId, items };
}
