import type { DatasetVersion, Prisma, Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import type { DatasetOptions } from "./options.ts";
import type { DatasetPreview, DatasetSummary, DatasetVersionView } from "./types.ts";

/** The preview has images in it and is asked for by itself. */
const withoutPreview = { preview: true } as const satisfies Prisma.DatasetVersionOmit;
type Row = Omit<DatasetVersion, "preview">;

/** The versions of a dataset, newest first. */
export async function listDatasetVersions(tx: Tx, principal: Principal, input: PageInput & { datasetId: string }): Promise<Page<DatasetVersionView>> {
  requireRole(principal, "models", "viewer");
  const limit = pageSize(input);
  if ((await tx.dataset.count({ where: { id: input.datasetId } })) === 0) throw new FleetError("not_found", { public: "There is no such dataset." });
  const rows = await tx.datasetVersion.findMany({
    where: { datasetId: input.datasetId, ...(input.cursor ? { id: { lt: input.cursor } } : {}) },
    omit: withoutPreview,
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const viewOf = await versionViewer(tx, rows);
  return pageOf(rows, limit, (row) => row.id, viewOf);
}

/** One dataset version by its id; `not_found` when there is none. */
export async function getDatasetVersion(tx: Tx, principal: Principal, id: string): Promise<DatasetVersionView> {
  requireRole(principal, "models", "viewer");
  return loadDatasetVersion(tx, id);
}

/** One dataset version by its dataset and number, with its preview (null until it is ready). */
export async function getNumberedDatasetVersion(
  tx: Tx,
  principal: Principal,
  input: { datasetId: string; number: number },
): Promise<DatasetVersionView & { preview: DatasetPreview | null }> {
  requireRole(principal, "models", "viewer");
  const row = await tx.datasetVersion.findUnique({ where: { datasetId_number: input } });
  if (row === null) throw new FleetError("not_found", { public: "The dataset has no such version." });
  return { ...(await versionViewer(tx, [row]))(row), preview: row.preview as DatasetPreview | null };
}

/** The row of a dataset version without its preview; `not_found` when there is none. */
export async function findDatasetVersion(tx: Tx, id: string): Promise<Row> {
  const row = await tx.datasetVersion.findUnique({ where: { id }, omit: withoutPreview });
  if (row === null) throw new FleetError("not_found", { public: "There is no such dataset version." });
  return row;
}

/** The view of one version, without asking who wants it. */
export async function loadDatasetVersion(tx: Tx, id: string): Promise<DatasetVersionView> {
  const row = await findDatasetVersion(tx, id);
  return (await versionViewer(tx, [row]))(row);
}

async function versionViewer(tx: Tx, rows: readonly Row[]): Promise<(row: Row) => DatasetVersionView> {
  const files = await tx.datasetFile.findMany({ where: { datasetVersionId: { in: rows.map((row) => row.id) } }, orderBy: { name: "asc" } });
  const datasets = await tx.dataset.findMany({ where: { id: { in: rows.map((row) => row.datasetId) } }, select: { id: true, name: true } });
  const datasetNames = new Map(datasets.map((dataset) => [dataset.id, dataset.name]));
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  return (row) => ({
    id: row.id,
    datasetId: row.datasetId,
    datasetName: datasetNames.get(row.datasetId) ?? "",
    number: row.number,
    state: row.state,
    rejectCode: row.rejectCode,
    rejectReason: row.rejectReason,
    options: row.options as DatasetOptions,
    sizeBytes: Number(row.sizeBytes),
    summary: row.summary as DatasetSummary | null,
    artifactSha256: row.artifactSha256,
    artifactBytes: row.artifactBytes === null ? null : Number(row.artifactBytes),
    importJobId: row.importJobId,
    createdAt: row.createdAt.toISOString(),
    createdByName: names.get(row.createdById) ?? row.createdById,
    decidedAt: row.decidedAt?.toISOString() ?? null,
    files: files.filter((file) => file.datasetVersionId === row.id).map(({ name, sha256, sizeBytes }) => ({ name, sha256, sizeBytes: Number(sizeBytes) })),
  });
}
