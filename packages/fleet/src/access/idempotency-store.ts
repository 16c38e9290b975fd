import type { Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import type { Principal } from "../principal.ts";

// Meant to run in the same transaction as the mutation: a second call with the same key then waits for the first one to
// commit and replays its answer, and a call that failed leaves nothing behind. Used across two transactions it also
// works; the second call is then told that the first is still running.

/** Answers are kept this long; after that the key is free again. */
const KEPT_MS = 24 * 3600 * 1000;
/** A call that never wrote its answer (the process died) blocks its key no longer than this. */
const GIVEN_UP_MS = 5 * 60 * 1000;

export type Idempotent = { kind: "fresh" } | { kind: "replay"; status: number; response: unknown };

/**
 * Claims a key for this caller, or answers what the first call with it was answered.
 * `idempotency_mismatch` when the key was used for another request, `idempotency_in_progress` while that one runs.
 */
export async function beginIdempotent(tx: Tx, principal: Principal, key: string, requestHash: string, now: Date = new Date()): Promise<Idempotent> {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw new FleetError("bad_request", { public: "An Idempotency-Key has 1 to 255 printable ASCII characters." });
  const at = { principalId_key: { principalId: principal.id, key } };
  const givenUp = { status: null, createdAt: { lt: new Date(now.getTime() - GIVEN_UP_MS) } };
  const tooOld = { createdAt: { lt: new Date(now.getTime() - KEPT_MS) } };
  await tx.idempotencyRecord.deleteMany({ where: { principalId: principal.id, key, OR: [givenUp, tooOld] } });
  const made = await tx.idempotencyRecord.createMany({ data: [{ principalId: principal.id, key, requestHash, createdAt: now }], skipDuplicates: true });
  if (made.count === 1) return { kind: "fresh" };
  const record = await tx.idempotencyRecord.findUniqueOrThrow({ where: at });
  if (record.requestHash !== requestHash) throw new FleetError("idempotency_mismatch", { public: "This Idempotency-Key was used for another request. Use a new one." });
  if (record.status === null) throw new FleetError("idempotency_in_progress", { public: "The first request with this Idempotency-Key is still being handled." });
  return { kind: "replay", status: record.status, response: record.response };
}

/** Stores the answer that later calls with the key get. */
export async function finishIdempotent(tx: Tx, principal: Principal, key: string, status: number, response: unknown): Promise<void> {
  await tx.idempotencyRecord.update({
    where: { principalId_key: { principalId: principal.id, key } },
    data: { status, ...(response === undefined || response === null ? {} : { response: response as object }) },
  });
}

/** Forgets answers older than 24 hours; returns how many. */
export async function pruneIdempotency(tx: Tx, now: Date = new Date()): Promise<number> {
  const gone = await tx.idempotencyRecord.deleteMany({ where: { createdAt: { lt: new Date(now.getTime() - KEPT_MS) } } });
  return gone.count;
}
