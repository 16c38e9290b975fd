export { actorNames } from "./actor-names-store.ts";
export { listAudit, recordAudit } from "./audit-store.ts";
export type { AuditActor, AuditEntry, AuditFilter } from "./audit-store.ts";
export type * from "./types.ts";
