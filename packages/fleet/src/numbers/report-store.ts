import type { Tx } from "@flotilla/db";
import type { Split } from "../datasets/index.ts";
import { findVersion } from "../models/version-view-store.ts";
import { requireRole, type Principal } from "../principal.ts";
import { evaluationsOf, outcomesOf } from "./evaluation-store.ts";
import { measurementsOf } from "./measurement-store.ts";
import { pairedDifference, worstClassOf } from "./paired-difference.ts";
import type { EvaluationView, VariantReport, VersionReportView } from "./types.ts";

/** Every number known of a version, with how it was measured. `not_found` when there is no such version. */
export async function versionReport(tx: Tx, principal: Principal, versionId: string): Promise<VersionReportView> {
  requireRole(principal, "models", "viewer");
  const version = await findVersion(tx, versionId);
  const made = await tx.versionReport.findUnique({ where: { versionId } });
  const ids = version.parentId === null ? [versionId] : [versionId, version.parentId];
  const evaluations = await evaluationsOf(tx, ids);
  return {
    versionId,
    modelId: version.modelId,
    number: version.number,
    parentId: version.parentId,
    optimizationId: version.optimizationId,
    label: version.variantLabel,
    kind: version.variantKind,
    offered: version.offered,
    notOfferedReason: version.notOfferedReason,
    recipe: version.recipe,
    recipeSha256: version.recipeSha256,
    toolVersions: version.toolVersions as Record<string, string> | null,
    sizeBytes: Number(version.sizeBytes),
    evaluations: evaluations.filter((evaluation) => evaluation.versionId === versionId),
    againstParent: version.parentId === null ? [] : await differences(tx, version.parentId, versionId, evaluations),
    measurements: await measurementsOf(tx, [version]),
    variant: (made?.report ?? null) as VariantReport | null,
  };
}

async function differences(tx: Tx, parentId: string, versionId: string, evaluations: readonly EvaluationView[]): Promise<VersionReportView["againstParent"]> {
  const found: VersionReportView["againstParent"] = [];
  for (const { datasetVersionId, numbers } of evaluations.filter((evaluation) => evaluation.versionId === versionId)) {
    const before = evaluations.find((other) => other.versionId === parentId && other.datasetVersionId === datasetVersionId && other.numbers.split === numbers.split);
    if (before === undefined) continue;
    const outcomes = await outcomesOf(tx, [parentId, versionId], datasetVersionId, numbers.split satisfies Split);
    const [first, second] = [outcomes.get(parentId), outcomes.get(versionId)];
    const difference = first === undefined || second === undefined ? null : pairedDifference(first, second, worstClassOf(before.numbers.classes, numbers.classes));
    if (difference !== null) found.push({ ...difference, datasetVersionId, split: numbers.split });
  }
  return found;
}
