import { sqlOf, type ModelVersion, type Tx, type VersionFile } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import type { Preprocessing } from "./preprocessing.ts";
import type { VersionInspection, VersionUse, VersionView } from "./types.ts";

/** One version; `not_found` when there is none. */
export async function getVersion(tx: Tx, principal: Principal, id: string): Promise<VersionView> {
  requireRole(principal, "models", "viewer");
  return loadVersionView(tx, id);
}

/** The versions of a model, newest first; with `number` at most that one. */
export async function listVersions(
  tx: Tx,
  principal: Principal,
  input: PageInput & { modelId: string; number?: number | undefined },
): Promise<Page<VersionView>> {
  requireRole(principal, "models", "viewer");
  const limit = pageSize(input);
  if ((await tx.model.count({ where: { id: input.modelId } })) === 0) throw new FleetError("not_found", { public: "There is no such model." });
  const rows = await tx.modelVersion.findMany({
    where: { modelId: input.modelId, ...(input.number === undefined ? {} : { number: input.number }), ...(input.cursor ? { id: { lt: input.cursor } } : {}) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const views = await versionViews(tx, rows.slice(0, limit));
  return pageOf(rows, limit, (row) => row.id, (row) => views.get(row.id) as VersionView);
}

/** Builds that hold a version, and the devices that attest to run it. */
export async function versionUse(tx: Tx, principal: Principal, versionId: string): Promise<VersionUse> {
  requireRole(principal, "models", "viewer");
  await findVersion(tx, versionId);
  const sql = sqlOf(tx);
  const builds = await sql.query<{ id: string; name: string }>(
    "select b.id, b.name from build b where b.id in (select build_id from build_variant where version_id = $1) order by b.id desc limit 200",
    [versionId],
  );
  const devicesByClass = await sql.query<{ className: string; devices: number }>(
    `select d.class_name as "className", count(*)::int as devices from device_live l join device d on d.id = l.device_id
     where l.running_version_id = $1 and d.state = 'active' group by 1 order by 2 desc, 1`,
    [versionId],
  );
  return { builds, devicesByClass, runningDevices: devicesByClass.reduce((sum, row) => sum + row.devices, 0) };
}

/** The row of a version; `not_found` when there is none. */
export async function findVersion(tx: Tx, id: string): Promise<ModelVersion> {
  const row = await tx.modelVersion.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such model version." });
  return row;
}

/** The view of one version, without asking who wants it. */
export async function loadVersionView(tx: Tx, id: string): Promise<VersionView> {
  const views = await versionViews(tx, [await findVersion(tx, id)]);
  return views.get(id) as VersionView;
}

async function versionViews(tx: Tx, rows: readonly ModelVersion[]): Promise<Map<string, VersionView>> {
  const ids = rows.map((row) => row.id);
  const files = await tx.versionFile.findMany({ where: { versionId: { in: ids } }, orderBy: [{ role: "desc" }, { name: "asc" }] });
  const aliases = await tx.modelAlias.findMany({ where: { versionId: { in: ids } }, orderBy: { alias: "asc" } });
  const models = await tx.model.findMany({ where: { id: { in: rows.map((row) => row.modelId) } }, select: { id: true, name: true } });
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  const modelNames = new Map(models.map((model) => [model.id, model.name]));
  return new Map(
    rows.map((row) => [
      row.id,
      {
        id: row.id,
        modelId: row.modelId,
        modelName: modelNames.get(row.modelId) ?? "",
        number: row.number,
        state: row.state,
        rejectCode: row.rejectCode,
        rejectReason: row.rejectReason,
        source: row.source,
        parentId: row.parentId,
        importJobId: row.importJobId,
        sizeBytes: Number(row.sizeBytes),
        notes: row.notes,
        createdAt: row.createdAt.toISOString(),
        createdByName: names.get(row.createdById) ?? row.createdById,
        decidedAt: row.decidedAt?.toISOString() ?? null,
        files: files.filter((file) => file.versionId === row.id).map(fileView),
        aliases: aliases.filter((alias) => alias.versionId === row.id).map((alias) => alias.alias),
        inspection: row.inspection as VersionInspection | null,
        optimizationId: row.optimizationId,
        trainingId: row.trainingId,
        variantKind: row.variantKind,
        variantLabel: row.variantLabel,
        recipeSha256: row.recipeSha256,
        offered: row.offered,
        notOfferedReason: row.notOfferedReason,
        preprocessing: row.preprocessing as Preprocessing | null,
      } satisfies VersionView,
    ]),
  );
}

function fileView(file: VersionFile): VersionView["files"][number] {
  return { name: file.name, role: file.role === "model" ? "model" : "external_data", sha256: file.sha256, sizeBytes: Number(file.sizeBytes) };
}
