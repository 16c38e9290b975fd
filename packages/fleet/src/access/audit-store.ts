import type { Tx } from "@flotilla/db";
import type { Page, PageInput } from "../page.ts";
import { requireRole, type Principal } from "../principal.ts";
import { bigintCursor, pageOf, pageSize, searchText } from "../page-query.ts";
import { storableJson, storableText } from "../text-rules.ts";
import type { AuditView } from "./types.ts";

/** A reason is a sentence or two; what is longer is cut, not refused: an audit row must never be what fails. */
const MAX_REASON_CHARACTERS = 2_000;

/** Who can stand in an audit row: a principal, or a device that acts for itself (enrolment). */
export type AuditActor = Principal | { kind: "device"; id: string; name: string; requestId?: string };

/** What happened to what. `action` is a dotted verb ("rollout.pause"); `detail` is plain JSON and holds no secret. */
export type AuditEntry = {
  action: string;
  objectKind: string;
  objectId: string;
  objectName?: string | undefined;
  reason?: string | undefined;
  detail?: unknown;
};

/** Writes one audit row inside the caller's transaction: the row exists exactly when the change it tells of does. */
export async function recordAudit(tx: Tx, actor: AuditActor, entry: AuditEntry): Promise<void> {
  await tx.auditEvent.create({
    data: {
      actorKind: actor.kind,
      actorId: actor.id,
      actorName: actor.name,
      action: entry.action,
      objectKind: entry.objectKind,
      objectId: entry.objectId,
      objectName: entry.objectName === undefined ? null : storableText(entry.objectName),
      reason: entry.reason === undefined ? null : storableText(entry.reason.slice(0, MAX_REASON_CHARACTERS)),
      requestId: actor.requestId ?? null,
      ...(entry.detail === undefined ? {} : { detail: storableJson(entry.detail as object) }),
    },
  });
}

/** Filters of the audit list; each narrows. `actor` is an id or the beginning of a name. */
export type AuditFilter = PageInput & {
  action?: string | undefined;
  actor?: string | undefined;
  objectKind?: string | undefined;
  objectId?: string | undefined;
};

/** Audit rows, newest first. */
export async function listAudit(tx: Tx, principal: Principal, filter: AuditFilter): Promise<Page<AuditView>> {
  requireRole(principal, "audit", "viewer");
  const limit = pageSize(filter);
  const before = bigintCursor(filter.cursor);
  const rows = await tx.auditEvent.findMany({
    where: {
      ...(before === null ? {} : { id: { lt: before } }),
      ...(filter.action ? { action: { startsWith: searchText(filter.action) } } : {}),
      ...(filter.actor ? { OR: [{ actorId: filter.actor }, { actorName: { startsWith: searchText(filter.actor), mode: "insensitive" as const } }] } : {}),
      ...(filter.objectKind ? { objectKind: filter.objectKind } : {}),
      ...(filter.objectId ? { objectId: filter.objectId } : {}),
    },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return pageOf(rows, limit, (row) => String(row.id), (row) => ({
    id: String(row.id),
    at: row.at.toISOString(),
    actorKind: row.actorKind,
    actorId: row.actorId,
    actorName: row.actorName,
    action: row.action,
    objectKind: row.objectKind,
    objectId: row.objectId,
    objectName: row.objectName,
    reason: row.reason,
    detail: row.detail,
    requestId: row.requestId,
  }));
}
