import { sqlOf, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { uploadedFiles } from "../artifacts/finished-uploads-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { insertJob } from "../jobs/insert-store.ts";
import { requireRole, type Principal } from "../principal.ts";
import { textOf } from "../text-rules.ts";
import { reopenVersion } from "./decision-store.ts";
import type { VersionView } from "./types.ts";
import { planFiles } from "./version-files.ts";
import { findVersion, loadVersionView } from "./version-view-store.ts";

/**
 * Makes a version out of finished uploads and starts its import job. Its number is the model's next one, also when many
 * are made at once. `upload_incomplete`, `upload_mismatch` or `upload_expired` when the bytes are not all there.
 */
export async function createVersion(
  tx: Tx,
  principal: Principal,
  input: { modelId: string; files: readonly { uploadId: string }[]; notes?: string | undefined },
): Promise<VersionView> {
  requireRole(principal, "models", "operator");
  const notes = textOf("The notes", input.notes ?? "", 10_000);
  const files = planFiles(await uploadedFiles(tx, input.files.map((file) => file.uploadId)));
  const { number, modelName } = await takeVersionNumber(tx, input.modelId);
  const id = newId("ver");
  await tx.modelVersion.create({
    data: {
      id,
      modelId: input.modelId,
      number,
      sizeBytes: BigInt(files.reduce((sum, file) => sum + file.sizeBytes, 0)),
      notes,
      createdById: principal.id,
      files: { createMany: { data: files.map((file) => ({ ...file, sizeBytes: BigInt(file.sizeBytes) })) } },
    },
  });
  const job = await insertJob(tx, principal, { kind: "import", payload: { versionId: id }, subject: { kind: "version", id } });
  await tx.modelVersion.update({ where: { id }, data: { importJobId: job.id } });
  await recordAudit(tx, principal, { action: "version.create", objectKind: "version", objectId: id, objectName: `${modelName} v${number}`, detail: { files } });
  await recordChange(tx, "version", id);
  await recordChange(tx, "model", input.modelId);
  return loadVersionView(tx, id);
}

/** Looks at a refused version again, in a new job: for refusals by limits or mishaps that have passed. */
export async function retryImport(tx: Tx, principal: Principal, input: { versionId: string; reason?: string | undefined }): Promise<VersionView> {
  requireRole(principal, "models", "operator");
  const version = await findVersion(tx, input.versionId);
  const job = await insertJob(tx, principal, { kind: "import", payload: { versionId: version.id }, subject: { kind: "version", id: version.id } });
  if (!(await reopenVersion(tx, version.id, job.id))) {
    throw new FleetError("illegal_transition", { public: `The version is ${version.state}; only a rejected one can be looked at again.` });
  }
  await recordAudit(tx, principal, { action: "version.retry", objectKind: "version", objectId: version.id, reason: input.reason });
  return loadVersionView(tx, version.id);
}

/** The model's row stays locked until the transaction ends, so numbers have no gaps and no doubles. */
export async function takeVersionNumber(tx: Tx, modelId: string): Promise<{ number: number; modelName: string }> {
  const [row] = await sqlOf(tx).query<{ number: number; name: string }>(
    "update model set next_number = next_number + 1 where id = $1 returning next_number - 1 as number, name",
    [modelId],
  );
  if (row === undefined) throw new FleetError("not_found", { public: "There is no such model." });
  return { number: row.number, modelName: row.name };
}
