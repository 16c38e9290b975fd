import type { ModelVersion, Tx, VersionState } from "@flotilla/db";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { systemPrincipal, type Principal } from "../principal.ts";
import { nextVersionState, type VersionEvent } from "./transitions.ts";
import type { VersionInspection } from "./types.ts";

const worker = systemPrincipal("worker");

/**
 * Ends validation: the version may be built. `converted` takes the place of its files: what was uploaded is in `inspection.origin` then. False when it was decided
 * already (the import ran twice).
 */
export async function markVersionReady(tx: Tx, versionId: string, inspection: VersionInspection, converted: ModelFile | null = null): Promise<boolean> {
  const version = await moveVersion(tx, versionId, "accept", { inspection, rejectCode: null, rejectReason: null, decidedAt: new Date() });
  if (version === null) return false;
  if (converted !== null) await replaceFiles(tx, versionId, converted);
  await recordAudit(tx, worker, { action: "version.ready", objectKind: "version", objectId: versionId, ...(inspection.origin === undefined ? {} : { detail: { origin: inspection.origin } }) });
  return true;
}

type ModelFile = { name: string; sha256: string; sizeBytes: number };

async function replaceFiles(tx: Tx, versionId: string, { name, sha256, sizeBytes }: ModelFile): Promise<void> {
  await tx.artifact.createMany({ data: [{ sha256, sizeBytes: BigInt(sizeBytes) }], skipDuplicates: true });
  await tx.versionFile.deleteMany({ where: { versionId } });
  await tx.versionFile.create({ data: { versionId, name, role: "model", sha256, sizeBytes: BigInt(sizeBytes) } });
  await tx.modelVersion.update({ where: { id: versionId }, data: { sizeBytes: BigInt(sizeBytes) } });
}

/** Ends validation with a refusal that people read. False when the version was decided already. */
export async function markVersionRejected(tx: Tx, versionId: string, code: string, reason: string, principal: Principal = worker): Promise<boolean> {
  const version = await moveVersion(tx, versionId, "refuse", { rejectCode: code, rejectReason: reason, decidedAt: new Date() });
  if (version === null) return false;
  await recordAudit(tx, principal, { action: "version.reject", objectKind: "version", objectId: versionId, reason, detail: { code } });
  return true;
}

/** Opens a refused version again for the import job that now looks at it. False when it was not refused. */
export async function reopenVersion(tx: Tx, versionId: string, importJobId: string): Promise<boolean> {
  const version = await moveVersion(tx, versionId, "retry", { importJobId, rejectCode: null, rejectReason: null, decidedAt: null });
  return version !== null;
}

type VersionChange = {
  inspection?: VersionInspection;
  rejectCode?: string | null;
  rejectReason?: string | null;
  decidedAt?: Date | null;
  importJobId?: string;
};

/** The only writer of a version's state: compare-and-set from every state in which the event can happen. */
async function moveVersion(tx: Tx, versionId: string, event: VersionEvent, change: VersionChange): Promise<ModelVersion | null> {
  for (const from of ["validating", "ready", "rejected"] satisfies VersionState[]) {
    const to = nextVersionState(from, event);
    if (to === null) continue;
    const [moved] = await tx.modelVersion.updateManyAndReturn({ where: { id: versionId, state: from }, data: { ...change, state: to } });
    if (moved === undefined) continue;
    await recordChange(tx, "version", versionId);
    await recordChange(tx, "model", moved.modelId);
    return moved;
  }
  return null;
}
