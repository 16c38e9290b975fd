import { createHash } from "node:crypto";
import { withSql, withTx, type Db } from "@flotilla/db";
import { newId } from "@flotilla/fleet";
import type { BuildManifest, DeviceClass } from "@flotilla/protocol";

/** Rows of devices and builds as gateways and workers would have left them. */
const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

const classOf = (name: string): DeviceClass => ({
  name, arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 2 ** 31, simulated: true,
});

/** Devices called `{prefix}-000` and on, last seen now unless `silent`; running nothing. */
export async function addDevices(db: Db, count: number, options: { prefix: string; className: string; labels?: Record<string, string>; silent?: boolean }): Promise<{ id: string; name: string }[]> {
  const devices = Array.from({ length: count }, (_, i) => ({ id: newId("dev"), name: `${options.prefix}-${String(i).padStart(3, "0")}` }));
  const labels = JSON.stringify({ class: options.className, arch: "arm64", ...options.labels });
  const seenAt = new Date(Date.now() - (options.silent === true ? 86_400_000 : 0));
  await withSql(db, async (sql) => {
    await sql.query(
      `insert into device (id, name, public_key, labels, class_name, class, simulated)
       select d.id, d.name, 'key', $3::jsonb, $4, $5::jsonb, true from unnest($1::text[], $2::text[]) as d(id, name)`,
      [devices.map((d) => d.id), devices.map((d) => d.name), labels, options.className, JSON.stringify(classOf(options.className))],
    );
    await sql.query("insert into device_live (device_id, last_seen_at, boot_id, slots, resources) select id, $2::timestamptz, 'boot', '[]', '{}' from unnest($1::text[]) as d(id)", [devices.map((d) => d.id), seenAt]);
  });
  return devices;
}

/** A ready build of one variant for these classes (none: any). */
export async function addBuild(db: Db, name: string, classes: string[] = []): Promise<string> {
  const id = newId("bld");
  const manifest: BuildManifest = {
    schema: "flotilla/build-manifest/1", buildId: id, name, createdAt: "2026-01-01T00:00:00.000Z", settings: { intraOpThreads: 1, executionProviders: ["cpu"] },
    variants: [{
      versionId: `ver_${name}`, modelName: name, versionNumber: 1, classes, inputs: [], outputs: [], requiredMemoryBytes: 1_000,
      files: [{ name: "model.onnx", role: "model", sha256: digest(`model ${id}`), sizeBytes: 10 }],
      golden: { sha256: digest("golden"), sizeBytes: 10, relativeTolerance: 0.001, absoluteTolerance: 0.0001 },
    }],
  };
  await withTx(db, async (tx) => {
    await tx.artifact.create({ data: { sha256: digest(`manifest ${id}`), sizeBytes: 1234n } });
    await tx.build.create({ data: { id, name, state: "ready", settings: manifest.settings, manifestSha256: digest(`manifest ${id}`), manifest, createdById: "usr_test" } });
  });
  return id;
}

/** Ends deployments of a rollout the way a device's report would: `count` of them, in these words. */
export async function failDeployments(db: Db, rolloutId: string, count: number, failure: { code: string; detail: string }): Promise<void> {
  await withSql(db, (sql) => sql.query(
    `update deployment set state = 'failed', failure_code = $3, failure_detail = $4, recovery = 'rollback_complete', finished_at = now(), updated_at = now()
      where id in (select id from deployment where rollout_id = $1 and state = 'offered' order by id limit $2)`,
    [rolloutId, count, failure.code, failure.detail],
  ));
}
