import { sqlOf, type Dataset, type Tx } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import type { Page, PageInput } from "../page.ts";
import { newestNamed, pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { nameOf, textOf } from "../text-rules.ts";
import type { DatasetView } from "./types.ts";

/** Makes an empty dataset. `name_taken` when another has that name. */
export async function createDataset(tx: Tx, principal: Principal, input: { name: string; description?: string | undefined }): Promise<DatasetView> {
  requireRole(principal, "models", "operator");
  const name = nameOf("The dataset's name", input.name, 100);
  const description = textOf("The description", input.description ?? "", 10_000);
  const id = newId("dst");
  const made = await tx.dataset.createMany({ data: [{ id, name, description, createdById: principal.id }], skipDuplicates: true });
  if (made.count === 0) throw new FleetError("name_taken", { public: `There is a dataset called ${name} already.` });
  await recordAudit(tx, principal, { action: "dataset.create", objectKind: "dataset", objectId: id, objectName: name });
  await recordChange(tx, "dataset", id);
  return loadDataset(tx, id);
}

/** Datasets, newest first; `search` keeps those whose name holds it. */
export async function listDatasets(tx: Tx, principal: Principal, input: PageInput & { search?: string | undefined } = {}): Promise<Page<DatasetView>> {
  requireRole(principal, "models", "viewer");
  const limit = pageSize(input);
  const rows = await tx.dataset.findMany(newestNamed(input, limit));
  const viewOf = await datasetViewer(tx, rows);
  return pageOf(rows, limit, (row) => row.id, viewOf);
}

/** One dataset; `not_found` when there is none. */
export async function getDataset(tx: Tx, principal: Principal, id: string): Promise<DatasetView> {
  requireRole(principal, "models", "viewer");
  return loadDataset(tx, id);
}

async function loadDataset(tx: Tx, id: string): Promise<DatasetView> {
  const row = await tx.dataset.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such dataset." });
  return (await datasetViewer(tx, [row]))(row);
}

type NewestVersion = NonNullable<DatasetView["newest"]> & { dataset_id: string; versions: number };

async function datasetViewer(tx: Tx, rows: readonly Dataset[]): Promise<(row: Dataset) => DatasetView> {
  const found = await sqlOf(tx).query<NewestVersion>(
    `select distinct on (dataset_id) dataset_id, (count(*) over (partition by dataset_id))::int as versions, id, number, state::text as state,
            summary->>'kind' as kind, summary->>'task' as task, summary->'counts' as counts, jsonb_array_length(summary->'classes') as "classCount"
     from dataset_version where dataset_id = any($1::text[]) order by dataset_id, number desc`,
    [rows.map((row) => row.id)],
  );
  const newestOf = new Map(found.map((version) => [version.dataset_id, version]));
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  return (row) => {
    const newest = newestOf.get(row.id);
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      createdAt: row.createdAt.toISOString(),
      createdByName: names.get(row.createdById) ?? row.createdById,
      versionCount: newest?.versions ?? 0,
      newest: newest === undefined ? null : newestView(newest),
    };
  };
}

function newestView({ id, number, state, kind, task, counts, classCount }: NewestVersion): NonNullable<DatasetView["newest"]> {
  return { id, number, state, kind, task, counts, classCount };
}
