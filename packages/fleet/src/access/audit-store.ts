import { sqlOf, type Sql, type Tx } from "@flotilla/db";
import type { Page, PageInput } from "../page.ts";
import { requireRole, type Principal } from "../principal.ts";
import { bigintCursor, pageOf, pageSize, searchText } from "../page-query.ts";
import { storableJson, storableText } from "../text-rules.ts";
import { objectNames } from "./object-names-store.ts";
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

/** A row to be written. */
export type AuditRecord = { actor: AuditActor; entry: AuditEntry };

/** Writes one audit row inside the caller's transaction: the row exists exactly when the change it tells of does. */
export async function recordAudit(tx: Tx, actor: AuditActor, entry: AuditEntry): Promise<void> {
  await recordAudits(sqlOf(tx), [{ actor, entry }]);
}

/** The same for many, in one statement and in this order. */
export async function recordAudits(sql: Sql, records: readonly AuditRecord[]): Promise<void> {
  if (records.length === 0) return;
  const column = (of: (record: AuditRecord) => string | null): (string | null)[] => records.map(of);
  await sql.query(
    `insert into audit_event (actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, reason, request_id, detail)
     select r.actor_kind, r.actor_id, r.actor_name, r.action, r.object_kind, r.object_id, r.object_name, r.reason, r.request_id, r.detail
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::jsonb[]) with ordinality
         as r(actor_kind, actor_id, actor_name, action, object_kind, object_id, object_name, reason, request_id, detail, n) order by r.n`,
    [
      column(({ actor }) => actor.kind), column(({ actor }) => actor.id), column(({ actor }) => actor.name),
      column(({ entry }) => entry.action), column(({ entry }) => entry.objectKind), column(({ entry }) => entry.objectId),
      column(({ entry }) => (entry.objectName === undefined ? null : storableText(entry.objectName))),
      column(({ entry }) => (entry.reason === undefined ? null : storableText(entry.reason.slice(0, MAX_REASON_CHARACTERS)))),
      column(({ actor }) => actor.requestId ?? null),
      column(({ entry }) => (entry.detail === undefined ? null : JSON.stringify(storableJson(entry.detail as object)))),
    ],
  );
}

/** Filters of the audit list; each narrows. `actor` is an id or the beginning of a name. */
export type AuditFilter = PageInput & {
  action?: string | undefined;
  actor?: string | undefined;
  objectKind?: string | undefined;
  objectId?: string | undefined;
};

/** Audit rows, newest first. A row that was written without its object's name has the name of today. */
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
  const names = await objectNames(tx, rows.filter(({ objectName }) => objectName === null).map(({ objectId }) => objectId));
  return pageOf(rows, limit, (row) => String(row.id), (row) => ({
    id: String(row.id),
    at: row.at.toISOString(),
    actorKind: row.actorKind,
    actorId: row.actorId,
    actorName: row.actorName,
    action: row.action,
    objectKind: row.objectKind,
    objectId: row.objectId,
    objectName: row.objectName ?? names.get(row.objectId) ?? null,
    reason: row.reason,
    detail: row.detail,
    requestId: row.requestId,
  }));
}
