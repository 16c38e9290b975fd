import { sqlOf, type Build, type Tx } from "@flotilla/db";
import { FleetError, buildSettingsSchema, labelValueSchema, type BuildManifest, type BuildSettings } from "@flotilla/protocol";
import { z } from "zod";
import { actorNames } from "../access/actor-names-store.ts";
import { recordAudit } from "../access/audit-store.ts";
import { recordChange } from "../changes/index.ts";
import { newId } from "../id.ts";
import { insertJob } from "../jobs/insert-store.ts";
import type { Page, PageInput } from "../page.ts";
import { pageOf, pageSize } from "../page-query.ts";
import { requireRole, type Principal } from "../principal.ts";
import { nameOf } from "../text-rules.ts";
import type { BuildView } from "./types.ts";

/** As many variants, and classes per variant, as a manifest can name. */
const MAX_VARIANTS = 16;
const MAX_CLASSES = 64;

/** What a person asks for: versions in order of preference, each for all device classes or for those named. */
export type NewBuild = {
  name: string;
  variants: readonly { versionId: string; classes?: readonly string[] | undefined }[];
  settings?: { intraOpThreads?: number | undefined; executionProviders?: readonly string[] | undefined } | undefined;
};

/** Makes a pending build and the job that writes its manifest. `version_not_ready` unless every version is. */
export async function createBuild(tx: Tx, principal: Principal, input: NewBuild): Promise<BuildView> {
  requireRole(principal, "builds", "operator");
  const name = nameOf("The build's name", input.name, 100);
  const settings = settingsOf(input.settings);
  const variants = variantsOf(input.variants);
  await requireReadyVersions(tx, variants.map((variant) => variant.versionId));
  const id = newId("bld");
  const made = await tx.build.createMany({ data: [{ id, name, settings, createdById: principal.id }], skipDuplicates: true });
  if (made.count === 0) throw new FleetError("name_taken", { public: `There is a build called ${name} already.` });
  await tx.buildVariant.createMany({ data: variants.map((variant, position) => ({ buildId: id, position, ...variant })) });
  const job = await insertJob(tx, principal, { kind: "build", payload: { buildId: id }, subject: { kind: "build", id } });
  await tx.build.update({ where: { id }, data: { jobId: job.id } });
  await recordAudit(tx, principal, { action: "build.create", objectKind: "build", objectId: id, objectName: name, detail: { variants, settings } });
  await recordChange(tx, "build", id);
  return loadBuild(tx, id);
}

/** Builds, newest first. */
export async function listBuilds(tx: Tx, principal: Principal, input: PageInput & { state?: BuildView["state"] | undefined } = {}): Promise<Page<BuildView>> {
  requireRole(principal, "builds", "viewer");
  const limit = pageSize(input);
  const rows = await tx.build.findMany({
    where: { ...(input.cursor ? { id: { lt: input.cursor } } : {}), ...(input.state ? { state: input.state } : {}) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  const viewOf = await buildViewer(tx, rows);
  return pageOf(rows, limit, (row) => row.id, viewOf);
}

/** One build; `not_found` when there is none. */
export async function getBuild(tx: Tx, principal: Principal, id: string): Promise<BuildView> {
  requireRole(principal, "builds", "viewer");
  return loadBuild(tx, id);
}

async function loadBuild(tx: Tx, id: string): Promise<BuildView> {
  const row = await tx.build.findUnique({ where: { id } });
  if (row === null) throw new FleetError("not_found", { public: "There is no such build." });
  return (await buildViewer(tx, [row]))(row);
}

function settingsOf(input: NewBuild["settings"]): BuildSettings {
  const parsed = buildSettingsSchema.safeParse(input ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FleetError("bad_request", { public: `settings.${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` });
}

const classesSchema = z.array(labelValueSchema.min(1)).max(MAX_CLASSES);

function variantsOf(input: NewBuild["variants"]): { versionId: string; classes: string[] }[] {
  if (input.length < 1 || input.length > MAX_VARIANTS) throw new FleetError("bad_request", { public: `A build has 1 to ${MAX_VARIANTS} variants.` });
  if (new Set(input.map((variant) => variant.versionId)).size < input.length) throw new FleetError("bad_request", { public: "A build names each version once." });
  return input.map(({ versionId, classes }) => {
    const parsed = classesSchema.safeParse([...new Set(classes ?? [])]);
    if (!parsed.success) throw new FleetError("bad_request", { public: `Device classes: ${parsed.error.issues[0]?.message ?? "not valid"}.` });
    return { versionId, classes: parsed.data };
  });
}

async function requireReadyVersions(tx: Tx, ids: readonly string[]): Promise<void> {
  const versions = await tx.modelVersion.findMany({ where: { id: { in: [...ids] } }, select: { id: true, state: true, number: true, offered: true, notOfferedReason: true, model: { select: { name: true } } } });
  if (versions.length < ids.length) throw new FleetError("not_found", { public: "There is no such model version." });
  const waiting = versions.find((version) => version.state !== "ready");
  if (waiting !== undefined) {
    throw new FleetError("version_not_ready", { public: `${waiting.model.name} v${waiting.number} is ${waiting.state}; a build is made of ready versions.` });
  }
  const refused = versions.find((version) => !version.offered);
  if (refused !== undefined) throw new FleetError("version_not_offered", { public: `${refused.model.name} v${refused.number} is not offered for builds: ${refused.notOfferedReason ?? "it does not help"}` });
}

type VariantRow = { build_id: string; versionId: string; modelName: string; number: number; classes: string[]; sizeBytes: bigint };

/** Loads in four queries what the views of these builds need besides the rows. */
async function buildViewer(tx: Tx, rows: readonly Build[]): Promise<(row: Build) => BuildView> {
  const ids = rows.map((row) => row.id);
  const sql = sqlOf(tx);
  const variants = await sql.query<VariantRow>(
    `select b.build_id, b.version_id as "versionId", m.name as "modelName", v.number, b.classes, v.size_bytes as "sizeBytes"
     from build_variant b join model_version v on v.id = b.version_id join model m on m.id = v.model_id
     where b.build_id = any($1::text[]) order by b.build_id, b.position`,
    [ids],
  );
  const running = await sql.query<{ id: string; devices: number }>(
    `select l.running_build_id as id, count(*)::int as devices from device_live l join device d on d.id = l.device_id and d.state = 'active'
     where l.running_build_id = any($1::text[]) group by 1`,
    [ids],
  );
  const rollouts = await tx.rollout.findMany({ where: { buildId: { in: ids } }, select: { id: true, name: true, state: true, buildId: true }, orderBy: { id: "desc" }, take: 1_000 });
  const names = await actorNames(tx, rows.map((row) => row.createdById));
  const devicesOf = new Map(running.map((row) => [row.id, row.devices]));
  return (row) => ({
    id: row.id,
    name: row.name,
    state: row.state,
    failure: row.failure,
    settings: row.settings as BuildSettings,
    manifestSha256: row.manifestSha256,
    manifest: row.manifest as BuildManifest | null,
    jobId: row.jobId,
    createdAt: row.createdAt.toISOString(),
    createdByName: names.get(row.createdById) ?? row.createdById,
    variants: variants
      .filter((variant) => variant.build_id === row.id)
      .map(({ versionId, modelName, number, classes, sizeBytes }) => ({ versionId, modelName, number, classes, sizeBytes: Number(sizeBytes) })),
    runningDevices: devicesOf.get(row.id) ?? 0,
    rollouts: rollouts.filter((rollout) => rollout.buildId === row.id).map(({ id, name, state }) => ({ id, name, state })),
  });
}
