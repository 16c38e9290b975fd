import { sqlOf, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { uploadedFiles } from "../artifacts/finished-uploads-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { insertJob } from "../jobs/insert-store.ts";
import { safeFileName, type UploadedFile } from "../models/version-files.ts";
import { requireRole, type Principal } from "../principal.ts";
import { reopenDatasetVersion } from "./decision-store.ts";
import { parseDatasetOptions, type DatasetOptionsInput } from "./options.ts";
import type { DatasetVersionView } from "./types.ts";
import { findDatasetVersion, loadDatasetVersion } from "./version-view-store.ts";

/** Images and labels of train and test, as IDX comes, and as many again. */
const MAX_FILES = 16;

/**
 * Makes a version of finished uploads and starts its import job. `upload_incomplete`, `upload_mismatch` or `upload_expired`
 * when the bytes are not all there.
 */
export async function createDatasetVersion(
  tx: Tx,
  principal: Principal,
  input: { datasetId: string; files: readonly { uploadId: string }[]; options?: DatasetOptionsInput | undefined },
): Promise<DatasetVersionView> {
  requireRole(principal, "models", "operator");
  const options = parseDatasetOptions(input.options);
  const files = namedFiles(await uploadedFiles(tx, input.files.map((file) => file.uploadId)));
  const { number, name } = await takeNumber(tx, input.datasetId);
  const id = newId("dsv");
  await tx.datasetVersion.create({
    data: {
      id, datasetId: input.datasetId, number, options, createdById: principal.id,
      sizeBytes: BigInt(files.reduce((sum, file) => sum + file.sizeBytes, 0)),
      files: { createMany: { data: files.map((file) => ({ ...file, sizeBytes: BigInt(file.sizeBytes) })) } },
    },
  });
  const job = await insertJob(tx, principal, { kind: "import", payload: { datasetVersionId: id }, subject: { kind: "dataset_version", id } });
  await tx.datasetVersion.update({ where: { id }, data: { importJobId: job.id } });
  await recordAudit(tx, principal, { action: "dataset_version.create", objectKind: "dataset_version", objectId: id, objectName: `${name} v${number}`, detail: { files, options } });
  await recordChange(tx, "dataset", input.datasetId);
  return loadDatasetVersion(tx, id);
}

/** Looks at a refused version again, in a new job: for refusals by limits or mishaps that have passed. */
export async function retryDatasetImport(tx: Tx, principal: Principal, input: { id: string; reason?: string | undefined }): Promise<DatasetVersionView> {
  requireRole(principal, "models", "operator");
  const version = await findDatasetVersion(tx, input.id);
  const job = await insertJob(tx, principal, { kind: "import", payload: { datasetVersionId: version.id }, subject: { kind: "dataset_version", id: version.id } });
  if (!(await reopenDatasetVersion(tx, version.id, job.id))) {
    throw new FleetError("illegal_transition", { public: `The dataset version is ${version.state}; only a rejected one can be looked at again.` });
  }
  await recordAudit(tx, principal, { action: "dataset_version.retry", objectKind: "dataset_version", objectId: version.id, reason: input.reason });
  return loadDatasetVersion(tx, version.id);
}

function namedFiles(files: readonly UploadedFile[]): { name: string; sha256: string; sizeBytes: number }[] {
  if (files.length === 0 || files.length > MAX_FILES) throw new FleetError("bad_request", { public: `A dataset version has 1 to ${MAX_FILES} files.` });
  const named = files.map(({ filename, sha256, sizeBytes }) => ({ name: safeFileName(filename), sha256, sizeBytes }));
  if (new Set(named.map(({ name }) => name.toLowerCase())).size < named.length) throw new FleetError("bad_request", { public: "Two of the files have the same name." });
  return named;
}

/** The dataset's row stays locked until the transaction ends, so numbers have no gaps and no doubles. */
async function takeNumber(tx: Tx, datasetId: string): Promise<{ number: number; name: string }> {
  const [row] = await sqlOf(tx).query<{ number: number; name: string }>(
    "update dataset set next_number = next_number + 1 where id = $1 returning next_number - 1 as number, name",
    [datasetId],
  );
  if (row === undefined) throw new FleetError("not_found", { public: "There is no such dataset." });
  return row;
}
