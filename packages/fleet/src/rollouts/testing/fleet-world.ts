import { createHash } from "node:crypto";
import { withSql, withTx, type Db, type Tx } from "@flotilla/db";
import type { BuildManifest, DeploymentReport, DeviceClass, RunningReport } from "@flotilla/protocol";
import { touchRegistry } from "../../devices/index.ts";
import type { Principal } from "../../principal.ts";
import { newId } from "../../id.ts";
import { reportDeployments } from "../report-store.ts";
import { targetsOf } from "../targets-store.ts";

/** Devices, builds and people in a test database, and what devices would say to a gateway. */
export const ada: Principal = { kind: "user", id: "usr_ada", name: "Ada", role: "operator" };
export const vic: Principal = { kind: "user", id: "usr_vic", name: "Vic", role: "viewer" };

export const classNames = ["pi4", "pi5", "jetson-nano", "x64"] as const;

export function classOf(name: string): DeviceClass {
  return { name, arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 2 ** 31, simulated: true };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Adds `count` devices spread evenly over the classes. All of them are seen at `at` and run nothing, unless `neverSeen`. */
export async function addDevices(db: Db, count: number, at: Date, options: { labels?: Record<string, string>; neverSeen?: boolean; classes?: readonly string[] } = {}): Promise<string[]> {
  const classes = options.classes ?? classNames;
  const ids = Array.from({ length: count }, () => newId("dev"));
  await withSql(db, async (sql) => {
    const nameOf = (i: number): string => classes[i % classes.length] ?? "pi4";
    await sql.query(
      `insert into device (id, name, public_key, labels, class_name, class, simulated)
       select d.id, d.id, 'key', d.labels, d.class_name, d.class, true from unnest($1::text[], $2::jsonb[], $3::text[], $4::jsonb[]) as d(id, labels, class_name, class)`,
      [ids, ids.map((_, i) => JSON.stringify({ class: nameOf(i), ...options.labels })), ids.map((_, i) => nameOf(i)), ids.map((_, i) => JSON.stringify(classOf(nameOf(i))))],
    );
    await touchRegistry(sql, ids);
    if (options.neverSeen === true) return;
    await sql.query(
      `insert into device_live (device_id, last_seen_at, boot_id, slots, resources) select id, $2::timestamptz, 'boot', '[]', '{}' from unnest($1::text[]) as d(id)`,
      [ids, at],
    );
  });
  return ids;
}

/** A ready build of one variant for these classes (none: any), with its manifest as an artifact. */
export async function addBuild(db: Db, name: string, classes: string[] = []): Promise<string> {
  const id = newId("bld");
  const manifest: BuildManifest = {
    schema: "flotilla/build-manifest/1", buildId: id, name, createdAt: "2026-01-01T00:00:00.000Z", settings: { intraOpThreads: 1, executionProviders: ["cpu"] },
    variants: [{
      versionId: `ver_${name}`, modelName: name, versionNumber: 1, classes, inputs: [], outputs: [], requiredMemoryBytes: 1_000,
      files: [{ name: "model.onnx", role: "model", sha256: modelSha256(id), sizeBytes: 10 }],
      golden: { sha256: sha256("golden"), sizeBytes: 10, relativeTolerance: 0.001, absoluteTolerance: 0.0001 },
    }],
  };
  await withTx(db, async (tx) => {
    await tx.artifact.create({ data: { sha256: manifestSha256(id), sizeBytes: 1234n } });
    await tx.build.create({ data: { id, name, state: "ready", settings: manifest.settings, manifestSha256: manifestSha256(id), manifest, createdById: ada.id } });
  });
  return id;
}

export const manifestSha256 = (buildId: string): string => sha256(`manifest ${buildId}`);
export const modelSha256 = (buildId: string): string => sha256(`model ${buildId}`);

export function runningOf(buildId: string): RunningReport {
  return { buildId, manifestSha256: manifestSha256(buildId), versionId: "ver", modelSha256: modelSha256(buildId), runningForMs: 1 };
}

/** Makes these devices run a build (or nothing), as their last syncs would have said. */
export async function setRunning(db: Db, deviceIds: readonly string[], buildId: string | null): Promise<void> {
  await withSql(db, (sql) => sql.query(
    `update device_live l set running_build_id = $2, running_sha256 = $3, phase = 'idle',
            target_version = greatest(l.target_version, coalesce((select t.target_version from device_target t where t.device_id = l.device_id), 0))
      where device_id = any($1::text[])`,
    [deviceIds, buildId, buildId === null ? null : manifestSha256(buildId)],
  ));
}

export async function seenAt(db: Db, deviceIds: readonly string[], at: Date): Promise<void> {
  await withSql(db, (sql) => sql.query("update device_live set last_seen_at = $2::timestamptz where device_id = any($1::text[])", [deviceIds, at]));
}

/** What a device does with an install. */
export type Behaviour = "succeed" | "fail_load" | "go_back" | "stay_silent" | "download_only";

/**
 * Lets every device that has a target of a deployment do its install as far as its behaviour goes, and report each
 * phase. Devices that succeed run the build afterwards. Answers how many reported.
 */
export async function devicesReport(db: Db, deviceIds: readonly string[], behaviourOf: (deviceId: string, buildId: string | null) => Behaviour): Promise<number> {
  const entries = await withSql(db, (sql) => targetsOf(sql, deviceIds));
  const live = await withSql(db, (sql) => sql.query<{ device_id: string; running_build_id: string | null }>("select device_id, running_build_id from device_live where device_id = any($1::text[])", [deviceIds]));
  const runningBefore = new Map(live.map((row) => [row.device_id, row.running_build_id]));
  const phases: { deviceId: string; report: DeploymentReport; running: RunningReport | null }[][] = [[], [], [], []];
  const runs = new Map<string | null, string[]>();
  for (const { deviceId, target } of entries) {
    if (target === null || target.deploymentId === null) continue;
    const buildId = target.build?.buildId ?? null;
    const behaviour = behaviourOf(deviceId, buildId);
    const before = runningBefore.get(deviceId) ?? null;
    const say = (phase: DeploymentReport["phase"], running: string | null, more: Partial<DeploymentReport> = {}): { deviceId: string; report: DeploymentReport; running: RunningReport | null } => ({
      deviceId, running: running === null ? null : runningOf(running),
      report: { deploymentId: target.deploymentId as string, targetVersion: target.targetVersion, attempt: 1, phase, ...more },
    });
    if (behaviour === "stay_silent") continue;
    phases[0]?.push(say("downloading", before));
    if (behaviour === "download_only") continue;
    phases[1]?.push(say("installing", before));
    phases[2]?.push(say("verifying", before));
    if (behaviour === "succeed") {
      phases[3]?.push(say("succeeded", buildId, buildId === null ? {} : { probe: { passed: true, loadMs: 1, maxAbsError: 0 } }));
      runs.set(buildId, [...(runs.get(buildId) ?? []), deviceId]);
    } else {
      const recovery = behaviour === "go_back" ? "rollback_complete" : "no_state_change";
      phases[3]?.push(say("failed", before, { failure: { code: behaviour === "go_back" ? "probation_failed" : "load_failed", detail: "the model could not be opened", recovery } }));
    }
  }
  for (const batch of phases) await withSql(db, (sql) => reportDeployments(sql, batch));
  for (const [buildId, ids] of runs) await setRunning(db, ids, buildId);
  return phases[0]?.length ?? 0;
}

export async function targetBuilds(db: Db, deviceIds: readonly string[]): Promise<Map<string, string | null>> {
  const entries = await withSql(db, (sql) => targetsOf(sql, deviceIds));
  return new Map(entries.map((entry) => [entry.deviceId, entry.target?.build?.buildId ?? null]));
}

export async function addFleet(db: Db, query = ""): Promise<string> {
  const id = newId("flt");
  await withTx(db, (tx) => tx.fleet.create({ data: { id, name: id, query, createdById: ada.id } }));
  return id;
}

/** Runs one domain function in its own transaction, as the API does. */
export function as<I, R>(db: Db, fn: (tx: Tx, principal: Principal, input: I) => Promise<R>, input: I, principal: Principal = ada): Promise<R> {
  return withTx(db, (tx) => fn(tx, principal, input));
}
