import type { DatasetVersion, Prisma, Tx } from "@flotilla/db";
import type { ArtifactRef } from "@flotilla/protocol";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import type { FittingTemplate } from "../trainings/types.ts";
import { nextDatasetVersionState, type DatasetVersionEvent } from "./transitions.ts";
import type { DatasetPreview, DatasetSummary, DatasetVersionStateName } from "./types.ts";

const worker = systemPrincipal("worker");

/** What an import made of the files: the canonical artifact is in the store already. */
type ImportedDataset = { artifact: ArtifactRef; summary: DatasetSummary; preview: DatasetPreview; templates: FittingTemplate[] };

/** Ends an import: the version may be used. False when it was decided already (the job ran twice). */
export async function markDatasetReady(tx: Tx, id: string, imported: ImportedDataset): Promise<boolean> {
  const { artifact, summary, preview, templates } = imported;
  await tx.artifact.createMany({ data: [{ sha256: artifact.sha256, sizeBytes: BigInt(artifact.sizeBytes) }], skipDuplicates: true });
  const moved = await moveDatasetVersion(tx, id, "accept", {
    summary, preview, templates, artifactSha256: artifact.sha256, artifactBytes: BigInt(artifact.sizeBytes), rejectCode: null, rejectReason: null, decidedAt: new Date(),
  });
  if (moved === null) return false;
  await recordAudit(tx, worker, { action: "dataset_version.ready", objectKind: "dataset_version", objectId: id });
  return true;
}

/** Ends an import with a refusal that people read. False when the version was decided already. */
export async function markDatasetRejected(tx: Tx, id: string, code: string, reason: string, principal: Principal = worker): Promise<boolean> {
  const moved = await moveDatasetVersion(tx, id, "refuse", { rejectCode: code, rejectReason: reason, decidedAt: new Date() });
  if (moved === null) return false;
  await recordAudit(tx, principal, { action: "dataset_version.reject", objectKind: "dataset_version", objectId: id, reason, detail: { code } });
  return true;
}

/** Opens a refused version again for the import job that now looks at it. False when it was not refused. */
export async function reopenDatasetVersion(tx: Tx, id: string, importJobId: string): Promise<boolean> {
  return (await moveDatasetVersion(tx, id, "retry", { importJobId, rejectCode: null, rejectReason: null, decidedAt: null })) !== null;
}

/** The only writer of a dataset version's state: compare-and-set from every state in which the event can happen. */
async function moveDatasetVersion(tx: Tx, id: string, event: DatasetVersionEvent, change: Omit<Prisma.DatasetVersionUncheckedUpdateManyInput, "state">): Promise<DatasetVersion | null> {
  for (const from of ["importing", "ready", "rejected"] satisfies DatasetVersionStateName[]) {
    const to = nextDatasetVersionState(from, event);
    if (to === null) continue;
    const [moved] = await tx.datasetVersion.updateManyAndReturn({ where: { id, state: from }, data: { ...change, state: to } });
    if (moved === undefined) continue;
    await recordChange(tx, "dataset", moved.datasetId);
    return moved;
  }
  return null;
}
