import { sqlOf, type Model, type Tx, type VersionState } from "@flotilla/db";
import { FleetError } from "@flotilla/protocol";
import { actorNames } from "../access/actor-names-store.ts";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import type { Page, PageInput } from "../page.ts";
import { newestNamed, pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { nameOf, textOf } from "../text-rules.ts";
import type { ModelView } from "./types.ts";
import { findVersion } from "./version-view-store.ts";

/** Makes an empty model. `name_taken` when another has that name. */
export async function createModel(tx: Tx, principal: Principal, input: { name: string; description?: string | undefined }): Promise<ModelView> {
  requireRole(principal, "models", "operator");
  const name = nameOf("The model's name", input.name, 100);
  const description = textOf("The description", input.description ?? "", 10_000);
  const id = newId("mdl");
  const made = await tx.model.createMany({ data: [{ id, name, description, createdById: principal.id }], skipDuplicates: true });
  if (made.count === 0) throw new FleetError("name_taken", { public: `There is a model called ${name} already.` });
  await recordAudit(tx, principal, { action: "model.create", objectKind: "model", objectId: id, objectName: name });
  await recordChange(tx, "model", id);
  return loadModel(tx, id);
}

/** Models, newest first; `search` keeps those whose name holds it. */
export async function listModels(tx: Tx, principal: Principal, input: PageInput & { search?: string | undefined } = {}): Promise<Page<ModelView>> {
  requireRole(principal, "models", "viewer");
  const limit = pageSize(input);
  const rows = await tx.model.findMany(newestNamed(input, limit));
  const viewOf = await modelViewer(tx, rows);
  return pageOf(rows, limit, (row) => row.id, viewOf);
}

/** One model; `not_found` when there is none. */
export async function getModel(tx: Tx, principal: Principal, id: string): Promise<ModelView> {
  requireRole(principal, "models", "viewer");
  return loadModel(tx, id);
}

/** Points a name such as "production" at a ready version of the model; an existing alias moves. */
export async function setAlias(tx: Tx, principal: Principal, input: { modelId: string; alias: string; versionId: string }): Promise<ModelView> {
  requireRole(principal, "models", "operator");
  const alias = input.alias.trim();
  if (!/^[a-z][a-z0-9._-]{0,62}$/.test(alias)) {
    throw new FleetError("bad_request", { public: "An alias begins with a small letter and has at most 63 small letters, digits, '.', '_' or '-'." });
  }
  const version = await findVersion(tx, input.versionId);
  if (version.modelId !== input.modelId) throw new FleetError("not_found", { public: "The model has no such version." });
  if (version.state !== "ready") throw new FleetError("version_not_ready", { public: `Version ${version.number} is ${version.state}; an alias names a ready one.` });
  await tx.modelAlias.upsert({
    where: { modelId_alias: { modelId: input.modelId, alias } },
    create: { modelId: input.modelId, alias, versionId: version.id },
    update: { versionId: version.id },
  });
  await recordAudit(tx, principal, { action: "model.set_alias", objectKind: "model", objectId: input.modelId, detail: { alias, versionId: version.id, number: version.number } });
  await recordChange(tx, "model", input.modelId);
  return loadModel(tx, input.modelId);
}

/** Takes a name away. `not_found` when the model has no such alias. */
export async function removeAlias(tx: Tx, principal: Principal, input: { modelId: string; alias: string }): Promise<ModelView> {
  requireRole(principal, "models", "operator");
  const gone = await tx.modelAlias.deleteMany({ where: { modelId: input.modelId, alias: input.alias } });
  if (gone.count === 0) throw new FleetError("not_found", { public: "The model has no such alias." });
  await recordAudit(tx, principal, { action: "model.remove_alias", objectKind: "model", objectId: input.modelId, detail: { alias: input.alias } });
  await recordChange(tx, "model", input.modelId);
  return loadModel(tx, input.modelId);
}

async function loadModel(tx: Tx, id: string): Promise<ModelView> {
  const row = await tx.model.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such model." });
  return (await modelViewer(tx, [row]))(row);
}

type VersionFacts = { model_id: string; versions: number; id: string; number: number; state: VersionState };

/** Loads in four queries what the views of these models need besides the rows. */
async function modelViewer(tx: Tx, rows: readonly Model[]): Promise<(row: Model) => ModelView> {
  const ids = rows.map((row) => row.id);
  const sql = sqlOf(tx);
  const facts = await sql.query<VersionFacts>(
    `select distinct on (model_id) model_id, (count(*) over (partition by model_id))::int as versions, id, number, state
     from model_version where model_id = any($1::text[]) order by model_id, number desc`,
    [ids],
  );
  const running = await sql.query<{ model_id: string; devices: number }>(
    `select v.model_id, count(*)::int as devices from device_live l join device d on d.id = l.device_id and d.state = 'active'
     join model_version v on v.id = l.running_version_id where v.model_id = any($1::text[]) group by 1`,
    [ids],
  );
  const aliases = await sql.query<{ model_id: string; alias: string; versionId: string; number: number }>(
    `select a.model_id, a.alias, a.version_id as "versionId", v.number from model_alias a join model_version v on v.id = a.version_id
     where a.model_id = any($1::text[]) order by a.alias`,
    [ids],
  );
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  const factsOf = new Map(facts.map((fact) => [fact.model_id, fact]));
  const devicesOf = new Map(running.map((row) => [row.model_id, row.devices]));
  return (row) => {
    const fact = factsOf.get(row.id);
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      createdAt: row.createdAt.toISOString(),
      createdByName: names.get(row.createdById) ?? row.createdById,
      versionCount: fact?.versions ?? 0,
      newest: fact === undefined ? null : { id: fact.id, number: fact.number, state: fact.state },
      aliases: aliases.filter((alias) => alias.model_id === row.id).map(({ alias, versionId, number }) => ({ alias, versionId, number })),
      runningDevices: devicesOf.get(row.id) ?? 0,
    };
  };
}
