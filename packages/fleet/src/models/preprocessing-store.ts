import type { Tx } from "@flotilla/db";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { requireRole, type Principal } from "../principal.ts";
import { parsePreprocessing, suggestPreprocessing, type Preprocessing } from "./preprocessing.ts";
import type { VersionInspection } from "./types.ts";
import { findVersion } from "./version-view-store.ts";

/** How examples become the version's input: what people said, and a guess to begin with. */
export type PreprocessingView = { preprocessing: Preprocessing | null; suggested: Preprocessing | null };

export async function getPreprocessing(tx: Tx, principal: Principal, versionId: string): Promise<PreprocessingView> {
  requireRole(principal, "models", "viewer");
  const version = await findVersion(tx, versionId);
  const inspection = version.inspection as VersionInspection | null;
  return { preprocessing: version.preprocessing as Preprocessing | null, suggested: inspection === null ? null : suggestPreprocessing(inspection) };
}

/** Says how examples become the version's input. Variants made from now on inherit it; numbers measured before keep theirs. */
export async function setPreprocessing(tx: Tx, principal: Principal, input: { versionId: string; preprocessing: unknown }): Promise<PreprocessingView> {
  requireRole(principal, "models", "operator");
  const version = await findVersion(tx, input.versionId);
  const preprocessing = parsePreprocessing(input.preprocessing, version.inspection as VersionInspection | null);
  await tx.modelVersion.update({ where: { id: version.id }, data: { preprocessing } });
  await recordAudit(tx, principal, { action: "version.set_preprocessing", objectKind: "version", objectId: version.id, detail: { preprocessing } });
  await recordChange(tx, "version", version.id);
  return getPreprocessing(tx, principal, version.id);
}
