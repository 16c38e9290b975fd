import { sqlOf, type Tx, type Upload } from "@flotilla/db";
import { FleetError, sha256Schema, type ArtifactRef } from "@flotilla/protocol";
import { recordAudit } from "../access/index.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { requireRole, systemPrincipal, type Principal } from "../principal.ts";
import { nameOf } from "../text-rules.ts";
import type { UploadView } from "./types.ts";
import { UPLOAD_MAX_BYTES, UPLOAD_MAX_OPEN, UPLOAD_MAX_OPEN_BYTES, UPLOAD_PART_BYTES, UPLOAD_TTL_MS, partCountOf, partPlaceOf } from "./upload-limits.ts";

// The row of an upload says what was announced and how it stands; the bytes lie in the store under the upload's id.
// Its state moves by compare-and-set from "open" only: open → complete | failed | expired.

/**
 * Announces a file. Bytes that are in the store already are answered as complete at once; the same announcement by the
 * same person, while an upload of it is open, is answered with that upload: that is how a page resumes after a reload.
 */
export async function createUpload(tx: Tx, principal: Principal, input: { filename: string; sizeBytes: number; sha256: string }): Promise<UploadView> {
  requireRole(principal, "models", "operator");
  const filename = nameOf("The file name", input.filename, 255);
  const { sizeBytes, sha256 } = checkedAnnouncement(input);
  const resumed = await tx.upload.findFirst({
    where: { createdById: principal.id, sha256, sizeBytes, filename, state: "open", expiresAt: { gt: new Date() } },
    orderBy: { id: "desc" },
  });
  if (resumed !== null) return await viewOf(tx, resumed, false);
  const artifact = await tx.artifact.findUnique({ where: { sha256 } });
  if (artifact !== null && Number(artifact.sizeBytes) !== sizeBytes) {
    throw new FleetError("upload_mismatch", { public: `A file with this SHA-256 has ${artifact.sizeBytes} bytes, not ${sizeBytes}.` });
  }
  const isDuplicate = artifact !== null;
  if (!isDuplicate) await checkOpenUploads(tx, principal, sizeBytes);
  const row = await tx.upload.create({
    data: {
      id: newId("upl"), filename, sizeBytes, sha256, partSizeBytes: UPLOAD_PART_BYTES, createdById: principal.id,
      state: isDuplicate ? "complete" : "open", expiresAt: new Date(Date.now() + UPLOAD_TTL_MS),
    },
  });
  await recordAudit(tx, principal, { action: "upload.create", objectKind: "upload", objectId: row.id, objectName: filename, detail: { sizeBytes, sha256, duplicate: isDuplicate } });
  await recordChange(tx, "upload", row.id);
  return await viewOf(tx, row, isDuplicate);
}

/** How an upload stands. `partUrl` is null: web fills it with a ticket. */
export async function getUpload(tx: Tx, principal: Principal, uploadId: string): Promise<UploadView> {
  requireRole(principal, "models", "operator");
  return await viewOf(tx, await uploadRow(tx, uploadId), false);
}

/**
 * The check before web asks the gateway to commit: throws `upload_incomplete` naming the missing parts,
 * `upload_expired`, or `upload_mismatch` with the reason of an upload that failed before.
 */
export async function checkUploadComplete(tx: Tx, principal: Principal, uploadId: string): Promise<UploadView> {
  requireRole(principal, "models", "operator");
  const view = await viewOf(tx, await uploadRow(tx, uploadId), false);
  if (view.state === "complete") return view;
  refuseUnlessOpen(view.state, view.failure);
  const missing = missingParts(view.partCount, view.receivedParts);
  if (missing.length > 0) throw incomplete(missing, view.partCount);
  return view;
}

/** Gateway: where part `n` of an open upload goes. Throws what is wrong with the upload or the number. */
export async function placeOfPart(tx: Tx, uploadId: string, n: number): Promise<{ offset: number; sizeBytes: number }> {
  const upload = await uploadRow(tx, uploadId);
  refuseUnlessOpen(upload.state, upload.failure);
  if (upload.expiresAt.getTime() < Date.now()) refuseUnlessOpen("expired", null);
  const place = partPlaceOf(Number(upload.sizeBytes), upload.partSizeBytes, n);
  if (place === null) throw new FleetError("part_invalid", { public: `The file has parts 1 to ${partCountOf(Number(upload.sizeBytes), upload.partSizeBytes)}; there is no part ${n}.` });
  return place;
}

/** Gateway: part `n` is on the disk of the store. Noting it again is allowed. */
export async function notePart(tx: Tx, uploadId: string, n: number, sizeBytes: number): Promise<void> {
  await sqlOf(tx).query(
    `insert into upload_part (upload_id, n, size_bytes) select id, $2::int, $3::int from upload where id = $1 and state = 'open'
     on conflict (upload_id, n) do update set size_bytes = excluded.size_bytes`,
    [uploadId, n, sizeBytes],
  );
}

/** Gateway: what to commit. "complete" when that is done already. Throws like `checkUploadComplete`. */
export async function uploadToCommit(tx: Tx, uploadId: string): Promise<{ kind: "commit"; expected: ArtifactRef } | { kind: "complete" }> {
  const upload = await uploadRow(tx, uploadId);
  if (upload.state === "complete") return { kind: "complete" };
  refuseUnlessOpen(upload.state, upload.failure);
  const view = await viewOf(tx, upload, false);
  const missing = missingParts(view.partCount, view.receivedParts);
  if (missing.length > 0) throw incomplete(missing, view.partCount);
  return { kind: "commit", expected: { sha256: view.sha256, sizeBytes: view.sizeBytes } };
}

/** Gateway: the bytes are in the store under their digest. Does nothing when that was noted before. */
export async function finishUpload(tx: Tx, uploadId: string): Promise<void> {
  const [row] = await tx.upload.updateManyAndReturn({ where: { id: uploadId, state: "open" }, data: { state: "complete" } });
  if (row === undefined) return;
  await recordArtifacts(tx, [{ sha256: row.sha256, sizeBytes: Number(row.sizeBytes) }]);
  await recordAudit(tx, systemPrincipal("gateway"), { action: "upload.complete", objectKind: "upload", objectId: row.id, objectName: row.filename, detail: { sha256: row.sha256 } });
  await recordChange(tx, "upload", row.id);
}

/** Gateway: what arrived is not what was announced. The staged bytes are the caller's to discard. */
export async function failUpload(tx: Tx, uploadId: string, reason: string): Promise<void> {
  const [row] = await tx.upload.updateManyAndReturn({ where: { id: uploadId, state: "open" }, data: { state: "failed", failure: reason } });
  if (row === undefined) return;
  await recordAudit(tx, systemPrincipal("gateway"), { action: "upload.fail", objectKind: "upload", objectId: row.id, objectName: row.filename, reason });
  await recordChange(tx, "upload", row.id);
}

/** Gives up uploads whose time is over; the caller discards what was staged for the ids it gets. */
export async function expireUploads(tx: Tx, now: Date = new Date()): Promise<string[]> {
  const rows = await tx.upload.updateManyAndReturn({ where: { state: "open", expiresAt: { lt: now } }, data: { state: "expired", failure: "Nobody finished it within a day." } });
  for (const row of rows) await recordChange(tx, "upload", row.id);
  return rows.map((row) => row.id);
}

/** Notes that these bytes are in the store. Noting them again is allowed. */
export async function recordArtifacts(tx: Tx, artifacts: readonly ArtifactRef[]): Promise<void> {
  await tx.artifact.createMany({ data: artifacts.map(({ sha256, sizeBytes }) => ({ sha256, sizeBytes })), skipDuplicates: true });
}

function checkedAnnouncement(input: { sizeBytes: number; sha256: string }): { sizeBytes: number; sha256: string } {
  const sha256 = input.sha256.toLowerCase();
  if (!sha256Schema.safeParse(sha256).success) throw new FleetError("bad_request", { public: "sha256 must have 64 hex digits." });
  if (!Number.isSafeInteger(input.sizeBytes) || input.sizeBytes < 1) throw new FleetError("bad_request", { public: "The file is empty." });
  if (input.sizeBytes > UPLOAD_MAX_BYTES) throw new FleetError("payload_too_large", { public: `A file may have up to ${UPLOAD_MAX_BYTES / 1024 ** 3} GiB.` });
  return { sizeBytes: input.sizeBytes, sha256 };
}

/** Serialised per person by an advisory lock, so that many announcements at once cannot pass the limit together. */
async function checkOpenUploads(tx: Tx, principal: Principal, sizeBytes: number): Promise<void> {
  const sql = sqlOf(tx);
  await sql.query("select pg_advisory_xact_lock(hashtextextended($1, 0))::text", [`upload:${principal.id}`]);
  const [open] = await sql.query<{ uploads: bigint; bytes: string | null }>(
    "select count(*) as uploads, sum(size_bytes) as bytes from upload where created_by_id = $1 and state = 'open' and expires_at > now()",
    [principal.id],
  );
  if (Number(open?.uploads ?? 0) >= UPLOAD_MAX_OPEN) throw new FleetError("rate_limited", { public: `You have ${UPLOAD_MAX_OPEN} uploads open; finish some of them first.` });
  if (Number(open?.bytes ?? 0) + sizeBytes > UPLOAD_MAX_OPEN_BYTES) throw new FleetError("rate_limited", { public: `Your open uploads announce more than ${UPLOAD_MAX_OPEN_BYTES / 1024 ** 3} GiB together; finish some of them first.` });
}

async function uploadRow(tx: Tx, uploadId: string): Promise<Upload> {
  const row = await tx.upload.findUnique({ where: { id: uploadId } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such upload." });
  return row;
}

function refuseUnlessOpen(state: UploadView["state"], failure: string | null): void {
  switch (state) {
    case "open":
      return;
    case "complete":
      throw new FleetError("conflict", { public: "The upload is complete already." });
    case "failed":
      throw new FleetError("upload_mismatch", { public: failure ?? "The bytes were not those that were announced." });
    case "expired":
      throw new FleetError("upload_expired", { public: "The upload was not finished in time; start it again." });
  }
}

function missingParts(partCount: number, received: readonly number[]): number[] {
  const have = new Set(received);
  return Array.from({ length: partCount }, (_, index) => index + 1).filter((n) => !have.has(n));
}

function incomplete(missing: readonly number[], partCount: number): FleetError {
  const shown = missing.slice(0, 10).join(", ");
  return new FleetError("upload_incomplete", { public: `${missing.length} of ${partCount} parts are missing: ${shown}${missing.length > 10 ? ", …" : ""}.`, extra: { missingParts: missing.slice(0, 300) } });
}

async function viewOf(tx: Tx, row: Upload, isDuplicate: boolean): Promise<UploadView> {
  const parts = row.state === "open" ? await tx.uploadPart.findMany({ where: { uploadId: row.id }, orderBy: { n: "asc" }, select: { n: true } }) : [];
  const sizeBytes = Number(row.sizeBytes);
  return {
    uploadId: row.id,
    filename: row.filename,
    sizeBytes,
    sha256: row.sha256,
    partSizeBytes: row.partSizeBytes,
    partCount: partCountOf(sizeBytes, row.partSizeBytes),
    state: row.state,
    failure: row.failure,
    receivedParts: row.state === "complete" ? Array.from({ length: partCountOf(sizeBytes, row.partSizeBytes) }, (_, index) => index + 1) : parts.map((part) => part.n),
    partUrl: null,
    duplicate: isDuplicate,
  };
}
