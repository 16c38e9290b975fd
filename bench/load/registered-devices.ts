import type { Db } from "@flotilla/db";

const CLASS = JSON.stringify({ name: "pi4", arch: "arm64", isa: ["neon"], runtime: { name: "onnxruntime-node", version: "1.30.0" }, executionProvider: "cpu", memoryBytes: 4_294_967_296, simulated: true });
const CHUNK = 50_000;

export const benchDeviceId = (n: number): string => `dev_bench_${String(n).padStart(8, "0")}`;

/**
 * Registers devices in bulk, each with what a device of some days has: a last state, a ledger and the latency of the
 * present hour. Their ledgers stand at 0 in an epoch that nobody sends, so that every device begins the epoch of the run.
 */
export async function registerDevices(db: Db, count: number): Promise<void> {
  for (let from = 0; from < count; from += CHUNK) {
    const range = [from, Math.min(from + CHUNK, count) - 1];
    const ids = "(select 'dev_bench_' || lpad(n::text, 8, '0') as id, n from generate_series($1::int, $2::int) n) d";
    await db.pool.query(
      `insert into device (id, name, public_key, labels, class_name, class, simulated, has_synced) select id, id, 'bench', jsonb_build_object('class', 'pi4', 'arch', 'arm64', 'site', 's' || n % 50), 'pi4', $3::jsonb, true, true from ${ids}`,
      [...range, CLASS],
    );
    await db.pool.query(
      `insert into device_live (device_id, last_seen_at, boot_id, slots, resources, agent_version) select id, now() - interval '1 hour', 'before', '[]', '{}', '0.1.0' from ${ids}`, range);
    await db.pool.query(`insert into telemetry_watermark (device_id, epoch, seq, stored_windows) select id, '0123456789abcdef', 0, 0 from ${ids}`, range);
    await db.pool.query(
      `insert into device_latency (device_id, build_id, version_id, mode, step, at, count, errors, sum_ms, min_ms, max_ms, buckets)
       select id, 'bld_bench', 'ver_bench', 'simulated', 'hour', date_trunc('hour', now()) - interval '1 hour', 120, 0, 600, 4, 7, '\\x7b78'::bytea from ${ids}`, range);
  }
  await db.pool.query("vacuum analyze device, device_live, telemetry_watermark, device_latency");
}

/** The build that the devices of the benchmarks run, with its one version. */
export async function addBenchBuild(db: Db): Promise<void> {
  await db.pool.query(`insert into build (id, name, settings, created_by_id) values ('bld_bench', 'bench', '{}', 'bench')`);
  await db.pool.query(`insert into build_variant (build_id, position, version_id) values ('bld_bench', 0, 'ver_bench')`);
}
