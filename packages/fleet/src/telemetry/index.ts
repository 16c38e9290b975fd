export { applySyncs } from "./apply-syncs-store.ts";
export type { SyncItem, SyncOutcome } from "./sync-types.ts";
export { IngestMemory } from "./ingest-memory.ts";
export { queryLatency } from "./query-store.ts";
export { pruneTelemetry, rollUp } from "./roll-up-run-store.ts";
export type * from "./types.ts";
